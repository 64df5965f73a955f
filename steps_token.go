package sanmon

import (
	"context"
	"errors"
	"net/netip"
	"time"

	"github.com/sanmon-gate/sanmon/caller"
	"github.com/sanmon-gate/sanmon/identity/session"
	"github.com/sanmon-gate/sanmon/identity/token"
	"github.com/sanmon-gate/sanmon/policy"
	"github.com/sanmon-gate/sanmon/refusal"
)

// Access verifies access tokens; identity/token's Keeper does.
type Access interface {
	// Judge fills into with the caller of an access token, or refuses.
	Judge(ctx context.Context, p token.Presented, from netip.Addr, now time.Time, into *caller.Caller) error
	// Looks reports whether s carries an access token of ours anywhere.
	Looks(s string, now time.Time) bool
}

// credential is what an Authorization or X-Api-Key field carries.
type credential struct {
	value string
	proof bool // the scheme was DPoP (RFC 9449, Section 7.1)
}

// access judges an access token. A token that is good while its session is dead is a
// disagreement of the two evaluations: the verdict says so, beside the refusal.
func (g *Gate) access(ctx context.Context, p *Passage, c credential, again bool) error {
	if g.Access == nil {
		no := refusal.New(refusal.TokenInvalid, "route %q: the bearer credential is no API key, and no access token was issued by this server", p.Route.ID)
		no.Challenge = `Bearer error="invalid_token"` // RFC 6750, Section 3.1
		return no
	}
	err := g.Access.Judge(ctx, token.Presented{Token: c.value, Proof: c.proof, Request: p.Request, Again: again}, p.Addr, p.Request.Now, &p.Caller)
	if errors.Is(err, token.ErrSessionEnded) {
		p.Verdict = policy.Verdict{Credential: true}
	}
	return err
}

// roamed reports whether err refuses a good token for its network alone: nothing was
// guessed.
func roamed(err error) bool { return errors.Is(err, session.ErrNetwork) }
