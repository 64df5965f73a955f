// Package keyset is the signing keys of one purpose, opened: which one signs now, which
// ones verify, and their public halves as a JWK Set. Keys have the states of
// secret.States, so that a key is known to every verifier before it signs, and verifies
// for as long as what it signed may live.
//
// All keys are ECDSA on P-256 and sign with ES256, a fully specified algorithm (RFC 9864):
// the key decides how a signature is verified, never the header of a token.
package keyset

import (
	"encoding/json"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sanmon-gate/sanmon/secret"
)

// The times of a key's life.
const (
	Publish = 10 * time.Minute   // before it signs: twice what verifiers may cache a JWK Set for
	Keep    = 11 * time.Minute   // after the next one took over: the longest life of a token, and clocks that differ
	Every   = 7 * 24 * time.Hour // from one rotation to the next
)

// Set is the keys of one purpose and one type of token. It is safe for concurrent use.
type Set struct {
	ring *secret.Ring
	typ  string
	view atomic.Pointer[View]
	mu   sync.Mutex // held to make a view
}

// New returns the keys of a ring, made by GenerateKey, for tokens whose header says typ.
// Two purposes have two rings and two types, so that no token of the one is ever taken
// for one of the other (RFC 8725, Sections 3.11 and 3.12).
func New(ring *secret.Ring, typ string) *Set { return &Set{ring: ring, typ: typ} }

// View is the keys as they are at a moment. It is never changed; another state of the
// keys is another View, so that verdicts can be kept together with the View that they
// were made under.
type View struct {
	Keys []*Key // those that are not gone, oldest first

	active *Key
	err    error // why there is no active one
	byHead map[string]*Key
	of     []secret.Key
	until  time.Time // when a state changes next; zero: never by itself
}

// At returns the keys as they are now. Where nothing has changed it takes two atomic
// reads. A clock that goes back changes nothing.
func (s *Set) At(now time.Time) *View {
	v, keys := s.view.Load(), s.ring.All()
	if v.holds(keys, now) {
		return v
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if v, keys = s.view.Load(), s.ring.All(); v.holds(keys, now) {
		return v
	}
	v = s.open(keys, v, now)
	s.view.Store(v)
	return v
}

// holds reports that v was made from these keys and that none of them has another state
// by now. A ring swaps its slice and never changes it.
func (v *View) holds(keys []secret.Key, now time.Time) bool {
	return v != nil && len(keys) == len(v.of) && (len(keys) == 0 || &keys[0] == &v.of[0]) && (v.until.IsZero() || now.Before(v.until))
}

func (s *Set) open(keys []secret.Key, former *View, now time.Time) *View {
	v := &View{of: keys, byHead: make(map[string]*Key, len(keys)), err: fmt.Errorf("there is no %s key that signs (make one: sanmon keyset rotate %s)", s.ring.Purpose, s.ring.Purpose)}
	var states []secret.State
	states, v.until = secret.States(keys, Keep, now)
	for i, raw := range keys {
		if states[i] == secret.Gone {
			continue
		}
		k, err := s.key(raw, former)
		if err == nil {
			k.State = states[i]
			v.Keys = append(v.Keys, &k)
			v.byHead[k.Header] = &k
		}
		if states[i] == secret.Active {
			if v.err = err; err == nil {
				v.active = &k
			}
		}
	}
	return v
}

// key opens a key, or takes what the former view had of it.
func (s *Set) key(raw secret.Key, former *View) (Key, error) {
	if former != nil {
		for _, k := range former.Keys {
			if k.Version == raw.Version && k.value.Equal(raw.Value) {
				return *k, nil
			}
		}
	}
	k, err := newKey(raw, s.typ)
	if err != nil {
		return k, fmt.Errorf("%s %w", s.ring.Purpose, err)
	}
	return k, nil
}

// Signer is the key that signs, or why there is none.
func (v *View) Signer() (*Key, error) { return v.active, v.err }

// ByHeader finds the key whose tokens begin with that segment. The header of everything
// that these keys sign is a constant of each key, so one comparison settles algorithm,
// type, key id and every other header parameter: there is nothing to parse.
func (v *View) ByHeader(segment string) *Key { return v.byHead[segment] }

// JWKS returns the public keys of all sets as a JWK Set (RFC 7517, Section 5): those
// that are next and those that retire too.
func JWKS(now time.Time, sets ...*Set) []byte {
	doc := struct {
		Keys []JWK `json:"keys"`
	}{Keys: []JWK{}}
	for _, s := range sets {
		for _, k := range s.At(now).Keys {
			doc.Keys = append(doc.Keys, k.Public)
		}
	}
	out, _ := json.Marshal(doc) // strings only: cannot fail
	return out
}
