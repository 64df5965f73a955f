package throttle

import (
	"cmp"
	"slices"
	"time"
)

// counter is what is counted of one name within its window: failures, and attempts that
// have no outcome yet.
type counter struct {
	tries  []try         // oldest first; at most as many as the limit
	window time.Duration // that counts now
	fills  int           // how often the count has filled, since the last success
	last   int64         // failure, microseconds
}

// try is one attempt. pending: it has no outcome.
type try struct {
	at      int64 // microseconds
	pending bool
}

// memory is how long it is remembered that a count has filled.
const memory = 24 * time.Hour

// windowOf is the window that counts now: it doubles with each time that the count has
// filled after the first, up to l.Most (NIST SP 800-63B-4, Section 3.2.2, has waits of 30 s
// to an hour).
func (c *counter) windowOf(now time.Time, l Limit) time.Duration {
	if c.fills > 0 && now.UnixMicro()-c.last >= memory.Microseconds() {
		c.fills = 0
	}
	w := l.Window
	for n := 1; n < c.fills && w < l.Most; n++ {
		w = min(2*w, l.Most)
	}
	return w
}

// settling is how long to wait for attempts that have no outcome yet. One that has none
// after lost is that of a node that died, and a failure.
const (
	settling = time.Second
	lost     = 30 * time.Second
)

// wait returns how long an attempt has to wait, 0 when it may begin.
func (c *counter) wait(now time.Time, l Limit) time.Duration {
	window := c.windowOf(now, l)
	c.expire(now, window)
	if len(c.tries) < l.Failures {
		return 0
	}
	for _, t := range c.tries {
		if t.pending && now.UnixMicro()-t.at < lost.Microseconds() {
			return settling
		}
	}
	return time.UnixMicro(c.tries[len(c.tries)-l.Failures].at).Add(window).Sub(now)
}

// begin notes an attempt without an outcome.
func (c *counter) begin(at int64) { c.add(try{at, true}) }

func (c *counter) add(t try) {
	c.tries = append(c.tries, t)
	slices.SortStableFunc(c.tries, func(a, b try) int { return cmp.Compare(a.at, b.at) })
}

// pending reports whether an attempt has no outcome yet: one that is taken for lost may have
// one all the same, and open the count.
func (c *counter) pending() bool {
	return slices.ContainsFunc(c.tries, func(t try) bool { return t.pending })
}

// settle takes the attempt without an outcome away that began then.
func (c *counter) settle(begun int64) {
	if i := slices.Index(c.tries, try{begun, true}); i >= 0 {
		c.tries = slices.Delete(c.tries, i, i+1)
	}
}

// fail notes a failure, and reports whether the count is full with it.
func (c *counter) fail(now time.Time, l Limit) (full bool) {
	c.expire(now, c.windowOf(now, l))
	c.add(try{at: now.UnixMicro()})
	c.tries = c.tries[max(0, len(c.tries)-l.Failures):]
	c.last = now.UnixMicro()
	full = len(c.tries) == l.Failures && !c.pending()
	if full && l.Most > 0 {
		c.fills++
	}
	return full
}

// forgive forgets the failures.
func (c *counter) forgive() {
	c.tries, c.fills = slices.DeleteFunc(c.tries, func(t try) bool { return !t.pending }), 0
}

// expire drops what is a window or more ago.
func (c *counter) expire(now time.Time, window time.Duration) {
	edge := now.Add(-window).UnixMicro()
	n := 0
	for n < len(c.tries) && c.tries[n].at <= edge {
		n++
	}
	c.tries = c.tries[n:]
}

func (c *counter) empty() bool { return len(c.tries) == 0 && c.fills == 0 }

// over reports that nothing in c counts any more.
func (c *counter) over(now time.Time) bool { return !now.Before(c.ends()) }

// ends is when nothing in c counts any more.
func (c *counter) ends() (end time.Time) {
	if n := len(c.tries); n > 0 {
		end = time.UnixMicro(c.tries[n-1].at).Add(c.window)
	}
	if remembered := time.UnixMicro(c.last).Add(memory); c.fills > 0 && remembered.After(end) {
		end = remembered
	}
	return end
}
