package source

import (
	"math/rand/v2"
	"time"
)

// Pace lets something happen at once, and then again and again with a wait that doubles from
// Min to Max. A quarter of the wait is chance, so that nodes do not come in step. After a time
// of quiet it begins anew. It is not safe for concurrent use.
type Pace struct {
	Min, Max time.Duration

	wait time.Duration
	next time.Time
}

// Take reports whether it may happen now, and counts it where it may.
func (p *Pace) Take(now time.Time) bool {
	if now.Before(p.next) {
		return false
	}
	if now.Sub(p.next) > p.Max {
		p.wait = 0
	}
	p.wait = min(max(2*p.wait, p.Min), p.Max)
	p.next = now.Add(p.wait + rand.N(p.wait/4+1))
	return true
}

// Reset begins anew: it helped.
func (p *Pace) Reset() { p.wait, p.next = 0, time.Time{} }
