// Package login signs people in: it ties password, throttle, session and principal
// together so that every refusal looks, weighs and takes the same.
package login

import (
	"context"
	"errors"
	"net/netip"
	"time"

	"github.com/sanmon-gate/sanmon/audit"
	"github.com/sanmon-gate/sanmon/identity/agent"
	"github.com/sanmon-gate/sanmon/identity/factor"
	"github.com/sanmon-gate/sanmon/identity/passkey"
	"github.com/sanmon-gate/sanmon/identity/password"
	"github.com/sanmon-gate/sanmon/identity/principal"
	"github.com/sanmon-gate/sanmon/identity/session"
	"github.com/sanmon-gate/sanmon/identity/throttle"
	"github.com/sanmon-gate/sanmon/identity/ticket"
	"github.com/sanmon-gate/sanmon/refusal"
	"github.com/sanmon-gate/sanmon/secret"
)

// Users is the part of principal.Store that a login needs.
type Users interface {
	// PrincipalByName and PrincipalByID return principal.ErrNotFound when there is none.
	PrincipalByName(ctx context.Context, kind principal.Kind, name string) (principal.Record, error)
	PrincipalByID(ctx context.Context, id string) (principal.Record, error)
	// SetPassword stores another hash of the same password, ending nothing.
	SetPassword(ctx context.Context, id string, hash secret.Value, endSessions bool, at time.Time, ev audit.Event) error
}

// Journal writes events that go with no change of the store.
type Journal interface {
	Record(ctx context.Context, ev audit.Event) error
}

// Service signs people in. The first fields must be set. It is safe for concurrent use.
type Service struct {
	Users    Users
	Sessions *session.Keeper
	Hasher   *password.Hasher
	Throttle *throttle.Throttle
	Devices  throttle.Devices
	Journal  Journal

	// Factors are the second factors and Office seals what is carried between the two steps
	// of a login; both nil: there are no second factors.
	Factors *factor.Service
	Office  *ticket.Office
	// Passkeys keeps passkeys; nil: nobody signs in with one.
	Passkeys passkey.Store

	// Rules are those of the site for new passwords, as they are now; nil: the zero Rules.
	Rules func() password.Rules
	// Arrived, if set, is told of a login from a device that was not known. It must not wait.
	Arrived func(user principal.Record, a Attempt, now time.Time)
}

// Attempt is one try to sign in.
type Attempt struct {
	Email        string
	Password     secret.Value
	Addr         netip.Addr // address of the client
	UserAgent    string
	RequestID    string
	Lang         string // language of the person, "en" or "ja"; "" not known
	Current      string // session cookie that came along, "" for none: a step-up
	DeviceCookie string // device cookie that came along, "" for none

	SecondFactor Policy // whether a one-time code is asked for
	Code         string // one-time or recovery code that came along, "" for none
	Binding      []byte // by what the browser is known until it has a session; empty: it cannot go on to a second step
	Ticket       string // of the first step; for Second and Enrol

	external bool      // the first step was at another provider
	authTime time.Time // when that was; zero: now
}

// Grant is what a successful login gives.
type Grant struct {
	Secret       secret.Value // value of the session cookie
	ExpiresAt    time.Time    // absolute end of the session
	DeviceCookie string       // new device cookie for throttle.DeviceLife; "" when the one that came is good
	SID, Subject string
}

// Login signs somebody in. Everything that is wrong with address, password or
// account is refusal.LoginFailed, after the same work; the reason that tells them
// apart is for the operator. Too many failures are refusal.RateLimited, a store or
// hasher without room refusal.Busy.
func (s *Service) Login(ctx context.Context, a Attempt, now time.Time) (Grant, error) {
	account, proper := Canonical(a.Email)
	device, known := "", false
	if proper {
		device, known = s.Devices.Known(a.DeviceCookie, account, now)
	}
	// Before the attempt is counted, which asks the store: in a flood most are not let in.
	place, err := s.Hasher.Reserve(known)
	if err != nil {
		return Grant{}, err
	}
	defer place.Leave()
	ticket, err := s.Throttle.Begin(ctx, now, throttle.Attempt{Account: account, Network: session.Network(a.Addr).String(), Device: device})
	if err != nil {
		return Grant{}, err
	}
	defer ticket.Abandon() // does nothing after an outcome
	user, upgrade, why, err := s.authenticate(ctx, place, account, proper, a.Password)
	var grant Grant
	var how proof
	if err == nil && why == "" {
		how, why, err = s.second(ctx, a, user, upgrade, now)
	}
	if err == nil && why == "" {
		grant, why, err = s.begin(ctx, a, account, user, how, now)
	}
	if err != nil {
		return Grant{}, err
	}
	if why != "" {
		err := s.failed(ctx, a, ticket.Failed(now), user.ID, why, now)
		place.Hold(ctx) // of a user who is disabled, too, whose password was right
		return Grant{}, err
	}
	ticket.Succeeded()
	if upgrade {
		s.upgrade(ctx, user.ID, a.Password, now)
	}
	s.flag(ctx, a, user, now)
	return s.welcome(grant, known, account, user, a, now), nil
}

// welcome makes a device known that the account was not known from, and tells the person.
func (s *Service) welcome(g Grant, known bool, account string, user principal.Record, a Attempt, now time.Time) Grant {
	if !known {
		g.DeviceCookie = s.Devices.Issue(account, now)
		s.arrived(user, a, now)
	}
	return g
}

// authenticate returns who the password belongs to, or why not. err is for failures
// that say nothing about the password.
func (s *Service) authenticate(ctx context.Context, place *password.Place, account string, proper bool, pw secret.Value) (user principal.Record, upgrade bool, why string, err error) {
	user, err = s.find(ctx, account, proper)
	if err != nil {
		return user, false, "", err
	}
	result, err := place.Verify(ctx, user.Password, pw)
	if r, ok := errors.AsType[*refusal.Refusal](err); ok {
		return user, false, "", r
	}
	switch {
	case err != nil:
		return user, false, err.Error(), nil
	case user.ID == "":
		return user, false, "no user has this address", nil
	case user.Password.Empty():
		return user, false, "the user has no password (sanmon user reset)", nil
	case !result.OK:
		return user, false, "the password is wrong", nil
	case user.Disabled:
		return user, false, "the user is disabled (sanmon user enable)", nil
	}
	why, err = s.changed(ctx, account, user) // hashing took a while
	return user, result.Upgrade, why, err
}

// changed says what no longer holds of a user who was read before, "" when all does.
func (s *Service) changed(ctx context.Context, account string, user principal.Record) (why string, err error) {
	again, err := s.find(ctx, account, true)
	switch {
	case err != nil:
		return "", err
	case again.ID != user.ID || again.Disabled || !again.Password.Equal(user.Password):
		return "the user was changed during the login", nil
	}
	return "", nil
}

// find returns the zero Record when there is no such user.
func (s *Service) find(ctx context.Context, account string, proper bool) (principal.Record, error) {
	if !proper {
		account = "" // nobody's address: the same query all the same
	}
	r, err := s.Users.PrincipalByName(ctx, principal.User, account)
	switch {
	case errors.Is(err, principal.ErrNotFound):
		return principal.Record{}, nil
	case err != nil:
		return principal.Record{}, busy("read the user", err)
	case r.Kind != principal.User:
		return principal.Record{}, nil
	}
	return r, nil
}

// event has what a login knows of the request.
func (a Attempt) event() audit.Event {
	ev := audit.Event{RequestID: a.RequestID}
	if n := session.Network(a.Addr); n.IsValid() {
		ev.Network = n.String()
	}
	return ev
}

// fail writes login.failed and returns the one refusal of all failed logins. What was
// typed as the address is not written down: it may be a password.
func (s *Service) fail(ctx context.Context, a Attempt, subject, why string, now time.Time) error {
	ev := a.event()
	ev.At, ev.Event, ev.Subject, ev.Detail = now, audit.LoginFailed, subject, why
	r := refusal.New(refusal.LoginFailed, "login failed: %s", why)
	r.Err = s.Journal.Record(ctx, ev)
	return r
}

// failed is fail for an attempt that was counted. One that filled a count is written down
// a second time: from there on somebody is probably guessing.
func (s *Service) failed(ctx context.Context, a Attempt, full, subject, why string, now time.Time) error {
	err := s.fail(ctx, a, subject, why, now)
	if full == "" {
		return err
	}
	ev := a.event()
	ev.At, ev.Event, ev.Subject, ev.Actor, ev.Detail = now, audit.LoginThrottled, subject, "system", "full="+full
	if r, ok := errors.AsType[*refusal.Refusal](err); ok {
		r.Err = errors.Join(r.Err, s.Journal.Record(ctx, ev))
	}
	return err
}

// begin makes the session. A reset or disable that came between the last look at the
// user and the session's row has ended all sessions but this one, so it is looked once
// more: whichever of the two was first, the session does not survive the change.
func (s *Service) begin(ctx context.Context, a Attempt, account string, user principal.Record, how proof, now time.Time) (g Grant, why string, err error) {
	meta := a.meta(how)
	value, r, err := s.Sessions.StepUp(ctx, a.Current, user, meta, now)
	if errors.Is(err, session.ErrFull) { // that says that all was right: it has to be true still
		if why, lookErr := s.changed(ctx, account, user); why != "" || lookErr != nil {
			return Grant{}, why, lookErr
		}
	}
	if err != nil {
		return Grant{}, "", err
	}
	if why, err = s.changed(ctx, account, user); why != "" || err != nil {
		_, endErr := s.Sessions.End(context.WithoutCancel(ctx), r.SID, session.ReasonReplaced, meta, now)
		return Grant{}, why, errors.Join(err, endErr)
	}
	return Grant{Secret: value, ExpiresAt: r.ExpiresAt, SID: r.SID, Subject: user.ID}, "", nil
}

func (a Attempt) meta(how proof) session.Meta {
	return session.Meta{From: a.Addr, Device: session.Device(a.UserAgent), Agent: agent.Of(a.UserAgent), RequestID: a.RequestID, Lang: a.Lang, AMR: how.amr, ACR: how.acr,
		AuthTime: a.authTime, Same: a.external}
}

// upgrade hashes a right password at the present cost. That it fails must not keep
// anybody out; the next login tries again.
func (s *Service) upgrade(ctx context.Context, id string, pw secret.Value, now time.Time) {
	hash, err := s.Hasher.Hash(ctx, pw)
	if err != nil {
		return
	}
	ev := audit.Event{At: now, Event: audit.UserReset, Subject: id, Actor: "system", Detail: "the same password, hashed at the present cost"}
	_ = s.Users.SetPassword(ctx, id, hash, false, now, ev)
}

func busy(doing string, err error) error {
	return &refusal.Refusal{Code: refusal.Busy, RetryAfter: time.Second, Err: err,
		Reason: "could not " + doing + " (is the database reachable?)"}
}
