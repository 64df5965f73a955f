package limit

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Window is the calendar window of a quota, in UTC.
type Window uint8

// The windows. They begin at midnight, a month on its first day.
const (
	Day Window = iota + 1
	Month
)

// MaxQuota is the largest quota.
const MaxQuota = 1_000_000_000

// Quota allows Count units in each calendar window. Unlike a Rate it says nothing about
// how fast they may be used up, and all of them are there again when a window begins.
type Quota struct {
	Count  int
	Window Window
}

// Zero reports whether no quota is set.
func (q Quota) Zero() bool { return q == Quota{} }

// ParseQuota reads "COUNT/d" or "COUNT/month": "10000/d". Nothing else is accepted.
func ParseQuota(s string) (Quota, error) {
	count, window, ok := strings.Cut(s, "/")
	if !ok {
		return Quota{}, fmt.Errorf("quota %q has no window (write COUNT/d or COUNT/month)", s)
	}
	if count == "" || len(count) > 10 || count[0] == '0' || strings.Trim(count, "0123456789") != "" {
		return Quota{}, fmt.Errorf("quota %q: count %q is no whole number from 1 to %d (digits only)", s, count, MaxQuota)
	}
	n, err := strconv.Atoi(count)
	if err != nil {
		return Quota{}, fmt.Errorf("quota %q: count %q is no whole number from 1 to %d (digits only)", s, count, MaxQuota)
	}
	q := Quota{Count: n}
	switch window {
	case "d":
		q.Window = Day
	case "month":
		q.Window = Month
	default:
		return Quota{}, fmt.Errorf("quota %q: window %q is unknown (write d for a day or month, in UTC)", s, window)
	}
	return q, q.Check()
}

// Check reports what makes q unusable.
func (q Quota) Check() error {
	switch {
	case q.Count < 1 || q.Count > MaxQuota:
		return fmt.Errorf("quota of %d is out of range (1 to %d)", q.Count, MaxQuota)
	case q.Window != Day && q.Window != Month:
		return fmt.Errorf("quota has no window (d or month)")
	}
	return nil
}

// String writes what ParseQuota reads.
func (q Quota) String() string {
	switch q.Window {
	case Day:
		return strconv.Itoa(q.Count) + "/d"
	case Month:
		return strconv.Itoa(q.Count) + "/month"
	}
	return "none"
}

// day is in microseconds. Unix time has no leap seconds, so that every window ends at a
// multiple of it.
const day = 24 * 60 * 60 * 1_000_000

// used reads the cell of a quota. It holds the end of its window plus the units used, which are far fewer
// than the microseconds of a day: one number says both, and it has passed when the window
// has, which is what lets a Table forget it.
func (p *Policy) used(cell, now int64) (end, n int64) {
	end = p.window.end(now)
	if n = cell % day; cell > 0 && n > 0 {
		// Requests are judged by the time at which they began: around midnight another one
		// may have opened the next window already, and what it counted must not be lost.
		if at := cell - n; at == end || at == p.window.end(now+skew) {
			return at, n
		}
	}
	return end, 0
}

// end is when the window around now ends.
func (w Window) end(now int64) int64 {
	today := now / day * day
	if w == Day {
		return today + day
	}
	t := time.UnixMicro(today).UTC()
	return time.Date(t.Year(), t.Month()+1, 1, 0, 0, 0, 0, time.UTC).UnixMicro()
}

// longest is the length of a window in seconds; of the longest month.
func (w Window) longest() int64 {
	if w == Day {
		return 86_400
	}
	return 31 * 86_400
}
