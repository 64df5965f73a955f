package storage

import (
	"context"
	"fmt"
	"time"

	"github.com/sanmon-gate/sanmon/audit"
	"github.com/sanmon-gate/sanmon/secret"
)

const changePassword = `UPDATE principal SET password = $3, version = version + 1 WHERE id = $1 AND password = $2`

// ChangePassword replaces the password hash former of a person by next, and ends all
// sessions but the one named by except in the same transaction, with reason "password".
// principal.ErrNotFound when the person or that hash is not there any more.
func (db *DB) ChangePassword(ctx context.Context, id string, former, next secret.Value, except string, at time.Time, ev audit.Event) error {
	when, err := moment(at)
	if err == nil && (!holdable(string(former.Expose())) || !holdable(string(next.Expose()))) {
		err = errUnfitHash
	}
	if err != nil {
		return fmt.Errorf("change password: %w", err)
	}
	then := func(t *transaction) error {
		return t.passwordChanged(id, except, when)
	}
	return db.changePrincipal(ctx, "change password", id, ev, changePassword,
		[]any{id, string(former.Expose()), string(next.Expose())}, then)
}
