package tree

import (
	"crypto/sha256"
	"math/bits"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/sanmon-gate/sanmon/audit"
)

// Hasher makes leaves. Its memory is used again; one goroutine may use it.
type Hasher struct{ buf []byte }

// Leaf is the hash of an event: SHA-256 over a zero byte and the canonical line
// (RFC 6962, Section 2.1).
func (h *Hasher) Leaf(ev *audit.Event) tlog.Hash {
	h.buf = ev.AppendCanonical(append(h.buf[:0], 0))
	return sha256.Sum256(h.buf)
}

// Builder grows a tree leaf by leaf and keeps nothing but its right edge: the roots of
// the complete subtrees, the largest first. The zero value is the empty tree.
type Builder struct {
	size      int64
	edge      []tlog.Hash
	completed []tlog.Hash
}

// Resume returns the builder of a tree of that size, whose stored hashes r reads.
func Resume(size int64, r tlog.HashReader) (*Builder, error) {
	b := &Builder{size: size}
	indexes := make([]int64, 0, bits.Len64(uint64(size)))
	for level, done := bits.Len64(uint64(size))-1, int64(0); level >= 0; level-- {
		if size&(1<<level) != 0 {
			indexes = append(indexes, tlog.StoredHashIndex(level, done>>level))
			done += 1 << level
		}
	}
	if len(indexes) == 0 {
		return b, nil
	}
	var err error
	b.edge, err = r.ReadHashes(indexes)
	return b, err
}

// Size is the number of leaves.
func (b *Builder) Size() int64 { return b.size }

// Add appends a leaf and returns the hashes that are stored with it: its own and those of
// the subtrees that it completes. The slice is valid until the next call.
func (b *Builder) Add(leaf tlog.Hash) []tlog.Hash {
	b.completed = append(b.completed[:0], leaf)
	for rest := b.size; rest&1 == 1; rest >>= 1 {
		last := len(b.edge) - 1
		leaf = tlog.NodeHash(b.edge[last], leaf)
		b.edge = b.edge[:last]
		b.completed = append(b.completed, leaf)
	}
	b.edge = append(b.edge, leaf)
	b.size++
	return b.completed
}

// Root is the hash of the whole tree.
func (b *Builder) Root() tlog.Hash {
	if len(b.edge) == 0 {
		return sha256.Sum256(nil)
	}
	root := b.edge[len(b.edge)-1]
	for i := len(b.edge) - 2; i >= 0; i-- {
		root = tlog.NodeHash(b.edge[i], root)
	}
	return root
}
