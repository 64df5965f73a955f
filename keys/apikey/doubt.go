package apikey

import (
	"sync"
	"sync/atomic"
	"time"
)

// maxDoubts bounds the keys that are doubted one by one; beyond it all are.
const maxDoubts = 10_000

// doubt knows which keys in memory may not be true. Its fast answer is one atomic
// read: nothing is in doubt.
type doubt struct {
	all  atomic.Bool
	some atomic.Int32 // len(ids)

	mu    sync.Mutex
	seq   uint64
	since time.Time // when the first of the present doubts began; zero: there is none
	// allSeq is the seq at which everything was last doubted.
	allSeq uint64
	ids    map[ID]uint64 // to the seq at which it was last doubted
}

// of reports whether id is in doubt.
func (d *doubt) of(id ID) bool {
	if d.all.Load() {
		return true
	}
	if d.some.Load() == 0 {
		return false
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	_, in := d.ids[id]
	return in
}

// add doubts id and returns the state that a removal must know.
func (d *doubt) add(id ID) uint64 {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.begins()
	if d.ids == nil {
		d.ids = map[ID]uint64{}
	}
	if len(d.ids) >= maxDoubts {
		d.allSeq = d.seq
		d.all.Store(true)
		return d.seq
	}
	d.ids[id] = d.seq
	d.some.Store(int32(len(d.ids)))
	return d.seq
}

// remove ends the doubt about id, unless it was doubted again after seen.
func (d *doubt) remove(id ID, seen uint64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.ids[id] <= seen {
		delete(d.ids, id)
		d.some.Store(int32(len(d.ids)))
		d.ends()
	}
}

// begin marks the moment before everything is read again.
func (d *doubt) begin() uint64 {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.seq
}

// end ends every doubt that is no newer than seen.
func (d *doubt) end(seen uint64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for id, seq := range d.ids {
		if seq <= seen {
			delete(d.ids, id)
		}
	}
	d.some.Store(int32(len(d.ids)))
	d.all.Store(d.allSeq > seen)
	d.ends()
}

// everything doubts all keys.
func (d *doubt) everything() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.begins()
	d.allSeq = d.seq
	d.all.Store(true)
}

// begins counts a new doubt. d.mu is held.
func (d *doubt) begins() {
	d.seq++
	if d.since.IsZero() {
		d.since = time.Now()
	}
}

// ends notes that nothing is in doubt any more, if that is so. d.mu is held.
func (d *doubt) ends() {
	if len(d.ids) == 0 && !d.all.Load() {
		d.since = time.Time{}
	}
}

// age is how long something has been in doubt without a break; 0: nothing is.
func (d *doubt) age() time.Duration {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.since.IsZero() {
		return 0
	}
	return time.Since(d.since)
}

// list returns the keys that are doubted one by one, and whether all are.
func (d *doubt) list() (map[ID]uint64, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	out := make(map[ID]uint64, len(d.ids))
	for id, seq := range d.ids {
		out[id] = seq
	}
	return out, d.all.Load()
}
