package login

import (
	"context"
	"errors"
	"time"

	"github.com/sanmon-gate/sanmon/audit"
	"github.com/sanmon-gate/sanmon/identity/principal"
	"github.com/sanmon-gate/sanmon/identity/session"
	"github.com/sanmon-gate/sanmon/identity/throttle"
	"github.com/sanmon-gate/sanmon/refusal"
	"github.com/sanmon-gate/sanmon/secret"
)

// Passwords stores changed passwords.
type Passwords interface {
	// ChangePassword replaces the hash former by next and ends all sessions but except in
	// the same transaction; principal.ErrNotFound when former is not the hash any more.
	ChangePassword(ctx context.Context, id string, former, next secret.Value, except string, at time.Time, ev audit.Event) error
}

// Change is a person's wish for another password.
type Change struct {
	User     string       // principal id of the session
	SID      string       // the session that stays
	Password secret.Value // the present one; not asked for when the person has none yet
	Next     secret.Value
	Attempt  Attempt // Addr, UserAgent, RequestID, DeviceCookie of the request
}

// ChangePassword replaces a person's password after the present one was shown, and ends
// all other sessions (ASVS 6.2.3, 7.4.3). A wrong present password is refusal.LoginFailed
// and counts like a failed login; one that is not acceptable wraps password.ErrPolicy.
func (s *Service) ChangePassword(ctx context.Context, store Passwords, c Change, now time.Time) error {
	user, err := s.Users.PrincipalByID(ctx, c.User)
	if err != nil {
		return busy("read the user", err)
	}
	if err := s.present(ctx, c, user, now); err != nil {
		return err
	}
	second, err := s.hasSecond(ctx, user.ID)
	if err != nil {
		return err
	}
	if err := s.rules().Check(c.Next, second, user.Name); err != nil {
		return err
	}
	hash, err := s.Hasher.Hash(ctx, c.Next)
	if err != nil {
		return err
	}
	ev := c.Attempt.event()
	ev.At, ev.Event, ev.Subject, ev.Actor, ev.SID, ev.Detail = now, audit.UserReset, user.ID, user.ID, c.SID, "changed by the person; other sessions ended"
	err = store.ChangePassword(ctx, user.ID, user.Password, hash, c.SID, now, ev)
	if errors.Is(err, principal.ErrNotFound) {
		return refusal.New(refusal.LoginFailed, "the password of %s was changed meanwhile (try again)", user.ID)
	}
	if err != nil {
		return busy("store the password", err)
	}
	// The store has ended them; memory follows at once instead of with the feed. A grant's
	// session is one of them.
	_, err = s.Sessions.EndUser(ctx, user.ID, c.SID, "password", session.Meta{From: c.Attempt.Addr, RequestID: c.Attempt.RequestID}, now)
	return err
}

// present checks the present password.
func (s *Service) present(ctx context.Context, c Change, user principal.Record, now time.Time) error {
	if user.Password.Empty() {
		return nil
	}
	place, err := s.Hasher.Reserve(true) // there is a session
	if err != nil {
		return err
	}
	defer place.Leave()
	device, _ := s.Devices.Known(c.Attempt.DeviceCookie, user.Name, now)
	counted, err := s.Throttle.Begin(ctx, now, throttle.Attempt{Account: user.Name, Network: session.Network(c.Attempt.Addr).String(), Device: device})
	if err != nil {
		return err
	}
	defer counted.Abandon() // does nothing after an outcome
	result, err := place.Verify(ctx, user.Password, c.Password)
	if err != nil {
		return err
	}
	if !result.OK {
		return s.failed(ctx, c.Attempt, counted.Failed(now), user.ID, "the present password is wrong, for a change of password", now)
	}
	counted.Succeeded()
	return nil
}
