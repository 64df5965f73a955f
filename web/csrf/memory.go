package csrf

import (
	"container/heap"
	"context"
	"fmt"
	"sync"
	"time"
)

// DefaultMemory is how many used once tokens a MemorySpent with Max 0 holds: about 8 MiB.
const DefaultMemory = 64 << 10

// MemorySpent is a Spent in memory, for one process. A full memory is an error and never
// forgets a token that could still be used: forgetting would allow its second use. The
// zero value is ready; it is safe for concurrent use and must not be copied.
type MemorySpent struct {
	Max int // most tokens held at once; 0 means DefaultMemory

	mu   sync.Mutex
	used map[[16]byte]struct{}
	ends ends
}

// Spend implements Spent. Tokens whose time is over by now are forgotten.
func (m *MemorySpent) Spend(_ context.Context, id [16]byte, now, until time.Time) (bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for len(m.ends) > 0 && !now.Before(m.ends[0].until) {
		delete(m.used, heap.Pop(&m.ends).(end).id)
	}
	if _, again := m.used[id]; again {
		return false, nil
	}
	limit := m.Max
	if limit <= 0 {
		limit = DefaultMemory
	}
	if len(m.ends) >= limit {
		return false, fmt.Errorf("remember once token: %d are held already (raise Max, or limit the route)", limit)
	}
	if m.used == nil {
		m.used = map[[16]byte]struct{}{}
	}
	m.used[id] = struct{}{}
	heap.Push(&m.ends, end{until, id})
	return true, nil
}

type end struct {
	until time.Time
	id    [16]byte
}

// ends is a heap.Interface, soonest end first.
type ends []end

func (e ends) Len() int           { return len(e) }
func (e ends) Less(i, j int) bool { return e[i].until.Before(e[j].until) }
func (e ends) Swap(i, j int)      { e[i], e[j] = e[j], e[i] }
func (e *ends) Push(x any)        { *e = append(*e, x.(end)) }
func (e *ends) Pop() any {
	old := *e
	last := old[len(old)-1]
	*e = old[:len(old)-1]
	return last
}
