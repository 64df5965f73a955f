package proxy

import (
	"errors"
	"sync"

	"github.com/sanmon-gate/sanmon/refusal"
)

// errCut ends what Tunnels.Close cut.
var errCut = errors.New("cut: the session or key behind it has ended")

// Tunnels knows the long-lived connections (upgraded ones and streamed answers)
// by their owner. It is safe for concurrent use; the zero value is ready.
type Tunnels struct {
	// Max bounds all tunnels together, MaxPerOwner those of one owner; a further
	// one is refused as busy. Default 10000 and 256. Those without an owner count
	// for Max only.
	Max, MaxPerOwner int

	mu    sync.Mutex
	next  uint64
	total int
	open  map[string]map[uint64]func()
}

// Close cuts every tunnel of an owner and returns how many there were. It does
// not wait for them to end.
func (t *Tunnels) Close(owner string) int {
	t.mu.Lock()
	cuts := make([]func(), 0, len(t.open[owner]))
	for _, cut := range t.open[owner] {
		cuts = append(cuts, cut)
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
func (t *Tunnels) add(owner string, cut func()) (remove func(), err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.total >= or(t.Max, 10000) || (owner != "" && len(t.open[owner]) >= or(t.MaxPerOwner, 256)) {
		return nil, refusal.New(refusal.Busy, "%d connections are open, %d of them by this caller [raise the limit of tunnels]", t.total, len(t.open[owner]))
	}
	if t.open == nil {
		t.open = make(map[string]map[uint64]func())
	}
	if t.open[owner] == nil {
		t.open[owner] = make(map[uint64]func())
	}
	id := t.next
	t.next++
	t.total++
	t.open[owner][id] = cut
	return func() { t.remove(owner, id) }, nil
}

func (t *Tunnels) remove(owner string, id uint64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if _, ok := t.open[owner][id]; !ok {
		return
	}
	delete(t.open[owner], id)
	t.total--
	if len(t.open[owner]) == 0 {
		delete(t.open, owner)
	}
}

func or(n, otherwise int) int {
	if n > 0 {
		return n
	}
	return otherwise
}
