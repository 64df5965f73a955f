package storage

import (
	"context"
	"fmt"
	"time"

	"github.com/sanmon-gate/sanmon/audit"
	"github.com/sanmon-gate/sanmon/identity/principal"
	"github.com/sanmon-gate/sanmon/secret"
)

const setRoles = `UPDATE principal SET roles = $2, version = version + 1 WHERE id = $1`

// SetRoles implements principal.Store.
func (db *DB) SetRoles(ctx context.Context, id string, roles []string, ev audit.Event) error {
	encoded, err := encodeList("roles", roles)
	if err != nil {
		return fmt.Errorf("set roles: %w", err)
	}
	return db.changePrincipal(ctx, "set roles", id, ev, setRoles, []any{id, encoded}, nil)
}

const setDisabled = `UPDATE principal SET disabled = $2, version = version + 1 WHERE id = $1`

// SetDisabled implements principal.Store.
func (db *DB) SetDisabled(ctx context.Context, id string, disabled bool, at time.Time, ev audit.Event) error {
	when, err := moment(at)
	if err != nil {
		return fmt.Errorf("set disabled: %w", err)
	}
	then := func(t *transaction) error {
		if !disabled {
			return nil
		}
		_, err := t.endSessions(id, "", "disabled", when)
		return err
	}
	return db.changePrincipal(ctx, "set disabled", id, ev, setDisabled, []any{id, flag(disabled)}, then)
}

const setPassword = `UPDATE principal SET password = $2, version = version + 1 WHERE id = $1`

// SetPassword implements principal.Store.
func (db *DB) SetPassword(ctx context.Context, id string, hash secret.Value, endSessions bool, at time.Time, ev audit.Event) error {
	when, err := moment(at)
	if err == nil && !holdable(string(hash.Expose())) {
		err = errUnfitHash
	}
	if err != nil {
		return fmt.Errorf("set password: %w", err)
	}
	then := func(t *transaction) error {
		if !endSessions {
			return nil
		}
		return t.passwordChanged(id, "", when)
	}
	return db.changePrincipal(ctx, "set password", id, ev, setPassword, []any{id, string(hash.Expose())}, then)
}

// passwordChanged ends what rested on the former password: sessions, but for except, and
// links for another one, which whoever read the mail would still have.
func (t *transaction) passwordChanged(user, except string, when int64) error {
	if _, err := t.exec(dropLinksOf, user); err != nil {
		return err
	}
	_, err := t.endSessions(user, except, "password", when)
	return err
}

// changePrincipal runs one update of one principal and what goes with it.
func (db *DB) changePrincipal(ctx context.Context, op, id string, ev audit.Event, query string, args []any, then func(*transaction) error) error {
	if !holdable(id) {
		return fmt.Errorf("%s: %w", op, principal.ErrNotFound)
	}
	return db.change(ctx, op, func(t *transaction) error {
		n, err := t.exec(query, args...)
		if err != nil {
			return err
		}
		if n == 0 {
			return principal.ErrNotFound
		}
		t.recordPrincipal(id, ev)
		if then == nil {
			return nil
		}
		return then(t)
	})
}
