package csrf

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"hash"
	"sync"
	"sync/atomic"

	"github.com/sanmon-gate/sanmon/secret"
)

// domain separates this MAC from every other use of a key.
const domain = "sanmon/csrf/v1\x00"

// maxScratch is the largest buffer that goes back to the pool, in bytes.
const maxScratch = 4 << 10

// macs keeps keyed HMAC states, so that a request pays for two SHA-256 blocks and not for
// the key schedule or an allocation. It is safe for concurrent use.
type macs struct {
	pools atomic.Pointer[[]*macPool]
	mu    sync.Mutex // serialises the change of pools
}

// macPool is the states of one key. A reloaded key has a pool of its own even when its
// version is the same: the value counts.
type macPool struct {
	key  secret.Key
	pool sync.Pool
}

type macState struct {
	hash    hash.Hash
	scratch []byte
	sum     [sha256.Size]byte
	random  [nonceSize + macSize]byte
}

func (m *macs) of(ring *secret.Ring, key secret.Key) *macPool {
	if pools := m.pools.Load(); pools != nil {
		for _, p := range *pools {
			if p.key == key {
				return p
			}
		}
	}
	return m.add(ring, key)
}

// add makes the pools of the ring as it is now, keeping those that exist. Keys that left
// the ring leave the list.
func (m *macs) add(ring *secret.Ring, key secret.Key) *macPool {
	m.mu.Lock()
	defer m.mu.Unlock()
	var found *macPool
	var next []*macPool
	for _, k := range ring.All() {
		p := m.existing(k)
		if p == nil {
			p = newMACPool(k)
		}
		if k == key {
			found = p
		}
		next = append(next, p)
	}
	m.pools.Store(&next)
	if found == nil { // the ring was swapped meanwhile
		return newMACPool(key)
	}
	return found
}

func (m *macs) existing(k secret.Key) *macPool {
	if pools := m.pools.Load(); pools != nil {
		for _, p := range *pools {
			if p.key == k {
				return p
			}
		}
	}
	return nil
}

func newMACPool(k secret.Key) *macPool {
	p := &macPool{key: k}
	p.pool.New = func() any {
		return &macState{hash: hmac.New(sha256.New, k.Value.Expose()), scratch: make([]byte, 0, 256)}
	}
	return p
}

func (p *macPool) get() *macState { return p.pool.Get().(*macState) }

func (p *macPool) put(s *macState) {
	if cap(s.scratch) <= maxScratch {
		p.pool.Put(s)
	}
}

// mac returns the truncated MAC of everything that a token stands for. Every part is
// preceded by its length, so that no two lists of parts give the same bytes. The result
// is valid until the next use of s.
func (s *macState) mac(origin string, binding []byte, scope string, t *wire) []byte {
	b := append(s.scratch[:0], domain...)
	b = append(b, t.kind.letter())
	b = appendPart(b, origin)
	b = appendPart(b, binding)
	b = appendPart(b, scope)
	if t.kind == Once {
		b = append(b, t.nonce[:]...)
		b = append(b, t.issued[:]...)
	}
	s.scratch = b
	s.hash.Reset()
	s.hash.Write(b)
	return s.hash.Sum(s.sum[:0])[:macSize]
}

func appendPart[T string | []byte](b []byte, part T) []byte {
	b = binary.BigEndian.AppendUint32(b, uint32(len(part)))
	return append(b, part...)
}
