package main

import (
	"context"
	"time"

	"github.com/sanmon-gate/sanmon/identity/login"
	"github.com/sanmon-gate/sanmon/identity/passkey"
	"github.com/sanmon-gate/sanmon/internal/config"
	"github.com/sanmon-gate/sanmon/internal/portal"
	"github.com/sanmon-gate/sanmon/keys/apikey"
	"github.com/sanmon-gate/sanmon/secret"
)

// ways are the ways to sign in beside the password alone, and the account page where they
// are set up.
func (l *layers) ways(c *config.Config) (portal.Ways, *portal.Account, error) {
	auth := authenticatorOf(l.login, c)
	w := portal.Ways{NoPassword: !c.Login.Password}
	account := &portal.Account{
		Store: l.store, Sessions: l.keeper, Logins: l.login, Factors: l.login.Factors, Office: l.login.Office,
		Keys: l.keysUnder(c), Env: apikey.Env(c.Environment), SecondFactor: auth.second, Password: c.Login.Password,
	}
	account.Changed = l.letters.changed
	for _, o := range c.Login.OIDC {
		account.Providers = append(account.Providers, portal.Provider{Name: o.Name, Issuer: o.Issuer})
	}
	if auth.second != login.Off {
		w.Second = secondStep{auth}
	}
	if !c.Login.Passkey {
		return w, account, nil
	}
	ceremonies, err := passkey.New(passkey.Options{Origin: c.PublicURL, Name: c.PublicHost, Office: l.login.Office})
	if err != nil {
		return w, nil, err
	}
	account.Passkeys, w.Passkeys = ceremonies, passkeys{auth, ceremonies}
	return w, account, nil
}

// secondStep lets the portal finish logins whose password was right.
type secondStep struct{ auth authenticator }

// Second implements portal.Second.
func (s secondStep) Second(ctx context.Context, t portal.Attempt) (portal.Grant, error) {
	return granted(s.auth.service.Second(ctx, s.auth.attempt(t), t.Now))
}

// Holds implements portal.Second.
func (s secondStep) Holds(binding []byte, ticket string, now time.Time) bool {
	return s.auth.service.Holds(binding, ticket, now)
}

// Enrolment implements portal.Second.
func (s secondStep) Enrolment(binding []byte, ticket string, now time.Time) (secret.Value, string, error) {
	return s.auth.service.Enrolment(binding, ticket, now)
}

// Enrol implements portal.Second.
func (s secondStep) Enrol(ctx context.Context, t portal.Attempt) (portal.Grant, []secret.Value, error) {
	g, codes, err := s.auth.service.Enrol(ctx, s.auth.attempt(t), t.Now)
	grant, err := granted(g, err)
	return grant, codes, err
}

// passkeys lets the portal sign people in with passkeys.
type passkeys struct {
	auth       authenticator
	ceremonies *passkey.Ceremonies
}

// Begin implements portal.Passkeyer.
func (p passkeys) Begin(binding []byte, email string, now time.Time) (passkey.Begun, error) {
	return p.ceremonies.BeginLogin(binding, email, now)
}

// Finish implements portal.Passkeyer.
func (p passkeys) Finish(ctx context.Context, t portal.Attempt, response []byte) (portal.Grant, error) {
	return granted(p.auth.service.Passkey(ctx, p.ceremonies, p.auth.attempt(t), response, t.Now))
}
