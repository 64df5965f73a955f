// Package login signs people in: it ties password, throttle, session and principal
// together so that every refusal looks, weighs and takes the same.
package login

import (
	"context"
	"errors"
	"net/netip"
	"time"

	"github.com/sanmon-gate/sanmon/audit"
	"github.com/sanmon-gate/sanmon/identity/password"
	"github.com/sanmon-gate/sanmon/identity/principal"
	"github.com/sanmon-gate/sanmon/identity/session"
	"github.com/sanmon-gate/sanmon/identity/throttle"
	"github.com/sanmon-gate/sanmon/refusal"
	"github.com/sanmon-gate/sanmon/secret"
)

// Users is the part of principal.Store that a login needs.
type Users interface {
	// PrincipalByName returns principal.ErrNotFound when there is none.
	PrincipalByName(ctx context.Context, kind principal.Kind, name string) (principal.Record, error)
	// SetPassword stores another hash of the same password, ending nothing.
	SetPassword(ctx context.Context, id string, hash secret.Value, endSessions bool, at time.Time, ev audit.Event) error
}

// Journal writes events that go with no change of the store.
type Journal interface {
	Record(ctx context.Context, ev audit.Event) error
}

// Service signs people in. All fields must be set. It is safe for concurrent use.
type Service struct {
	Users    Users
	Sessions *session.Keeper
	Hasher   *password.Hasher
	Throttle *throttle.Throttle
	Devices  throttle.Devices
	Journal  Journal
}

// Attempt is one try to sign in.
type Attempt struct {
	Email        string
	Password     secret.Value
	Addr         netip.Addr // address of the client
	UserAgent    string
	RequestID    string
	Current      string // session cookie that came along, "" for none: a step-up
	DeviceCookie string // device cookie that came along, "" for none
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
	ticket, err := s.Throttle.Begin(now, throttle.Attempt{Account: account, Network: session.Network(a.Addr).String(), Device: device})
	if err != nil {
		return Grant{}, err
	}
	defer ticket.Abandon() // does nothing after an outcome
	user, why, err := s.authenticate(ctx, account, proper, a.Password, now)
	if err != nil {
		return Grant{}, err
	}
	if why != "" {
		ticket.Failed(now)
		return Grant{}, s.fail(ctx, a, user.ID, why, now)
	}
	grant, err := s.begin(ctx, a, user, now)
	if err != nil {
		return Grant{}, err
	}
	ticket.Succeeded()
	if !known {
		grant.DeviceCookie = s.Devices.Issue(account, now)
	}
	return grant, nil
}

// authenticate returns who the password belongs to, or why not. err is for failures
// that say nothing about the password.
func (s *Service) authenticate(ctx context.Context, account string, proper bool, pw secret.Value, now time.Time) (user principal.Record, why string, err error) {
	user, err = s.find(ctx, account, proper)
	if err != nil {
		return user, "", err
	}
	result, err := s.Hasher.Verify(ctx, user.Password, pw)
	if r, ok := errors.AsType[*refusal.Refusal](err); ok {
		return user, "", r
	}
	switch {
	case err != nil:
		return user, err.Error(), nil
	case user.ID == "":
		return user, "no user has this address", nil
	case user.Password.Empty():
		return user, "the user has no password (sanmon user reset)", nil
	case !result.OK:
		return user, "the password is wrong", nil
	case user.Disabled:
		return user, "the user is disabled (sanmon user enable)", nil
	}
	// Hashing took a while: what was changed meanwhile counts.
	again, err := s.find(ctx, account, proper)
	switch {
	case err != nil:
		return user, "", err
	case again.ID != user.ID || again.Disabled || !again.Password.Equal(user.Password):
		return user, "the user was changed during the login", nil
	}
	if result.Upgrade {
		s.upgrade(ctx, user.ID, pw, now)
	}
	return user, "", nil
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

// fail writes login.failed and returns the one refusal of all failed logins. What was
// typed as the address is not written down: it may be a password.
func (s *Service) fail(ctx context.Context, a Attempt, subject, why string, now time.Time) error {
	ev := audit.Event{At: now, Event: audit.LoginFailed, Subject: subject, RequestID: a.RequestID, Detail: why}
	if n := session.Network(a.Addr); n.IsValid() {
		ev.Network = n.String()
	}
	r := refusal.New(refusal.LoginFailed, "login failed: %s", why)
	r.Err = s.Journal.Record(ctx, ev)
	return r
}

func (s *Service) begin(ctx context.Context, a Attempt, user principal.Record, now time.Time) (Grant, error) {
	meta := session.Meta{From: a.Addr, Device: session.Device(a.UserAgent), RequestID: a.RequestID}
	value, r, err := s.Sessions.StepUp(ctx, a.Current, user, meta, now)
	if err != nil {
		return Grant{}, err
	}
	return Grant{Secret: value, ExpiresAt: r.ExpiresAt, SID: r.SID, Subject: user.ID}, nil
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
