package proxy

import (
	"errors"
	"sync"

	"github.com/sanmon-gate/sanmon/refusal"
)

// errCut ends what Tunnels.Close cut.
var errCut = errors.New("cut: the session or key behind it has ended")

// Tunnels knows the long-lived connections (upgraded ones and streamed answers)
// by their owner and by the principal behind it. It is safe for concurrent use; the
// zero value is ready.
type Tunnels struct {
	// Max bounds all tunnels together, MaxPerOwner those of one owner; a further
	// one is refused as busy. Default 10000 and 256. Those without an owner count
	// for Max only.
	Max, MaxPerOwner int

	mu    sync.Mutex
	next  uint64
	total int
	open  map[string]map[uint64]func() // by owner
	also  map[string]map[uint64]func() // the same, by principal
}

// Close cuts every tunnel of an owner or principal and returns how many there were. It
// does not wait for them to end.
func (t *Tunnels) Close(name string) int {
	t.mu.Lock()
	cuts := make([]func(), 0, len(t.open[name])+len(t.also[name]))
	for _, byName := range []map[string]map[uint64]func(){t.open, t.also} {
		for _, cut := range byName[name] {
			cuts = append(cuts, cut)
		}
	}
	t.mu.Unlock()
	for _, cut := range cuts {
		cut()
	}
	return len(cuts)
}

// CloseAll cuts every tunnel, for a shutdown.
func (t *Tunnels) CloseAll() int {
	t.mu.Lock()
	owners := make([]string, 0, len(t.open))
	for owner := range t.open {
		owners = append(owners, owner)
	}
	t.mu.Unlock()
	n := 0
	for _, owner := range owners {
		n += t.Close(owner)
	}
	return n
}

// Len is the number of open tunnels.
func (t *Tunnels) Len() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.total
}

// add registers cut, which must not block, and returns how to forget it.
func (t *Tunnels) add(owner, principal string, cut func()) (remove func(), err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.total >= or(t.Max, 10000) || (owner != "" && len(t.open[owner]) >= or(t.MaxPerOwner, 256)) {
		return nil, refusal.New(refusal.Busy, "%d connections are open, %d of them by this caller [raise the limit of tunnels]", t.total, len(t.open[owner]))
	}
	if t.open == nil {
		t.open, t.also = make(map[string]map[uint64]func()), make(map[string]map[uint64]func())
	}
	id := t.next
	t.next++
	t.total++
	enter(t.open, owner, id, cut)
	if principal != "" {
		enter(t.also, principal, id, cut)
	}
	return func() { t.remove(owner, principal, id) }, nil
}

func (t *Tunnels) remove(owner, principal string, id uint64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if _, ok := t.open[owner][id]; !ok {
		return
	}
	t.total--
	leave(t.open, owner, id)
	leave(t.also, principal, id)
}

func enter(m map[string]map[uint64]func(), name string, id uint64, cut func()) {
	if m[name] == nil {
		m[name] = make(map[uint64]func())
	}
	m[name][id] = cut
}

func leave(m map[string]map[uint64]func(), name string, id uint64) {
	if delete(m[name], id); len(m[name]) == 0 {
		delete(m, name)
	}
}

func or(n, otherwise int) int {
	if n > 0 {
		return n
	}
	return otherwise
}
