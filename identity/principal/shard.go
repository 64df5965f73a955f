package principal

import (
	"slices"
	"sync"
)

const shardCount = 64

// entry is one principal in memory. One that is not fresh is kept for the pointer
// of its rights only.
type entry struct {
	p     *Principal
	fresh bool
}

// flight is one read of the store that several requests wait for.
type flight struct {
	gen  uint64
	done chan struct{}
	p    *Principal
	err  error
}

// shard is a part of the directory under its own lock. Its generation grows with
// every drop: a read that began under an older one saw, perhaps, what was dropped,
// so it is neither kept nor joined by anyone who came after the drop.
type shard struct {
	mu      sync.RWMutex
	gen     uint64
	max     int
	entries map[string]entry
	flights map[string]*flight
}

func (s *shard) init(max int) {
	s.max = max
	s.entries = make(map[string]entry)
	s.flights = make(map[string]*flight)
}

func (s *shard) get(id string) *Principal {
	s.mu.RLock()
	e := s.entries[id]
	s.mu.RUnlock()
	if !e.fresh {
		return nil
	}
	return e.p
}

func (s *shard) generation() uint64 {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.gen
}

func (s *shard) len() int {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return len(s.entries)
}

// join returns the flight that reads id, and whether the caller has to fly it.
func (s *shard) join(id string) (f *flight, first bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if f, ok := s.flights[id]; ok && f.gen == s.gen {
		return f, false
	}
	f = &flight{gen: s.gen, done: make(chan struct{})}
	s.flights[id] = f
	return f, true
}

func (s *shard) land(id string, f *flight) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.flights[id] == f {
		delete(s.flights, id)
	}
}

// put keeps p if nothing was dropped since gen and nothing newer is there. It
// returns p with the rights that are known already where the roles are the same.
func (s *shard) put(id string, p *Principal, gen uint64) *Principal {
	s.mu.Lock()
	defer s.mu.Unlock()
	old, known := s.entries[id]
	if known && slices.Equal(old.p.Rights.Roles, p.Rights.Roles) {
		p.Rights = old.p.Rights
	}
	if s.gen != gen || old.fresh && old.p.Version > p.Version {
		return p
	}
	if !known && len(s.entries) >= s.max {
		for victim := range s.entries { // map order is random enough
			delete(s.entries, victim)
			break
		}
	}
	s.entries[id] = entry{p, true}
	return p
}

func (s *shard) drop(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.gen++
	if e, ok := s.entries[id]; ok {
		s.entries[id] = entry{p: e.p}
	}
}

func (s *shard) forget(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.entries, id)
}

func (s *shard) flush() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.gen++
	for id, e := range s.entries {
		s.entries[id] = entry{p: e.p}
	}
}
