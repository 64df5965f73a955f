package limit

import (
	"context"
	"time"
)

// Op says what is asked of a Shared.
type Op string

// The questions.
const (
	TakeUnits   Op = "take"   // all or none
	ChargeUnits Op = "charge" // count, whether or not there are any: a failure is known when it has happened
	PeekUnits   Op = "peek"   // count nothing
)

// Answer is where one demand stands with a Shared.
type Answer struct {
	Wait      time.Duration // until it would be admitted; 0: it is
	Remaining int           // after this request
	Reset     time.Duration // as Status.Reset
}

// Shared counts what several processes admit together, beside the Table of each: a request
// passes when both admit it. So a Shared that does not answer makes nobody laxer than the
// Table is, and what the Table refuses costs no round trip.
type Shared interface {
	// Ask weighs all demands, which have a Who, at once, in one round trip, and fills into,
	// one Answer for each. It waits for a bounded time and reports false when there is no
	// answer; then what the Table said stands. It is safe for concurrent use.
	Ask(ctx context.Context, op Op, demands []Demand, into *[MaxDemands]Answer) bool
}

// Settle narrows r, which t admitted, to what a Shared answered to demands. The first
// demands are those of r, in order; what follows is counted by the Shared only. When it
// refuses, what t counted is given back.
func (t *Table) Settle(now time.Time, r *Result, demands []Demand, answers *[MaxDemands]Answer) {
	for i := range demands {
		if a := &answers[i]; a.Wait > 0 {
			t.Refund(now, r)
			break
		}
	}
	for i := range demands {
		p, a := demands[i].Policy, &answers[i]
		if i < r.n {
			r.states[i] = Status{p, a.Remaining, a.Reset}
		}
		if a.Wait > r.RetryAfter {
			r.Allowed, r.RetryAfter, r.Refused = false, a.Wait, p
		}
	}
}

// Terms are what a policy allows, in numbers for another process: of a rate "r", interval
// and tolerance in microseconds; of a quota "d" or "m" and how many.
func (p *Policy) Terms() (kind string, a, b int64) {
	switch p.window {
	case Day:
		return "d", p.quota, 0
	case Month:
		return "m", p.quota, 0
	}
	return "r", p.interval, p.tolerance
}
