package token

import (
	"context"
	"time"

	"github.com/sanmon-gate/sanmon/refusal"
)

// Read returns what a token of ours says, verified and not over, without asking who
// stands behind it or for a proof: it is for who is asked about a token, never for who is
// shown one. Refusals are those of Judge about the token itself.
func (k *Keeper) Read(ctx context.Context, token string, now time.Time) (Claims, error) {
	if believe := k.config.Load().Believe; believe != nil {
		if err := believe(ctx); err != nil {
			return Claims{}, err
		}
	}
	e, err := k.verified(token, now)
	if err != nil {
		return Claims{}, err
	}
	if !now.Before(e.end) {
		return Claims{}, refuse(refusal.TokenExpired, nil, "access token %s ended at %s", e.claims.ID, e.end.UTC().Format(time.RFC3339))
	}
	return e.claims, nil
}
