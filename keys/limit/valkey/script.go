package valkey

// script weighs limits as keys/limit does, in the server. A cell is a TAT in microseconds,
// or the end of a quota's window plus the units used; both fit the 53 bits of a Lua number
// until the year 2255. It checks all limits before it counts any.
//
//	KEYS  one for each limit
//	ARGV  operation ("take", "charge", "peek"); then for each limit
//	      kind ("r" a rate, "d" or "m" a quota), and
//	      interval and tolerance of a rate in microseconds, or the quota and 0
//	→     for each limit: wait, remaining, reset; times in microseconds
const script = `
local t = redis.call('TIME')
local now = t[1] * 1000000 + t[2]
local DAY, SKEW = 86400000000, 1000000

-- The beginning of the month after the day with that number since 1970 (the civil calendar
-- in days, with years that begin in March).
local function month_end(days)
  local z = days + 719468
  local era = math.floor(z / 146097)
  local doe = z - era * 146097
  local yoe = math.floor((doe - math.floor(doe / 1460) + math.floor(doe / 36524) - math.floor(doe / 146096)) / 365)
  local doy = doe - (365 * yoe + math.floor(yoe / 4) - math.floor(yoe / 100))
  local mp = math.floor((5 * doy + 2) / 153)
  mp = mp + 1
  if mp == 12 then
    mp = 0
    yoe = yoe + 1
    if yoe == 400 then
      yoe = 0
      era = era + 1
    end
  end
  return era * 146097 + yoe * 365 + math.floor(yoe / 4) - math.floor(yoe / 100) + math.floor((153 * mp + 2) / 5) - 719468
end

local function window_end(kind)
  local days = math.floor(now / DAY)
  if kind == 'd' then return (days + 1) * DAY end
  return month_end(days) * DAY
end

local op, out, cells, refused = ARGV[1], {}, {}, false
for i, key in ipairs(KEYS) do
  local kind, a, b = ARGV[3 * i - 1], tonumber(ARGV[3 * i]), tonumber(ARGV[3 * i + 1])
  local cell = tonumber(redis.call('GET', key) or 0)
  local wait, remaining, reset, nxt
  if kind == 'r' then
    if cell > now + b + SKEW then cell = now end -- the clock was set back
    local from = math.max(cell, now)
    nxt = from + a
    wait = math.max(0, nxt - b - now)
    if op == 'charge' then
      nxt = math.max(math.min(nxt, now + b), from)
    elseif op == 'take' and wait == 0 then
      from = nxt
    end
    remaining = math.max(0, math.floor((b - (from - now)) / a))
    reset = math.max(0, from - now - b + (remaining + 1) * a)
  else
    local ends = window_end(kind)
    local used = 0
    if cell % DAY > 0 and cell - cell % DAY == ends then used = cell % DAY end
    wait = 0
    if used >= a then wait = ends - now end
    nxt = ends + used + 1
    if op == 'charge' and used >= a then nxt = ends + used end
    remaining = a - used
    if op == 'take' and wait == 0 then remaining = remaining - 1 end
    remaining = math.max(0, remaining)
    reset = ends - now
  end
  if wait > 0 then refused = true end
  cells[i] = nxt
  out[3 * i - 2], out[3 * i - 1], out[3 * i] = wait, remaining, reset
end
if op == 'charge' or op == 'take' and not refused then
  for i, key in ipairs(KEYS) do
    redis.call('SET', key, string.format('%.0f', cells[i]), 'PX', math.ceil(math.max(cells[i] - now, 0) / 1000) + 1)
  end
elseif op == 'take' then
  for i, key in ipairs(KEYS) do -- nothing was counted: the units that were to be had are still there
    if out[3 * i - 2] == 0 then out[3 * i - 1] = out[3 * i - 1] + 1 end
  end
end
return out
`
