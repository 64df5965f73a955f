package login

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"github.com/sanmon-gate/sanmon/audit"
	"github.com/sanmon-gate/sanmon/identity/link"
	"github.com/sanmon-gate/sanmon/identity/principal"
	"github.com/sanmon-gate/sanmon/identity/session"
	"github.com/sanmon-gate/sanmon/identity/throttle"
	"github.com/sanmon-gate/sanmon/refusal"
	"github.com/sanmon-gate/sanmon/secret"
)

// Links lets people set passwords by links that are good once. Such a link proves that its
// holder reads the mail of an address: it sets a password and signs nobody in, so a second
// factor stays one (OWASP Forgot Password Cheat Sheet). It is safe for concurrent use.
type Links struct {
	Store   link.Store
	Service *Service // whose users, hasher, rules and factors hold
	Roles   []string // of who has signed up
}

// How many letters may be asked for: by a network, because many people may be behind one,
// and of one kind to an address. Kinds are counted apart: who signs somebody up again and
// again must not keep the letter for a new password back.
var (
	lettersFrom = throttle.Limit{Failures: 20, Window: time.Hour}
	lettersTo   = throttle.Limit{Failures: 3, Window: time.Hour}
)

// Ask counts a wish for a letter to an address, where the failures of logins are counted.
// send is false when the address has got enough of that kind: nobody can fill a mailbox, and
// who asks is told the same. RateLimited when the network asks too often; where nobody can count
// no letter is sent.
func (l *Links) Ask(ctx context.Context, kind link.Kind, email string, from netip.Addr, now time.Time) (send bool, err error) {
	network := session.Network(from).String()
	wait, err := l.Service.Throttle.Take(ctx, now, "letters from", network, lettersFrom)
	if err != nil {
		return false, counting(err)
	}
	if wait > 0 {
		no := refusal.New(refusal.RateLimited, "too many letters were asked for from %s", network)
		no.RetryAfter = wait
		return false, no
	}
	wait, err = l.Service.Throttle.Take(ctx, now, "letters to "+string(kind), email, lettersTo)
	if err != nil {
		return false, counting(err)
	}
	return wait == 0, nil
}

// counting is why a letter was not counted.
func counting(err error) error {
	if r, ok := errors.AsType[*refusal.Refusal](err); ok {
		return r
	}
	return busy("count a letter", err)
}

// Issue makes a link. user is the zero Record for link.Signup.
func (l *Links) Issue(ctx context.Context, kind link.Kind, user principal.Record, email, actor string, a Attempt, now time.Time) (secret.Value, error) {
	text, hash := link.New()
	ev := a.event()
	ev.At, ev.Event, ev.Subject, ev.Actor, ev.Detail = now, audit.LinkIssued, user.ID, actor, "kind="+string(kind)
	r := link.Record{Hash: hash, Kind: kind, User: user.ID, Email: email, CreatedAt: now, ExpiresAt: now.Add(kind.Life())}
	if err := l.Store.CreateLink(ctx, r, ev); err != nil {
		return secret.Value{}, busy("keep a link", err)
	}
	return text, nil
}

// Open says what a link is for. One that is none, was used or has ended is
// refusal.LoginFailed.
func (l *Links) Open(ctx context.Context, text string, now time.Time) (link.Record, error) {
	hash, ok := link.Parse(text)
	if !ok {
		return link.Record{}, refusal.New(refusal.LoginFailed, "what came as a link is none (ask for another one)")
	}
	r, err := l.Store.LinkByHash(ctx, hash)
	switch {
	case errors.Is(err, link.ErrNotFound):
		return r, refusal.New(refusal.LoginFailed, "the link is unknown, or was used (ask for another one)")
	case err != nil:
		return r, busy("read a link", err)
	case !now.Before(r.ExpiresAt):
		return r, refusal.New(refusal.LoginFailed, "the link ended at %s (ask for another one)", r.ExpiresAt.UTC().Format(time.RFC3339))
	}
	return r, nil
}

// SetPassword uses a link up. A password that is not acceptable wraps password.ErrPolicy,
// and the link stays good. All sessions of the person end; an account is made where the
// link is for that.
func (l *Links) SetPassword(ctx context.Context, text string, next secret.Value, a Attempt, now time.Time) (link.Record, error) {
	r, err := l.Open(ctx, text, now)
	if err != nil {
		return r, err
	}
	second := false
	if r.User != "" {
		if second, err = l.Service.hasSecond(ctx, r.User); err != nil {
			return r, err
		}
	}
	if err := l.Service.rules().Check(next, second, r.Email); err != nil {
		return r, err
	}
	hash, err := l.Service.Hasher.Hash(ctx, next)
	if err != nil {
		return r, err
	}
	ev := a.event()
	ev.At, ev.Actor, ev.Detail = now, r.User, "by a link, kind="+string(r.Kind)
	if r.Kind == link.Signup {
		return r, l.signUp(ctx, r, hash, ev, now)
	}
	ev.Event = audit.UserReset
	user, err := l.Store.UseLink(ctx, r.Hash, hash, now, ev)
	if err != nil {
		return r, used(err)
	}
	// The store has ended them; memory follows at once instead of with the feed.
	_, err = l.Service.Sessions.EndUser(ctx, user, "", "password", session.Meta{From: a.Addr, RequestID: a.RequestID}, now)
	return r, err
}

func (l *Links) signUp(ctx context.Context, r link.Record, hash secret.Value, ev audit.Event, now time.Time) error {
	p := principal.Record{ID: secret.NewID("usr_"), Kind: principal.User, Name: r.Email, Password: hash, Roles: l.Roles, Version: 1, CreatedAt: now}
	ev.Event, ev.Subject, ev.Actor = audit.UserAdded, p.ID, p.ID
	return used(l.Store.UseSignup(ctx, r.Hash, p, now, ev))
}

// used says what came between reading a link and using it.
func used(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, link.ErrNotFound):
		return refusal.New(refusal.LoginFailed, "the link was used meanwhile (ask for another one)")
	case errors.Is(err, principal.ErrExists):
		return refusal.New(refusal.LoginFailed, "the address has an account meanwhile (sign in, or ask for a new password)")
	}
	return busy("use a link", err)
}

// Invite adds a person without a password. The link that Issue makes then lets that person
// choose one. principal.ErrExists when the address is taken.
func (a Administration) Invite(ctx context.Context, u NewUser, now time.Time) (principal.Record, error) {
	u.Password = secret.Value{}
	r, err := a.AddUser(ctx, u, now)
	if err != nil {
		return r, fmt.Errorf("invite: %w", err)
	}
	return r, nil
}
