package storage

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/sanmon-gate/sanmon/audit"
	"github.com/sanmon-gate/sanmon/change"
	"github.com/sanmon-gate/sanmon/keys/apikey"
)

const insertKey = `INSERT INTO api_key (` + keyColumns + `)
	VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20)`

// expireKey shortens the life of a live key, and only shortens it. $2 is 0 for
// "leave it". A key that was put on hold a moment ago is not replaced by one that is not.
const expireKey = `UPDATE api_key SET expires_at = CASE
	WHEN CAST($2 AS BIGINT) <> 0 AND (expires_at = 0 OR expires_at > $2) THEN $2 ELSE expires_at END
	WHERE id = $1 AND revoked_at = 0 AND held_at = 0 AND (expires_at = 0 OR expires_at > $3)`

const successors = `SELECT COUNT(*) FROM api_key WHERE replaces = $1 AND revoked_at = 0`

// CreateKey implements apikey.Store. A taken id is an error that no layer declared:
// ids are random. The zero oldExpires leaves the expiry of the old key.
func (db *DB) CreateKey(ctx context.Context, r apikey.Record, oldExpires time.Time, ev audit.Event) error {
	args, err := keyArgs(r)
	if err != nil {
		return fmt.Errorf("create key: %w", err)
	}
	return db.change(ctx, "create key", func(t *transaction) error {
		if r.Replaces != "" {
			if err := t.replaceKey(r, oldExpires); err != nil {
				return err
			}
		}
		_, err := t.exec(insertKey, args...)
		t.record(ev)
		t.announce(change.Key, r.ID)
		return err
	})
}

// replaceKey ends the key that r replaces. Changes wait for each other, so that of two at
// once the second finds the first.
func (t *transaction) replaceKey(r apikey.Record, oldExpires time.Time) error {
	n, err := t.exec(expireKey, r.Replaces, micros(oldExpires), micros(r.CreatedAt))
	if err == nil && n == 0 {
		err = apikey.ErrNotFound
	}
	if err != nil {
		return err
	}
	if err := t.row(successors, r.Replaces).Scan(&n); err != nil {
		return err
	}
	if n > 0 {
		return apikey.ErrReplaced
	}
	t.announce(change.Key, r.Replaces)
	return nil
}

const (
	revokeKey = `UPDATE api_key SET revoked_at = $2 WHERE id = $1 AND revoked_at = 0`
	keyExists = `SELECT id FROM api_key WHERE id = $1`
)

// RevokeKey implements apikey.Store. When the key was revoked already, nothing is
// written.
func (db *DB) RevokeKey(ctx context.Context, id string, at time.Time, evs ...audit.Event) (bool, error) {
	when, err := moment(at)
	if err == nil && !holdable(id) {
		err = apikey.ErrNotFound
	}
	if err != nil {
		return false, fmt.Errorf("revoke key: %w", err)
	}
	ended := false
	err = db.change(ctx, "revoke key", func(t *transaction) error {
		n, err := t.exec(revokeKey, id, when)
		if err != nil {
			return err
		}
		if ended = n == 1; !ended {
			return t.unchangedKey(id)
		}
		for _, ev := range evs {
			t.record(ev)
		}
		t.announce(change.Key, id)
		return nil
	})
	return ended && err == nil, err
}

// unchangedKey tells a key that is over from one that never was.
func (t *transaction) unchangedKey(id string) error {
	err := t.row(keyExists, id).Scan(&id)
	if errors.Is(err, sql.ErrNoRows) {
		return apikey.ErrNotFound
	}
	if err != nil {
		return err
	}
	return errUnchanged
}
