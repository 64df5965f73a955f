package apikey

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"hash"
	"sync"

	"github.com/sanmon-gate/sanmon/secret"
)

// MAC is the keyed hash of a key at rest.
type MAC = [sha256.Size]byte

// The labels keep these MACs apart from every other use of the pepper, and from each other.
const (
	labelAlone = "sanmon/key/v1\x00" // of the key alone, as rows from before ties have it
	labelBound = "sanmon/key/v2\x00" // of the key and its tie
)

// macs computes MACs under the peppers of a ring. Making an HMAC costs five times as
// much as using one again, so states are kept. It is safe for concurrent use.
type macs struct {
	peppers *secret.Ring
	pool    sync.Pool // *macState
}

// macState is an HMAC in its keyed start state, and room to work in.
type macState struct {
	pepper secret.Value
	mac    hash.Hash
	in     []byte
	out    []byte
}

// current returns the version of the pepper that new keys get, false when there is
// none.
func (m *macs) current() (int, bool) {
	keys := m.peppers.All()
	if len(keys) == 0 {
		return 0, false
	}
	return keys[len(keys)-1].Version, true
}

// has reports whether there is a version of the pepper.
func (m *macs) has(version int) bool {
	_, ok := m.peppers.Version(version)
	return ok
}

// sum returns the MAC of a key and its tie under a version of the pepper, false when the
// ring does not have it.
func (m *macs) sum(version int, key string, t *tie) (MAC, bool) {
	s, ok := m.begin(version)
	if !ok {
		return MAC{}, false
	}
	switch {
	case t.kind == kindForeign: // of any length
		s.in = binary.BigEndian.AppendUint16(append(s.in, labelForeign...), uint16(len(key)))
		s.in = t.appendTo(append(s.in, key...))
	case t.bound:
		s.in = t.appendTo(append(append(s.in, labelBound...), key...))
	default:
		s.in = append(append(s.in, labelAlone...), key...)
	}
	return m.end(s), true
}

// begin returns a state under a version of the pepper, with nothing in it.
func (m *macs) begin(version int) (*macState, bool) {
	pepper, ok := m.peppers.Version(version)
	if !ok {
		return nil, false
	}
	s, _ := m.pool.Get().(*macState)
	if s == nil {
		s = &macState{in: make([]byte, 0, 256), out: make([]byte, 0, sha256.Size)}
	}
	if s.mac == nil || s.pepper != pepper.Value {
		s.pepper, s.mac = pepper.Value, hmac.New(sha256.New, pepper.Value.Expose())
	} else {
		s.mac.Reset()
	}
	s.in = s.in[:0]
	return s, true
}

// end returns the MAC of what is in the state, and gives the state back without it.
func (m *macs) end(s *macState) MAC {
	s.mac.Write(s.in)
	sum := MAC(s.mac.Sum(s.out))
	clear(s.in)
	m.pool.Put(s)
	return sum
}
