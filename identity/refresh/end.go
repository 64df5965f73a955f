package refresh

import (
	"context"
	"crypto/rand"
	"errors"
	"time"

	"github.com/sanmon-gate/sanmon/audit"
	"github.com/sanmon-gate/sanmon/refusal"
)

// Revoke ends the grant of a refresh token, of whatever generation: possession is the
// right to give it back (RFC 7009, Section 2.1). A token that is nothing, or whose grant
// has ended, is no error. Only refusal.Busy is: then it may still be alive.
func (s *Service) Revoke(ctx context.Context, token string, p Presented) error {
	held, err := s.Inspect(ctx, token, p)
	if r, ok := errors.AsType[*refusal.Refusal](err); ok && r.Code != refusal.Busy {
		return nil
	}
	if err != nil {
		return err
	}
	return s.End(ctx, held.Family.SID, held.Family.User, p)
}

// End ends the grant of a session, as its client p.Client asks for, writing token.revoked.
// Who calls it knows that the session is one of a grant, whose it is and that the client
// is its own. A grant that has ended is no error; only refusal.Busy is.
func (s *Service) End(ctx context.Context, sid, user string, p Presented) error {
	o := s.options.Load()
	at := p.Now.Add(o.Offset()).Truncate(time.Microsecond)
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	_, err := s.store.RevokeSession(ctx, sid, ReasonRevoked, at, audit.Event{At: at, Event: audit.TokenRevoked, Subject: user,
		Actor: user, SID: sid, Network: network(p.From), RequestID: p.RequestID, Detail: "reason=" + ReasonRevoked + " client=" + p.Client})
	o.Ended([]string{sid}) // it may have ended even when the store failed: ask it again
	if err != nil {
		return busy("end a grant", err)
	}
	return nil
}

// Ours reports whether a refresh token was made here for a client, by its MAC alone.
func (s *Service) Ours(token, client string) bool {
	_, ok := open(s.options.Load().Ring, token, client)
	return ok
}

// Held is a refresh token that was looked at and not used.
type Held struct {
	Family Family
	Gen    int64 // generation of the token
}

// Active reports whether the token could be rotated at a moment: the current generation
// of a live grant (RFC 7662, Section 2.2).
func (h Held) Active(now time.Time) bool {
	return h.Gen == h.Family.Gen && h.Family.Active(now)
}

// Inspect returns the grant of a refresh token without using it. A token that is nothing
// is refused as by Rotate; one that is spent or whose grant has ended is not: ask Active.
func (s *Service) Inspect(ctx context.Context, token string, p Presented) (Held, error) {
	o := s.options.Load()
	c, ok := open(o.Ring, token, p.Client)
	if !ok {
		s.counts.forged.Add(1)
		return Held{}, invalid("the refresh token is not one of this server for this client")
	}
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	f, err := s.store.FamilyByID(ctx, c.family)
	switch {
	case errors.Is(err, ErrNotFound):
		return Held{}, o.attempt(c, p).refused(Result{})
	case err != nil:
		return Held{}, busy("read a grant", err)
	}
	return Held{f, c.gen}, nil
}

// Active reports whether a grant is alive at a moment.
func (f Family) Active(now time.Time) bool {
	return f.RevokedAt.IsZero() && now.Before(f.ExpiresAt) && now.Before(f.IdleExpiresAt)
}

// begun is the refusal of a grant that could not begin.
func begun(err error) error {
	if errors.Is(err, ErrParent) {
		r := refusal.New(refusal.TokenRevoked, "no grant can begin: the login session or the person has ended, expired or been disabled (sign in again)")
		r.Err = ErrParent
		return r
	}
	return busy("store a grant", err)
}

func newFamilyID() (id [16]byte) {
	_, _ = rand.Read(id[:]) // never fails: crypto/rand ends the program instead
	return id
}
