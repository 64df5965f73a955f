package login

import (
	"context"
	"encoding/hex"
	"errors"
	"time"

	"github.com/sanmon-gate/sanmon/audit"
	"github.com/sanmon-gate/sanmon/identity/passkey"
	"github.com/sanmon-gate/sanmon/identity/principal"
	"github.com/sanmon-gate/sanmon/identity/session"
	"github.com/sanmon-gate/sanmon/identity/throttle"
	"github.com/sanmon-gate/sanmon/refusal"
	"github.com/sanmon-gate/sanmon/secret"
)

// byPasskey: possession of the key, and its user verified by the authenticator: two factors
// in one (NIST SP 800-63B-4, Section 3.1.7).
func byPasskey() proof {
	return proof{[]string{session.MethodPasskey, session.MethodUser, session.MethodMFA}, session.AAL2}
}

// Passkey signs somebody in with a passkey; no one-time code is asked for. a has the ticket
// of the ceremony and the Binding that it was begun with; response is what the browser
// sent. Everything that is wrong is refusal.LoginFailed and counts against the credential
// and the network.
func (s *Service) Passkey(ctx context.Context, c *passkey.Ceremonies, a Attempt, response []byte, now time.Time) (Grant, error) {
	answer, err := passkey.Read(response)
	if err != nil {
		return Grant{}, s.fail(ctx, a, "", refusal.From(err).Reason, now)
	}
	record, user, err := s.holder(ctx, answer.ID)
	if err != nil {
		return Grant{}, err
	}
	id := secret.New(answer.ID).Hash() // a name of bounded length
	who := throttle.Attempt{Account: "passkey " + hex.EncodeToString(id[:]), Network: session.Network(a.Addr).String()}
	device, known := s.Devices.Known(a.DeviceCookie, user.Name, now)
	if known {
		who.Account, who.Device = user.Name, device
	}
	counted, err := s.Throttle.Begin(ctx, now, who)
	if err != nil {
		return Grant{}, err
	}
	defer counted.Abandon() // does nothing after an outcome
	why, err := s.possesses(ctx, c, a, answer, record, user, now)
	var grant Grant
	if err == nil && why == "" {
		grant, why, err = s.begin(ctx, a, user.Name, user, byPasskey(), now)
	}
	if err != nil {
		return Grant{}, err
	}
	if why != "" {
		return Grant{}, s.failed(ctx, a, counted.Failed(now), user.ID, why, now)
	}
	counted.Succeeded()
	return s.welcome(grant, known, user.Name, user, a, now), nil
}

// holder finds a passkey and whose it is; zero Records when there is none.
func (s *Service) holder(ctx context.Context, id []byte) (passkey.Record, principal.Record, error) {
	r, err := s.Passkeys.PasskeyByCredential(ctx, id)
	if errors.Is(err, passkey.ErrNotFound) {
		return passkey.Record{}, principal.Record{}, nil
	}
	if err != nil {
		return r, principal.Record{}, busy("read a passkey", err)
	}
	user, err := s.Users.PrincipalByID(ctx, r.User)
	if errors.Is(err, principal.ErrNotFound) {
		return passkey.Record{}, principal.Record{}, nil
	}
	if err != nil {
		return r, user, busy("read the user", err)
	}
	return r, user, nil
}

// possesses verifies an answer and notes its counter.
func (s *Service) possesses(ctx context.Context, c *passkey.Ceremonies, a Attempt, answer passkey.Answer, r passkey.Record, user principal.Record, now time.Time) (why string, err error) {
	proven, err := c.FinishLogin(ctx, a.Binding, a.Ticket, answer, r, now)
	if no, ok := errors.AsType[*refusal.Refusal](err); ok && no.Code == refusal.LoginFailed {
		return no.Reason, nil
	}
	if err != nil {
		return "", err
	}
	if proven.Stuck {
		ev := a.event()
		ev.At, ev.Event, ev.Subject, ev.Actor, ev.Detail = now, audit.FactorFlagged, user.ID, "system", "factor=passkey handle="+r.Handle+" the counter did not advance"
		return "the counter of passkey " + r.Handle + " did not advance: there may be a copy of it", busyOr(s.Passkeys.UsePasskey(ctx, proven.Record, &ev), "flag a passkey")
	}
	account, _ := Canonical(proven.Account)
	switch {
	case proven.Account != "" && account != user.Name:
		return "the passkey is of another account than the address that was typed", nil
	case user.Disabled:
		return "the user is disabled (sanmon user enable)", nil
	}
	err = s.Passkeys.UsePasskey(ctx, proven.Record, nil)
	if errors.Is(err, passkey.ErrNotFound) {
		return "passkey " + r.Handle + " was removed or used with the same counter meanwhile", nil
	}
	return "", busyOr(err, "note the use of a passkey")
}

func busyOr(err error, doing string) error {
	if err == nil {
		return nil
	}
	return busy(doing, err)
}
