package storage

import (
	"context"
	"fmt"
	"time"

	"github.com/sanmon-gate/sanmon/audit"
	"github.com/sanmon-gate/sanmon/audit/tree"
	"github.com/sanmon-gate/sanmon/change"
	"github.com/sanmon-gate/sanmon/keys/apikey"
	"golang.org/x/mod/sumdb/tlog"
)

const (
	restoredFrom   = `SELECT COUNT(*) FROM restored WHERE size = $1 AND root = $2`
	insertRestored = `INSERT INTO restored (size, root, at) VALUES ($1, $2, $3)`
	// holdKeys leaves canaries alone: they are never valid, and must not fall silent.
	holdKeys = `UPDATE api_key SET held_at = $1 WHERE id IN (SELECT id FROM api_key
	WHERE revoked_at = 0 AND held_at = 0 AND kind <> 1 ORDER BY id LIMIT $2) AND held_at = 0 RETURNING id`
	acceptKey  = `UPDATE api_key SET held_at = 0 WHERE id = $1 AND revoked_at = 0 AND held_at > 0`
	keysOnHold = `SELECT COUNT(*) FROM api_key WHERE revoked_at = 0 AND held_at > 0`
)

// holdBatch bounds how many keys one transaction holds.
const holdBatch = 1000

// Contains reports whether the trail of the store is the one that c was made of, grown or
// not: it reads the stored hashes beside the path only.
func (db *DB) Contains(ctx context.Context, c tree.Checkpoint) (bool, error) {
	ends, err := db.Ends(ctx)
	if err != nil || ends.Head < c.Size {
		return false, err
	}
	root, err := tlog.TreeHash(c.Size, db.Hashes(ctx))
	if err != nil && !isBusy(err) {
		return false, nil // hashes are missing or cut: that is not the trail that was signed
	}
	return err == nil && root == c.Root, err
}

// Restored reports whether what a restore asks for was done already, for this anchor.
func (db *DB) Restored(ctx context.Context, c tree.Checkpoint) (bool, error) {
	ctx, cancel := db.bound(ctx)
	defer cancel()
	var n int
	err := db.row(ctx, restoredFrom, c.Size, c.Root[:]).Scan(&n)
	return n > 0, db.failure("read what was restored", err)
}

// SetRestored notes that it was done. Another node may have been faster.
func (db *DB) SetRestored(ctx context.Context, c tree.Checkpoint, at time.Time) error {
	when, err := moment(at)
	if err != nil {
		return fmt.Errorf("note what was restored: %w", err)
	}
	return db.touch(ctx, "note what was restored", func(t *transaction) error {
		_, err := t.exec(insertRestored, c.Size, c.Root[:], when)
		if t.db.duplicate(err) {
			return errUnchanged
		}
		return err
	})
}

// HoldKeys holds every key that is not revoked, in batches, each with its event and its
// changes, and returns how many. A key that is held is refused until AcceptKey or
// RevokeKey.
func (db *DB) HoldKeys(ctx context.Context, at time.Time, ev audit.Event) (held int, err error) {
	when, err := moment(at)
	if err != nil {
		return 0, fmt.Errorf("hold keys: %w", err)
	}
	for {
		var ids []string
		err := db.change(ctx, "hold keys", func(t *transaction) error {
			if ids, err = t.ids(holdKeys, when, holdBatch); err != nil {
				return err
			}
			if len(ids) == 0 {
				return errUnchanged
			}
			ev := ev
			ev.Detail += fmt.Sprintf(" count=%d", len(ids))
			t.record(ev)
			t.announce(change.Key, ids...)
			return nil
		})
		if err != nil || len(ids) == 0 {
			return held, err
		}
		held += len(ids)
	}
}

// AcceptKey lets a key that is held be used again; false when it was not held.
// apikey.ErrNotFound when there is none.
func (db *DB) AcceptKey(ctx context.Context, id string, ev audit.Event) (bool, error) {
	if !holdable(id) {
		return false, fmt.Errorf("accept key: %w", apikey.ErrNotFound)
	}
	accepted := false
	err := db.change(ctx, "accept key", func(t *transaction) error {
		n, err := t.exec(acceptKey, id)
		if err != nil {
			return err
		}
		if accepted = n == 1; !accepted {
			return t.unchangedKey(id)
		}
		t.record(ev)
		t.announce(change.Key, id)
		return nil
	})
	return accepted && err == nil, err
}

// KeysOnHold counts the keys that wait for a person.
func (db *DB) KeysOnHold(ctx context.Context) (n int, err error) {
	ctx, cancel := db.bound(ctx)
	defer cancel()
	err = db.row(ctx, keysOnHold).Scan(&n)
	return n, db.failure("count keys on hold", err)
}
