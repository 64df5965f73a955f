package refresh

import (
	"context"
	"errors"
	"slices"

	"github.com/sanmon-gate/sanmon/refusal"
)

// within checks that no more is asked for than the person allowed (RFC 6749, Section 6).
// It stands before the rotation: a client that asks for too much keeps its token. What a
// grant allows never changes, so reading it first is no race.
func (s *Service) within(ctx context.Context, c claim, asked []string) error {
	if asked == nil {
		return nil
	}
	f, err := s.store.FamilyByID(ctx, c.family)
	if errors.Is(err, ErrNotFound) {
		return nil // RotateFamily says so
	}
	if err != nil {
		return busy("read a grant", err)
	}
	for _, scope := range asked {
		if !slices.Contains(f.Scope, scope) {
			r := refusal.New(refusal.TokenInvalid, "the client asks for scope %.80q, which grant %s does not have (ask for a part of what was granted)", scope, f.SID)
			r.Err = ErrScope
			return r
		}
	}
	return nil
}
