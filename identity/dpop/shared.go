package dpop

import (
	"context"
	"crypto/sha256"
	"time"
)

// Shared remembers for all nodes what was used, and over a restart.
type Shared interface {
	// UseProof notes id until then, and reports whether it was not noted before. Of several
	// nodes at once one is first.
	UseProof(ctx context.Context, id [16]byte, until time.Time) (first bool, err error)
}

// Use notes an identifier, which is proven: strangers must not use up what there is of
// memory and rows. id is its hash. An error says that nobody can tell, like Full.
//
// What this process has seen itself is refused without a look at what is shared, and what
// it has no room for never gets there: so many rows as Max within Hold are the most that
// one node makes.
func (s *Seen) Use(ctx context.Context, id [32]byte, now time.Time) (Verdict, error) {
	v, hold := s.here(id, now)
	if v != New || s.Shared == nil {
		return v, nil
	}
	first, err := s.Shared.UseProof(ctx, s.shared(id), now.Add(hold))
	switch {
	case err != nil:
		return Full, err
	case !first:
		return Again, nil
	}
	return New, nil
}

// shared is the name of an identifier beside those of other kinds.
func (s *Seen) shared(id [32]byte) [16]byte {
	sum := sha256.Sum256(append([]byte(s.Kind+"\x00"), id[:]...))
	return [16]byte(sum[:16])
}
