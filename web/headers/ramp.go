package headers

import "time"

const (
	day  = 24 * time.Hour
	year = 365 * day
)

// HSTS is what Strict-Transport-Security says, and when. The zero value sends nothing.
// It is immutable and safe for concurrent use.
type HSTS struct{ steps []step } // in order of time

// step is one value and its end. The last one has none.
type step struct {
	until time.Time
	hsts
}

// FixedHSTS says the same for ever; nothing for a lifetime of 0.
func FixedHSTS(lifetime time.Duration, subdomains bool) HSTS {
	if lifetime <= 0 {
		return HSTS{}
	}
	return HSTS{[]step{{hsts: newHSTS(int64(lifetime/time.Second), subdomains)}}}
}

// RampHSTS grows, so that a mistake costs a day at first and not a year (RFC 6797, Section
// 11.2; the ramp of hstspreload.org): one day until a week after start, 30 days for 30 days
// more, then a year. Subdomains, which others may run, are included with the year only.
func RampHSTS(start time.Time) HSTS {
	week := start.Add(7 * day)
	return HSTS{[]step{
		{week, newHSTS(int64(day/time.Second), false)},
		{week.Add(30 * day), newHSTS(int64(30*day/time.Second), false)},
		{hsts: newHSTS(int64(year/time.Second), true)},
	}}
}

// At returns the value in force, "" for none, and when the next one comes, the zero time
// for never. It allocates nothing.
func (h HSTS) At(now time.Time) (value string, until time.Time) {
	for i := range h.steps {
		if s := &h.steps[i]; s.until.IsZero() || now.Before(s.until) {
			return s.text, s.until
		}
	}
	return "", time.Time{}
}

// ramp makes a floor for every step. The last is f itself.
func (f *Floor) ramp(h HSTS) {
	for _, s := range h.steps[:len(h.steps)-1] {
		earlier := *f
		earlier.hsts = s.hsts
		f.before = append(f.before, stage{s.until, &earlier})
	}
	f.hsts = h.steps[len(h.steps)-1].hsts
}

// stage is the floor until a time.
type stage struct {
	until time.Time
	floor *Floor
}

// At returns the floor in force, which without a ramp is f. It allocates nothing.
func (f *Floor) At(now time.Time) *Floor {
	for i := range f.before {
		if now.Before(f.before[i].until) {
			return f.before[i].floor
		}
	}
	return f
}
