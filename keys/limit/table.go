package limit

import (
	"context"
	"hash/maphash"
	"math"
	"sync"
	"sync/atomic"
	"time"
)

// DefaultEntries is how many identities a Table remembers unless told otherwise:
// about 6 MiB.
const DefaultEntries = 100_000

const (
	shards = 64
	// sample is how many entries a full shard looks at to find one to forget.
	sample = 16
	// gone is the TAT of a cell that was taken out of its shard.
	gone = math.MinInt64
)

// Table holds the TATs of identities that come and go. It is bounded: when it is
// full it forgets identities that are back to a full burst, and where there is none
// it lets the newcomers share one bucket per policy, so that a flood of identities
// buys nothing. It is safe for concurrent use.
type Table struct {
	seed     maphash.Seed
	perShard int
	shards   [shards]shard
	rooms    [shards]room
	overflow atomic.Uint64
}

type shard struct {
	mu    sync.RWMutex
	cells map[Key]*atomic.Int64
	_     [32]byte // keep two shards off one cache line
}

// Key stands for one identity under one limit: a keyed hash, so that looking it up
// allocates nothing and nobody outside can make two of them collide.
type Key uint64

// NewTable returns a Table for at most entries identities; 0 means DefaultEntries.
func NewTable(entries int) *Table {
	if entries <= 0 {
		entries = DefaultEntries
	}
	t := &Table{seed: maphash.MakeSeed(), perShard: max(1, entries/shards)}
	for i := range t.shards {
		t.shards[i].cells = map[Key]*atomic.Int64{}
		t.rooms[i].under = map[Key]int{}
	}
	return t
}

// Who is an identity within a scope, in words: whose units are counted, and of what.
type Who struct {
	Network [16]byte // as network.LimitKey gives it; zero for an identity with a name
	Name    string   // of a principal, a key, a route
	Scope   string   // what is counted
}

// Key is the key of an identity.
func (t *Table) Key(w Who) Key { return Key(maphash.Comparable(t.seed, w)) }

// Named is the key of an identity with a name (a principal, a key, a route) within
// a scope. The scope says what is counted, and for which route: the same identity
// has a count of its own in each scope. The rate is no part of it, so that a changed
// rate goes on from the same count.
func (t *Table) Named(name, scope string) Key {
	return t.Key(Who{Name: name, Scope: scope})
}

// Network is the key of a client network, as network.LimitKey gives it, within a
// scope.
func (t *Table) Network(network [16]byte, scope string) Key {
	return t.Key(Who{Network: network, Scope: scope})
}

// Len counts the identities that are remembered.
func (t *Table) Len() int {
	n := 0
	for i := range t.shards {
		s := &t.shards[i]
		s.mu.RLock()
		n += len(s.cells)
		s.mu.RUnlock()
	}
	return n
}

// Overflowed counts how often an identity had to share, for metrics.
func (t *Table) Overflowed() uint64 { return t.overflow.Load() }

// Run forgets identities that are back to a full burst, once a minute, until ctx
// ends. The Table is bounded without it; Run returns the memory after a peak.
func (t *Table) Run(ctx context.Context) error {
	tick := time.NewTicker(time.Minute)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case now := <-tick.C:
			t.Sweep(now)
		}
	}
}

// Sweep forgets every identity that is back to a full burst.
func (t *Table) Sweep(now time.Time) {
	for i := range t.shards {
		s := &t.shards[i]
		s.mu.Lock()
		s.forget(now.UnixMicro(), math.MaxInt)
		s.mu.Unlock()
	}
}

func (t *Table) shard(k Key) *shard { return &t.shards[k>>(64-6)] }

// find returns the cell of k, nil when there is none.
func (t *Table) find(k Key) *atomic.Int64 {
	s := t.shard(k)
	s.mu.RLock()
	c := s.cells[k]
	s.mu.RUnlock()
	return c
}

// enter returns the cell of k, making it; when there is no room, the cell that p's
// newcomers share.
func (t *Table) enter(k Key, p *Policy, now int64) *atomic.Int64 {
	s := t.shard(k)
	s.mu.Lock()
	defer s.mu.Unlock()
	if c := s.cells[k]; c != nil {
		return c
	}
	if len(s.cells) >= t.perShard && !s.forget(now, sample) {
		t.overflow.Add(1)
		return &p.overflow
	}
	c := new(atomic.Int64)
	s.cells[k] = c
	return c
}

// forget looks at up to n entries and drops those whose TAT has passed. A cell is
// marked gone before it leaves, so that whoever still holds it looks again instead
// of counting on something that nobody sees.
func (s *shard) forget(now int64, n int) bool {
	dropped := false
	for k, c := range s.cells {
		if n--; n < 0 {
			break
		}
		if tat := c.Load(); tat <= now && c.CompareAndSwap(tat, gone) {
			delete(s.cells, k)
			dropped = true
		}
	}
	return dropped
}
