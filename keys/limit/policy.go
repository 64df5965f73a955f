package limit

import (
	"fmt"
	"strconv"
	"sync/atomic"
	"time"
)

// Policy is a named limit, compiled for the request path: a Rate, a Quota, or how many may
// be under way at once. It is made once (by the configuration, or with the key that carries
// it) and used by pointer, from any number of goroutines.
type Policy struct {
	name      string
	rate      Rate
	interval  int64 // microseconds a unit costs
	tolerance int64 // microseconds a TAT may run ahead

	window Window // of a quota; 0: it is a rate
	quota  int64
	places int // of a concurrency limit; 0: it is none

	// overflow is the cell that identities share for whom a full Table has no room.
	overflow atomic.Int64
}

// NewPolicy compiles a rate. The name appears in the RateLimit fields and in log
// lines: "network", "caller", "route", "key"; printable ASCII.
func NewPolicy(name string, rate Rate) (*Policy, error) {
	if err := rate.Check(); err != nil {
		return nil, fmt.Errorf("limit %q: %w", name, err)
	}
	return named(&Policy{name: name, rate: rate, interval: rate.interval(), tolerance: rate.tolerance()})
}

// NewQuota compiles a quota.
func NewQuota(name string, q Quota) (*Policy, error) {
	if err := q.Check(); err != nil {
		return nil, fmt.Errorf("limit %q: %w", name, err)
	}
	return named(&Policy{name: name, window: q.Window, quota: int64(q.Count)})
}

// MaxPlaces is the largest concurrency limit.
const MaxPlaces = 1_000_000

// NewConcurrency compiles how many may be under way at once, for Table.Enter.
func NewConcurrency(name string, places int) (*Policy, error) {
	if places < 1 || places > MaxPlaces {
		return nil, fmt.Errorf("limit %q: concurrency of %d is out of range (1 to %d)", name, places, MaxPlaces)
	}
	return named(&Policy{name: name, places: places})
}

func named(p *Policy) (*Policy, error) {
	for i := range len(p.name) {
		if p.name[i] < 0x20 || p.name[i] > 0x7e {
			return nil, fmt.Errorf("limit name %q has characters that no header field may carry (use printable ASCII)", p.name)
		}
	}
	return p, nil
}

// Name is the policy's name.
func (p *Policy) Name() string { return p.name }

// Rate is what the policy allows; the zero Rate when it is a quota or a concurrency limit.
func (p *Policy) Rate() Rate { return p.rate }

// Quota is the policy's quota; the zero Quota when it is none.
func (p *Policy) Quota() Quota { return Quota{int(p.quota), p.window} }

// Concurrency is how many may be under way at once; 0 when the policy does not say.
func (p *Policy) Concurrency() int { return p.places }

// String says what the policy allows: "10/m", "10000/d", "5 at once".
func (p *Policy) String() string {
	switch {
	case p.places > 0:
		return strconv.Itoa(p.places) + " at once"
	case p.window != 0:
		return p.Quota().String()
	}
	return p.rate.String()
}

// Status is where one policy stands after a decision.
type Status struct {
	Policy    *Policy
	Remaining int           // units that would be admitted right now
	Reset     time.Duration // until one more unit is free; the wait when none remains. Of a quota: until its window ends
}

// skew is how far two readings of the clock may lie apart, in microseconds: requests are
// judged by the time at which they began.
const skew = 1_000_000

// from is where counting goes on: the TAT, or now when that has passed. No TAT of this
// policy lies further ahead than its tolerance; one that does was written before the
// clock was set back, and must not shut its identity out until the clock is there again: it counts for nothing.
func (p *Policy) from(tat, now int64) int64 {
	if tat > now+p.tolerance+skew {
		return now
	}
	return max(tat, now)
}

// wait is how many microseconds a unit must wait when the cell is tat; 0: none.
func (p *Policy) wait(tat, now int64) int64 {
	if p.window != 0 {
		if end, n := p.used(tat, now); n >= p.quota {
			return max(1, end-now)
		}
		return 0
	}
	return max(0, p.from(tat, now)+p.interval-p.tolerance-now)
}

// next is the cell after one more unit.
func (p *Policy) next(tat, now int64) int64 {
	if p.window != 0 {
		end, n := p.used(tat, now)
		return end + n + 1
	}
	return p.from(tat, now) + p.interval
}

// charged is the cell after a unit that was not asked for first: never beyond what is
// used up.
func (p *Policy) charged(tat, now int64) int64 {
	if p.window != 0 {
		end, n := p.used(tat, now)
		return end + min(n+1, max(n, p.quota))
	}
	c := min(p.from(tat, now)+p.interval, now+p.tolerance)
	if tat <= now+p.tolerance+skew {
		c = max(c, tat)
	}
	return c
}

// without is the cell old without a unit that led to unit; false when the unit is not
// certain to be in there still, as time gave it back already and what stands there is
// another's.
func (p *Policy) without(old, unit, now int64) (int64, bool) {
	if p.window != 0 {
		in := unit - unit%day
		if in <= now || old-old%day != in || old%day == 0 {
			return old, false
		}
		return old - 1, true
	}
	if unit <= now || old < unit-p.interval || (old-unit)%p.interval != 0 {
		return old, false
	}
	return old - p.interval, true
}

// status describes the policy at tat.
func (p *Policy) status(tat, now int64) Status {
	if p.window != 0 {
		end, n := p.used(tat, now)
		return Status{p, int(max(0, p.quota-n)), time.Duration(max(0, end-now)) * time.Microsecond}
	}
	ahead := p.from(tat, now) - now
	remaining := max(0, (p.tolerance-ahead)/p.interval)
	next := ahead - p.tolerance + (remaining+1)*p.interval // when remaining grows by one
	return Status{p, int(remaining), time.Duration(max(0, next)) * time.Microsecond}
}
