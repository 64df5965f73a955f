package throttle

import "time"

// inMemory runs fn on counters of this process.
func (t *Throttle) inMemory(k *Ticket, now time.Time, fn func([]*counter) error) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	var held [2]*counter
	for i := range k.n {
		if held[i] = t.counters[k.names[i]]; held[i] == nil {
			held[i] = new(counter)
		}
	}
	if err := fn(held[:k.n]); err != nil {
		return err
	}
	for i := range k.n {
		c := held[i]
		c.window = c.windowOf(now, k.limits[i])
		t.keep(k.names[i], c)
	}
	return nil
}

// sample is how many counters are looked at to make room for one.
const sample = 16

// keep keeps the counter of a name, where it counts anything. When the table is full, the
// one of a sample goes that has the fewest failures: a flood of fresh names does not wash
// out those that are under attack.
func (t *Throttle) keep(n name, c *counter) {
	if c.empty() {
		delete(t.counters, n)
		return
	}
	if t.counters[n] == nil && len(t.counters) >= t.o.Max {
		t.evict()
	}
	t.counters[n] = c
}

func (t *Throttle) evict() {
	var victim name
	var least *counter
	seen := 0
	for n, c := range t.counters { // map order is random enough
		if least == nil || len(c.tries) < len(least.tries) {
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
	now = t.clock(now)
	for n, c := range t.counters {
		if c.over(now) {
			delete(t.counters, n)
		}
	}
	for n, until := range t.full {
		if !now.Before(until) {
			delete(t.full, n)
		}
	}
}

// Len counts the counters in memory.
func (t *Throttle) Len() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.counters)
}
