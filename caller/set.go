package caller

import "math/bits"

// MaxScopes is how many different scopes one configuration may name.
const MaxScopes = 256

// Set is a set of scopes, compiled to bits by a Scopes table. The zero value is
// the empty set. Sets of different tables must not be mixed.
type Set [MaxScopes / 64]uint64

// Add returns s with bit i.
func (s Set) Add(i int) Set {
	s[i>>6] |= 1 << (i & 63)
	return s
}

// Has reports whether bit i is in s.
func (s Set) Has(i int) bool { return s[i>>6]&(1<<(i&63)) != 0 }

// Union returns the scopes that are in s or t.
func (s Set) Union(t Set) Set {
	for i := range s {
		s[i] |= t[i]
	}
	return s
}

// Intersect returns the scopes that are in both.
func (s Set) Intersect(t Set) Set {
	for i := range s {
		s[i] &= t[i]
	}
	return s
}

// Contains reports whether every scope of t is in s.
func (s Set) Contains(t Set) bool {
	var missing uint64
	for i := range s {
		missing |= t[i] &^ s[i]
	}
	return missing == 0
}

// Empty reports whether s has no scope.
func (s Set) Empty() bool { return s == Set{} }

// Len counts the scopes in s.
func (s Set) Len() int {
	n := 0
	for _, w := range s {
		n += bits.OnesCount64(w)
	}
	return n
}
