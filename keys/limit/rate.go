package limit

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// The bounds of a rate. An interval is kept in whole microseconds, so a rate above
// a million a second cannot be told apart from none.
const (
	MaxCount = 1_000_000
	MaxPer   = 366 * 24 * time.Hour
)

// Rate allows Count units in each Per, and at most Burst of them at once. A Burst
// of 0 means Count.
type Rate struct {
	Count int
	Per   time.Duration
	Burst int
}

// Zero reports whether no limit is set.
func (r Rate) Zero() bool { return r == Rate{} }

// Parse reads "COUNT/PERIOD": a whole number, a slash, and a unit (s, m, h, d) that
// a whole number may precede: "10/m", "30/10m". Nothing else is accepted, no sign,
// no blank, no leading zero.
func Parse(s string) (Rate, error) {
	count, period, ok := strings.Cut(s, "/")
	if !ok {
		return Rate{}, fmt.Errorf("rate %q has no period (write COUNT/PERIOD, as in 10/m or 30/10m)", s)
	}
	n, err := number(count)
	if err != nil {
		return Rate{}, fmt.Errorf("rate %q: count %q %w", s, count, err)
	}
	per, err := parsePeriod(period)
	if err != nil {
		return Rate{}, fmt.Errorf("rate %q: period %q %w", s, period, err)
	}
	r := Rate{Count: n, Per: per}
	if err := r.Check(); err != nil {
		return Rate{}, err
	}
	return r, nil
}

func parsePeriod(s string) (time.Duration, error) {
	if s == "" {
		return 0, fmt.Errorf("is empty (end with s, m, h or d)")
	}
	units := map[byte]time.Duration{'s': time.Second, 'm': time.Minute, 'h': time.Hour, 'd': 24 * time.Hour}
	unit, ok := units[s[len(s)-1]]
	if !ok {
		return 0, fmt.Errorf("has no unit (end with s, m, h or d)")
	}
	if len(s) == 1 {
		return unit, nil
	}
	n, err := number(s[:len(s)-1])
	if err != nil {
		return 0, err
	}
	if time.Duration(n) > MaxPer/unit {
		return 0, fmt.Errorf("is too long (at most 366d)")
	}
	return time.Duration(n) * unit, nil
}

// number reads a positive whole number of at most seven digits.
func number(s string) (int, error) {
	if s == "" || len(s) > 7 || s[0] == '0' || strings.Trim(s, "0123456789") != "" {
		return 0, fmt.Errorf("is no whole number from 1 to %d (digits only)", MaxCount)
	}
	return strconv.Atoi(s)
}

// Check reports what makes r unusable as a limit.
func (r Rate) Check() error {
	switch {
	case r.Count < 1 || r.Count > MaxCount:
		return fmt.Errorf("rate of %d is out of range (1 to %d)", r.Count, MaxCount)
	case r.Per < time.Second || r.Per > MaxPer:
		return fmt.Errorf("rate per %v is out of range (1s to 366d)", r.Per)
	case r.Per.Microseconds() < int64(r.Count):
		return fmt.Errorf("rate of %d per %v is above a million a second (lower it)", r.Count, r.Per)
	case r.Burst < 0 || r.Burst > MaxCount:
		return fmt.Errorf("burst of %d is out of range (1 to %d, or leave it out)", r.Burst, MaxCount)
	case r.tolerance() > 10*MaxPer.Microseconds():
		return fmt.Errorf("burst of %d takes more than ten years to come back (lower it)", r.Burst)
	}
	return nil
}

// String writes what Parse reads; a burst of its own follows in words.
func (r Rate) String() string {
	if r.Zero() {
		return "none"
	}
	s := strconv.Itoa(r.Count) + "/" + formatPeriod(r.Per)
	if r.Burst > 0 && r.Burst != r.Count {
		s += " burst " + strconv.Itoa(r.Burst)
	}
	return s
}

func formatPeriod(d time.Duration) string {
	for _, u := range []struct {
		name string
		d    time.Duration
	}{{"d", 24 * time.Hour}, {"h", time.Hour}, {"m", time.Minute}, {"s", time.Second}} {
		if d >= u.d && d%u.d == 0 {
			if d == u.d {
				return u.name
			}
			return strconv.FormatInt(int64(d/u.d), 10) + u.name
		}
	}
	return d.String()
}

// burst is how many units may come at once.
func (r Rate) burst() int64 {
	if r.Burst > 0 {
		return int64(r.Burst)
	}
	return int64(r.Count)
}

// interval is the microseconds that one unit costs. It is rounded up: a limit may
// be a millionth stricter than written, never laxer.
func (r Rate) interval() int64 {
	n := int64(r.Count)
	return (r.Per.Microseconds() + n - 1) / n
}

// tolerance is how far ahead of the clock a TAT may run, in microseconds.
func (r Rate) tolerance() int64 { return r.interval() * r.burst() }
