package limit

import (
	"sync"
	"time"
)

// MaxSeats is how many concurrency limits one request may be held to.
const MaxSeats = 5

// busyWait is how long a client is told to wait for a place: nobody knows when the
// requests that are under way will end.
const busyWait = time.Second

// Seat asks for one place under a concurrency policy.
type Seat struct {
	Policy *Policy
	Key    Key
}

// room counts who is under way. It holds as many entries as there are requests, so it
// needs no bound of its own.
type room struct {
	mu    sync.Mutex
	under map[Key]int
	_     [48]byte // keep two rooms off one cache line
}

// Held are the places that a request has taken. The zero Held has none. It belongs to
// one goroutine.
type Held struct {
	table *Table
	keys  [MaxSeats]Key
	n     int
}

// Release gives the places back. It may be called any number of times, and must be called
// on every way out.
func (h *Held) Release() {
	for h.n > 0 {
		h.n--
		h.table.leave(h.keys[h.n])
	}
}

// Enter takes all places or none, and says where each policy stands. More than MaxSeats
// are refused. h must be the zero Held or a released one.
func (t *Table) Enter(h *Held, seats ...Seat) Result {
	r := Result{Allowed: true}
	h.table = t
	for i, s := range seats {
		if i == MaxSeats {
			r.full(s.Policy)
			break
		}
		n, ok := t.enterOne(s.Key, s.Policy.places)
		r.states[i] = Status{Policy: s.Policy, Remaining: max(0, s.Policy.places-n)}
		r.n++
		if !ok {
			r.full(s.Policy)
			continue // the others only say where they stand
		}
		h.keys[h.n] = s.Key
		h.n++
	}
	if !r.Allowed {
		h.Release()
	}
	return r
}

// full notes that a concurrency policy refuses.
func (r *Result) full(p *Policy) {
	r.Allowed = false
	if busyWait > r.RetryAfter {
		r.RetryAfter, r.Refused = busyWait, p
	}
}

// enterOne counts one more under k, unless there are as many as places; n is how many
// there are then.
func (t *Table) enterOne(k Key, places int) (n int, ok bool) {
	s := &t.rooms[k>>(64-6)]
	s.mu.Lock()
	defer s.mu.Unlock()
	n = s.under[k]
	if n >= places {
		return n, false
	}
	s.under[k] = n + 1
	return n + 1, true
}

func (t *Table) leave(k Key) {
	s := &t.rooms[k>>(64-6)]
	s.mu.Lock()
	defer s.mu.Unlock()
	if n := s.under[k]; n > 1 {
		s.under[k] = n - 1
		return
	}
	delete(s.under, k)
}

// UnderWay counts the identities that hold places.
func (t *Table) UnderWay() int {
	n := 0
	for i := range t.rooms {
		s := &t.rooms[i]
		s.mu.Lock()
		n += len(s.under)
		s.mu.Unlock()
	}
	return n
}
