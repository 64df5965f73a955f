package tree

import (
	"fmt"

	"golang.org/x/mod/sumdb/tlog"
)

// Place says where a stored hash is kept: with which event, and how many bytes into its
// hashes. index is that of tlog.StoredHashIndex.
func Place(index int64) (seq int64, offset int) {
	level, n := tlog.SplitStoredHashIndex(index)
	return (n + 1) << level, level * tlog.HashSize
}

// At reads the hash at an offset that Place returned.
func At(seq int64, hashes []byte, offset int) (h tlog.Hash, err error) {
	if offset+tlog.HashSize > len(hashes) {
		return h, fmt.Errorf("event %d has %d bytes of hashes, at least %d are needed (see: sanmon audit verify)", seq, len(hashes), offset+tlog.HashSize)
	}
	copy(h[:], hashes[offset:])
	return h, nil
}

// Join is how hashes are stored with an event.
func Join(hashes []tlog.Hash) []byte {
	b := make([]byte, 0, len(hashes)*tlog.HashSize)
	for _, h := range hashes {
		b = append(b, h[:]...)
	}
	return b
}

// same compares what is stored with what was computed.
func same(stored []byte, hashes []tlog.Hash) bool {
	if len(stored) != len(hashes)*tlog.HashSize {
		return false
	}
	for i, h := range hashes {
		if tlog.Hash(stored[i*tlog.HashSize:]) != h {
			return false
		}
	}
	return true
}
