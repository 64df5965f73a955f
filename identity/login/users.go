package login

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/sanmon-gate/sanmon/audit"
	"github.com/sanmon-gate/sanmon/identity/password"
	"github.com/sanmon-gate/sanmon/identity/principal"
	"github.com/sanmon-gate/sanmon/secret"
)

// Administration adds people and resets their passwords.
type Administration struct {
	Store  principal.Store
	Hasher *password.Hasher
}

// NewUser is a person to add.
type NewUser struct {
	Email    string
	Password secret.Value // empty: cannot sign in until a reset
	Roles    []string
	Actor    string // principal id or "cli"
}

// AddUser adds a person. principal.ErrExists when the address is taken,
// password.ErrPolicy when the password is not acceptable; both are wrapped.
func (a Administration) AddUser(ctx context.Context, u NewUser, now time.Time) (principal.Record, error) {
	email, ok := Canonical(u.Email)
	if !ok {
		return principal.Record{}, fmt.Errorf("add user: %q is not an e-mail address (give one like name@example.com)", u.Email)
	}
	r := principal.Record{ID: secret.NewID("usr_"), Kind: principal.User, Name: email, Roles: u.Roles, Version: 1, CreatedAt: now}
	if !u.Password.Empty() {
		hash, err := a.hash(ctx, u.Password, email)
		if err != nil {
			return principal.Record{}, fmt.Errorf("add user %s: %w", email, err)
		}
		r.Password = hash
	}
	ev := audit.Event{At: now, Event: audit.UserAdded, Subject: r.ID, Actor: u.Actor}
	if err := a.Store.CreatePrincipal(ctx, r, ev); err != nil {
		return principal.Record{}, fmt.Errorf("add user %s: %w", email, err)
	}
	return r, nil
}

// Reset sets a person's password and ends all of that person's sessions (ASVS 7.4.3).
// principal.ErrNotFound and password.ErrPolicy are wrapped.
func (a Administration) Reset(ctx context.Context, email string, pw secret.Value, actor string, now time.Time) (principal.Record, error) {
	name, ok := Canonical(email)
	if !ok {
		return principal.Record{}, fmt.Errorf("reset user: %q is not an e-mail address (give one like name@example.com)", email)
	}
	r, err := a.Store.PrincipalByName(ctx, principal.User, name)
	if errors.Is(err, principal.ErrNotFound) {
		return r, fmt.Errorf("reset user %s: %w (see: sanmon user list)", name, err)
	}
	if err != nil {
		return r, fmt.Errorf("reset user %s: %w", name, err)
	}
	hash, err := a.hash(ctx, pw, name)
	if err != nil {
		return r, fmt.Errorf("reset user %s: %w", name, err)
	}
	ev := audit.Event{At: now, Event: audit.UserReset, Subject: r.ID, Actor: actor}
	if err := a.Store.SetPassword(ctx, r.ID, hash, true, now, ev); err != nil {
		return r, fmt.Errorf("reset user %s: %w", name, err)
	}
	r.Password = hash
	return r, nil
}

func (a Administration) hash(ctx context.Context, pw secret.Value, email string) (secret.Value, error) {
	if err := password.Check(pw, email); err != nil {
		return secret.Value{}, err
	}
	return a.Hasher.Hash(ctx, pw)
}
