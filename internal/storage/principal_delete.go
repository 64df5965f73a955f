package storage

import (
	"context"
	"fmt"
	"time"

	"github.com/sanmon-gate/sanmon/audit"
	"github.com/sanmon-gate/sanmon/change"
	"github.com/sanmon-gate/sanmon/identity/principal"
)

// Deleted says what went with a user.
type Deleted struct {
	Sessions int // that were live; grants of clients are among them
	Keys     int // API keys that were not revoked
}

const (
	deleteUser    = `DELETE FROM principal WHERE id = $1 AND kind = 'user' RETURNING name`
	endKeysOf     = `UPDATE api_key SET revoked_at = $2 WHERE owner = $1 AND revoked_at = 0 AND kind <> 1 RETURNING id`
	forgetKeysOf  = `UPDATE api_key SET note = '', last_used_network = '' WHERE owner = $1`
	dropLinksOfTo = `DELETE FROM link WHERE user_id = $1 OR email = $2`
)

// ofUser are all other rows that a user has. Families of refresh tokens go with their sessions.
var ofUser = []string{
	removeTOTP, removeCodes,
	`DELETE FROM passkey WHERE user_id = $1`,
	`DELETE FROM federated WHERE user_id = $1`,
	`DELETE FROM auth_code WHERE user_id = $1`,
	`DELETE FROM session WHERE user_id = $1`,
}

// DeleteUser erases a user: sessions and grants end, API keys are revoked but for canaries,
// which open nothing and go on to give the alarm, and of the person nothing stays but the id,
// in keys and in the trail. ErrNotFound of principal.
func (db *DB) DeleteUser(ctx context.Context, id string, at time.Time, ev audit.Event) (d Deleted, err error) {
	when, err := moment(at)
	if err == nil && !holdable(id) {
		err = principal.ErrNotFound
	}
	if err != nil {
		return d, fmt.Errorf("delete user: %w", err)
	}
	err = db.change(ctx, "delete user", func(t *transaction) error {
		names, err := t.ids(deleteUser, id)
		if err == nil && len(names) == 0 {
			err = principal.ErrNotFound
		}
		if err != nil {
			return err
		}
		sids, err := t.endSessions(id, "", "deleted", when)
		if err != nil {
			return err
		}
		keys, err := t.ids(endKeysOf, id, when)
		if err != nil {
			return err
		}
		t.announce(change.Key, keys...)
		d = Deleted{Sessions: len(sids), Keys: len(keys)}
		ev.Detail = fmt.Sprintf("sessions=%d keys=%d", d.Sessions, d.Keys)
		t.recordPrincipal(id, ev)
		return t.forget(id, names[0])
	})
	return d, err
}

// forget deletes what is left of a user.
func (t *transaction) forget(id, name string) error {
	for _, query := range append([]string{forgetKeysOf}, ofUser...) {
		if _, err := t.exec(query, id); err != nil {
			return err
		}
	}
	_, err := t.exec(dropLinksOfTo, id, name)
	return err
}
