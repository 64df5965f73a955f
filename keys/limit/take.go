package limit

import (
	"sync/atomic"
	"time"
)

// MaxDemands is how many limits one decision may weigh.
const MaxDemands = 12

// Demand asks for one unit under one policy.
type Demand struct {
	Policy *Policy
	// Key says whose count it is, in the Table.
	Key Key
	// Cell, when set, holds the TAT instead of the Table: the limit of a credential
	// lives in its caller.Slot.
	Cell *atomic.Int64
	// Who is whose count it is, for a Shared that counts for other processes too; the zero
	// Who where there is none.
	Who Who
}

// Result is the verdict on a list of demands. States holds one Status for each, in
// their order.
type Result struct {
	Allowed    bool
	RetryAfter time.Duration // when refused: until all demands would be admitted
	Refused    *Policy       // when refused: the policy that makes it wait longest
	states     [MaxDemands]Status
	counted    [MaxDemands]unit
	n          int // states
	units      int // counted units, which are those of the first states
}

// unit is one counted unit: where, and the TAT that it led to.
type unit struct {
	cell *atomic.Int64
	tat  int64
}

// States returns where each policy stands.
func (r *Result) States() []Status { return r.states[:r.n] }

// Join adds another verdict on the same request to r: both have to admit it. The longest
// wait counts.
func (r *Result) Join(o *Result) {
	r.n += copy(r.states[r.n:], o.States())
	if !o.Allowed {
		r.Allowed = false
		if o.RetryAfter > r.RetryAfter {
			r.RetryAfter, r.Refused = o.RetryAfter, o.Refused
		}
	}
}

// Take admits all demands or none: it checks them all, then commits; a demand that
// another request overtook in between is checked again, and if it fails what was
// already committed is given back. Under contention it may refuse a request that
// one at a time would have passed, never the reverse.
// More than MaxDemands are refused.
func (t *Table) Take(now time.Time, demands ...Demand) Result {
	r := t.Peek(now, demands...)
	if !r.Allowed {
		return r
	}
	us := now.UnixMicro()
	for i := range demands {
		d := &demands[i]
		u, ok := t.commit(d, us)
		if !ok {
			t.rollBack(us, &r, i)
			r.units = 0
			r.refuse(i, d.Policy, u.tat, us)
			return r
		}
		r.counted[i], r.units = u, i+1
		r.states[i] = d.Policy.status(u.tat, us)
	}
	return r
}

// Peek says what Take would say, and counts nothing.
func (t *Table) Peek(now time.Time, demands ...Demand) Result {
	if len(demands) > MaxDemands {
		return Result{RetryAfter: time.Second, Refused: demands[0].Policy}
	}
	r := Result{Allowed: true, n: len(demands)}
	us := now.UnixMicro()
	for i := range demands {
		d := &demands[i]
		tat := t.tat(d, us)
		r.states[i] = d.Policy.status(tat, us)
		if d.Policy.wait(tat, us) > 0 {
			r.refuse(i, d.Policy, tat, us)
		}
	}
	return r
}

// Charge counts a unit after the fact, whether or not it was to be had: a failed
// login is known only when it has failed. The TAT never runs further ahead than a
// full burst, so that the wait afterwards is one interval at most.
func (t *Table) Charge(now time.Time, d Demand) Status {
	us := now.UnixMicro()
	for {
		c := t.cell(&d, us)
		old := c.Load()
		if old == gone {
			continue
		}
		tat := d.Policy.charged(old, us)
		if c.CompareAndSwap(old, tat) {
			return d.Policy.status(tat, us)
		}
	}
}

// Refund gives back what an admitted Result counted, for a request that in the end
// used nothing. Call it once at most.
func (t *Table) Refund(now time.Time, r *Result) {
	if r.Allowed {
		t.rollBack(now.UnixMicro(), r, r.units)
	}
}

// rollBack gives back the first n units of r.
func (t *Table) rollBack(now int64, r *Result, n int) {
	for i := range n {
		u, p := &r.counted[i], r.states[i].Policy
		r.states[i] = p.status(u.giveBack(p, now), now)
	}
}

// refuse notes a refusal; the longest wait wins.
func (r *Result) refuse(i int, p *Policy, tat, now int64) {
	r.Allowed = false
	r.states[i] = p.status(tat, now)
	if wait := time.Duration(p.wait(tat, now)) * time.Microsecond; wait > r.RetryAfter {
		r.RetryAfter, r.Refused = wait, p
	}
}

// commit counts one unit. When there is none to be had, it returns the TAT as it is
// and false.
func (t *Table) commit(d *Demand, now int64) (unit, bool) {
	for {
		c := t.cell(d, now)
		old := c.Load()
		if old == gone {
			continue
		}
		if d.Policy.wait(old, now) > 0 {
			return unit{c, old}, false
		}
		if tat := d.Policy.next(old, now); c.CompareAndSwap(old, tat) {
			return unit{c, tat}, true
		}
	}
}

// giveBack takes the unit off again and returns the cell that holds now. It does so only
// while the unit is certain to be in there still.
func (u *unit) giveBack(p *Policy, now int64) int64 {
	for {
		old := u.cell.Load()
		if old == gone {
			return old
		}
		less, ok := p.without(old, u.tat, now)
		if !ok || u.cell.CompareAndSwap(old, less) {
			return less
		}
	}
}

// cell returns where d is counted, making it.
func (t *Table) cell(d *Demand, now int64) *atomic.Int64 {
	if d.Cell != nil {
		return d.Cell
	}
	if c := t.find(d.Key); c != nil {
		return c
	}
	return t.enter(d.Key, d.Policy, now)
}

// tat reads d's TAT without making anything.
func (t *Table) tat(d *Demand, now int64) int64 {
	c := d.Cell
	if c == nil {
		c = t.find(d.Key)
	}
	if c == nil {
		return now
	}
	return c.Load() // gone is long past, which is what it means
}
