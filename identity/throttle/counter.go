package throttle

import "time"

// counter is the failures of one name within its window, oldest first, and the
// attempts without an outcome.
type counter struct {
	failures []int64 // microseconds; at most as many as the limit
	pending  int
	window   time.Duration // that counts now
	fills    int           // how often the count has filled, since the last success
	last     int64         // failure, microseconds
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

// settling is how long to wait for attempts that have no outcome yet.
const settling = time.Second

// wait returns how long an attempt has to wait, 0 when it may begin.
func (c *counter) wait(now time.Time, l Limit) time.Duration {
	window := c.windowOf(now, l)
	c.expire(now, window)
	switch {
	case len(c.failures) >= l.Failures:
		oldest := time.UnixMicro(c.failures[len(c.failures)-l.Failures])
		return oldest.Add(window).Sub(now)
	case len(c.failures)+c.pending >= l.Failures:
		return settling
	}
	return 0
}

func (c *counter) fail(now time.Time, l Limit) {
	c.expire(now, c.windowOf(now, l))
	if len(c.failures) >= l.Failures {
		c.failures = c.failures[1:]
	}
	c.failures = append(c.failures, now.UnixMicro())
	c.last = now.UnixMicro()
	if len(c.failures) == l.Failures && l.Most > 0 {
		c.fills++
	}
	c.window = c.windowOf(now, l)
}

// expire drops the failures that are a window or more ago.
func (c *counter) expire(now time.Time, window time.Duration) {
	edge := now.Add(-window).UnixMicro()
	n := 0
	for n < len(c.failures) && c.failures[n] <= edge {
		n++
	}
	c.failures = c.failures[n:]
}

// over reports that nothing in c counts any more.
func (c *counter) over(now time.Time) bool {
	c.expire(now, c.window)
	return c.pending == 0 && len(c.failures) == 0 && (c.fills == 0 || now.UnixMicro()-c.last >= memory.Microseconds())
}

// sample is how many counters are looked at to make room for one.
const sample = 16

// counter returns the counter of a name, making it where there is none. When the
// table is full, the one of a sample goes that has the fewest failures: a flood of
// fresh names does not wash out those that are under attack.
func (t *Throttle) counter(n name) *counter {
	if c := t.counters[n]; c != nil {
		return c
	}
	if len(t.counters) >= t.o.Max {
		t.evict()
	}
	c := new(counter)
	t.counters[n] = c
	return c
}

func (t *Throttle) evict() {
	var victim name
	var least *counter
	seen := 0
	for n, c := range t.counters { // map order is random enough
		if least == nil || c.pending+len(c.failures) < least.pending+len(least.failures) {
			victim, least = n, c
		}
		if seen++; seen == sample {
			break
		}
	}
	delete(t.counters, victim)
}

// Sweep drops counters that count nothing any more. Call it every few minutes; memory
// is bounded without it.
func (t *Throttle) Sweep(now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for n, c := range t.counters {
		if c.over(now) {
			delete(t.counters, n)
		}
	}
}

// Len counts the counters in memory.
func (t *Throttle) Len() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.counters)
}
