package session

import (
	"sync"
	"time"
)

const shardCount = 64

// memory is the sessions that are known. Requests look up a secret's hash in a
// shard under its own read lock; everything that changes the set holds mu as well.
//
// gen grows with every removal. A row that was read under an older gen may be the
// row from before the removal, so it is judged once and not kept.
type memory struct {
	shards [shardCount]memoryShard

	mu     sync.Mutex
	gen    uint64
	max    int
	bySID  map[string]*live // hidden ones too
	byUser family           // user → sids
	grants family           // sid of a login → sids of its grants
}

// family is sets of sids that belong together.
type family map[string]map[string]bool

func (f family) add(to, sid string) {
	if f[to] == nil {
		f[to] = make(map[string]bool)
	}
	f[to][sid] = true
}

func (f family) remove(from, sid string) {
	delete(f[from], sid)
	if len(f[from]) == 0 {
		delete(f, from)
	}
}

type memoryShard struct {
	mu     sync.RWMutex
	byHash map[[32]byte]*live
	bySID  map[string]*live // those that are not hidden
}

func newMemory(max int) *memory {
	m := &memory{max: max, bySID: make(map[string]*live), byUser: family{}, grants: family{}}
	for i := range m.shards {
		m.shards[i].byHash = make(map[[32]byte]*live)
		m.shards[i].bySID = make(map[string]*live)
	}
	return m
}

func (m *memory) shard(hash [32]byte) *memoryShard { return &m.shards[hash[0]%shardCount] }

// get returns the session that has or had the secret with that hash, or nil.
func (m *memory) get(hash [32]byte) *live {
	s := m.shard(hash)
	s.mu.RLock()
	l := s.byHash[hash]
	s.mu.RUnlock()
	return l
}

// sidShard is where a session is found by its sid. A sid is random and ours.
func (m *memory) sidShard(sid string) *memoryShard {
	if sid == "" {
		return &m.shards[0]
	}
	return &m.shards[(sid[len(sid)-1]^sid[len(sid)/2]<<3)%shardCount]
}

// bySIDShown returns the session with that sid, or nil where it is not known or hidden.
func (m *memory) bySIDShown(sid string) *live {
	s := m.sidShard(sid)
	s.mu.RLock()
	l := s.bySID[sid]
	s.mu.RUnlock()
	return l
}

func (m *memory) generation() uint64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.gen
}

// adopt makes a live of a row that was read under gen and keeps it if it may.
func (m *memory) adopt(r Record, gen uint64) (l, evicted *live) {
	m.mu.Lock()
	defer m.mu.Unlock()
	old := m.bySID[r.SID]
	l = newLive(r, old)
	switch {
	case !r.RevokedAt.IsZero():
		m.remove(r.SID)
	case m.gen == gen:
		if old == nil && len(m.bySID) >= m.max {
			evicted = m.evict()
		}
		m.insert(l)
	}
	return l, evicted
}

// replace follows a rotation of this node: r is the row after it, gen from before.
func (m *memory) replace(r Record, gen uint64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	old := m.bySID[r.SID]
	if old != nil {
		old.replaced.Store(true)
		m.unlink(old)
	}
	if m.gen == gen && old != nil {
		m.insert(newLive(r, old))
	}
	m.gen++ // reads that began before the rotation saw the former row
}

// hide makes the next request of a session read the store, but remembers what was
// learned of it.
func (m *memory) hide(sid string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.gen++
	if l := m.bySID[sid]; l != nil {
		m.unlink(l)
	}
}

func (m *memory) hideUser(user string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.gen++
	for sid := range m.byUser[user] {
		m.unlink(m.bySID[sid])
	}
}

func (m *memory) hideAll() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.gen++
	for _, l := range m.bySID {
		m.unlink(l)
	}
}

// forget removes a session that has ended, and its grants, which may have.
func (m *memory) forget(sid string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.gen++
	for grant := range m.grants[sid] {
		m.remove(grant)
	}
	m.remove(sid)
}

// all returns every session for which keep is true, and removes the others.
func (m *memory) all(keep func(*live) bool) []*live {
	m.mu.Lock()
	defer m.mu.Unlock()
	out := make([]*live, 0, len(m.bySID))
	for sid, l := range m.bySID {
		if keep(l) {
			out = append(out, l)
		} else {
			m.remove(sid)
		}
	}
	return out
}

func (m *memory) len() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.bySID)
}

// The functions below are called with mu held.

func (m *memory) insert(l *live) {
	if old := m.bySID[l.SID]; old != nil {
		m.unlink(old)
	}
	m.bySID[l.SID] = l
	m.byUser.add(l.User, l.SID)
	if l.Parent != "" {
		m.grants.add(l.Parent, l.SID)
	}
	s := m.sidShard(l.SID)
	s.mu.Lock()
	s.bySID[l.SID] = l
	s.mu.Unlock()
	m.link(l.SecretHash, l)
	if l.PrevHash != ([32]byte{}) {
		m.link(l.PrevHash, l)
	}
}

func (m *memory) remove(sid string) {
	l := m.bySID[sid]
	if l == nil {
		return
	}
	m.unlink(l)
	delete(m.bySID, sid)
	m.byUser.remove(l.User, sid)
	m.grants.remove(l.Parent, sid)
}

func (m *memory) evict() *live {
	for sid, l := range m.bySID { // map order is random enough
		m.remove(sid)
		return l
	}
	return nil
}

func (m *memory) link(hash [32]byte, l *live) {
	s := m.shard(hash)
	s.mu.Lock()
	s.byHash[hash] = l
	s.mu.Unlock()
}

func (m *memory) unlink(l *live) {
	s := m.sidShard(l.SID)
	s.mu.Lock()
	if s.bySID[l.SID] == l {
		delete(s.bySID, l.SID)
	}
	s.mu.Unlock()
	for _, hash := range [...][32]byte{l.SecretHash, l.PrevHash} {
		s := m.shard(hash)
		s.mu.Lock()
		if s.byHash[hash] == l {
			delete(s.byHash, hash)
		}
		s.mu.Unlock()
	}
}

// user returns whose session it is, "" when it is not in memory.
func (m *memory) user(sid string) string {
	m.mu.Lock()
	defer m.mu.Unlock()
	if l := m.bySID[sid]; l != nil {
		return l.User
	}
	return ""
}

// newest returns what is in memory of l's session now, with what l learned, or l
// itself when it was evicted.
func (m *memory) newest(l *live) *live {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := m.bySID[l.SID]
	if now == nil {
		return l
	}
	now.touch(time.UnixMicro(l.seen.Load()))
	return now
}
