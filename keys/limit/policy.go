package limit

import (
	"fmt"
	"sync/atomic"
	"time"
)

// Policy is a named Rate, compiled for the request path. It is made once (by the
// configuration, or with the key that carries it) and used by pointer, from any
// number of goroutines.
type Policy struct {
	name      string
	rate      Rate
	interval  int64 // microseconds a unit costs
	tolerance int64 // microseconds a TAT may run ahead
	// overflow is the TAT that identities share for whom a full Table has no room.
	overflow atomic.Int64
}

// NewPolicy compiles a rate. The name appears in the RateLimit fields and in log
// lines: "network", "caller", "route", "key"; printable ASCII.
func NewPolicy(name string, rate Rate) (*Policy, error) {
	if err := rate.Check(); err != nil {
		return nil, fmt.Errorf("limit %q: %w", name, err)
	}
	for i := range len(name) {
		if name[i] < 0x20 || name[i] > 0x7e {
			return nil, fmt.Errorf("limit name %q has characters that no header field may carry (use printable ASCII)", name)
		}
	}
	return &Policy{name: name, rate: rate, interval: rate.interval(), tolerance: rate.tolerance()}, nil
}

// Name is the policy's name.
func (p *Policy) Name() string { return p.name }

// Rate is what the policy allows.
func (p *Policy) Rate() Rate { return p.rate }

// Status is where one policy stands after a decision.
type Status struct {
	Policy    *Policy
	Remaining int           // units that would be admitted right now
	Reset     time.Duration // until one more unit is free; the wait when none remains
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

// wait is how many microseconds a unit must wait when the TAT is tat; 0: none.
func (p *Policy) wait(tat, now int64) int64 {
	return max(0, p.from(tat, now)+p.interval-p.tolerance-now)
}

// status describes the policy at tat.
func (p *Policy) status(tat, now int64) Status {
	ahead := p.from(tat, now) - now
	remaining := max(0, (p.tolerance-ahead)/p.interval)
	next := ahead - p.tolerance + (remaining+1)*p.interval // when remaining grows by one
	return Status{p, int(remaining), time.Duration(max(0, next)) * time.Microsecond}
}
