package storage

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/sanmon-gate/sanmon/audit"
	"github.com/sanmon-gate/sanmon/identity/passkey"
)

var _ passkey.Store = (*DB)(nil)

const passkeyColumns = `handle, user_id, credential_id, public_key, name, transports, aaguid, attestation, sign_count,
	backup_eligible, backed_up, created_at, last_used_at, flagged_at`

// maxCredentialID is the longest credential id (WebAuthn, Section 4, "Credential ID").
const maxCredentialID = 1023

func passkeyArgs(r passkey.Record) ([]any, error) {
	if r.Handle == "" || r.User == "" || len(r.ID) == 0 || len(r.ID) > maxCredentialID || len(r.PublicKey) == 0 {
		return nil, errors.New("passkey without handle, user, credential id or public key (fill all four)")
	}
	if err := exact("passkey", r.Handle, r.User, r.Attestation); err != nil {
		return nil, err
	}
	transports, err := encodeList("transports", r.Transports)
	if err != nil {
		return nil, err
	}
	aaguid := r.AAGUID
	if aaguid == nil {
		aaguid = []byte{}
	}
	return []any{r.Handle, r.User, r.ID, r.PublicKey, text(r.Name), transports, aaguid, r.Attestation, int64(r.SignCount),
		flag(r.BackupEligible), flag(r.BackedUp), micros(r.CreatedAt), micros(r.LastUsedAt), micros(r.FlaggedAt)}, nil
}

func scanPasskey(row scanner) (r passkey.Record, err error) {
	var transports string
	var count, eligible, backed, created, used, flagged int64
	err = row.Scan(&r.Handle, &r.User, &r.ID, &r.PublicKey, &r.Name, &transports, &r.AAGUID, &r.Attestation, &count,
		&eligible, &backed, &created, &used, &flagged)
	if err != nil {
		return r, err
	}
	r.SignCount, r.BackupEligible, r.BackedUp = uint32(count), eligible != 0, backed != 0
	r.CreatedAt, r.LastUsedAt, r.FlaggedAt = at(created), at(used), at(flagged)
	r.Transports, err = decodeList("transports", transports)
	return r, err
}

const passkeysOfUser = `SELECT ` + passkeyColumns + ` FROM passkey WHERE user_id = $1 ORDER BY created_at, handle`

// Passkeys implements passkey.Store.
func (db *DB) Passkeys(ctx context.Context, user string) ([]passkey.Record, error) {
	if !holdable(user) {
		return nil, nil
	}
	ctx, cancel := db.bound(ctx)
	defer cancel()
	all, err := list(ctx, db, scanPasskey, passkeysOfUser, user)
	return all, db.failure("list passkeys", err)
}

const passkeyByCredential = `SELECT ` + passkeyColumns + ` FROM passkey WHERE credential_id = $1`

// PasskeyByCredential implements passkey.Store.
func (db *DB) PasskeyByCredential(ctx context.Context, id []byte) (passkey.Record, error) {
	if len(id) == 0 || len(id) > maxCredentialID {
		return passkey.Record{}, fmt.Errorf("find passkey: %w", passkey.ErrNotFound)
	}
	ctx, cancel := db.bound(ctx)
	defer cancel()
	r, err := scanPasskey(db.row(ctx, passkeyByCredential, id))
	if errors.Is(err, sql.ErrNoRows) {
		err = passkey.ErrNotFound
	}
	if err != nil {
		return passkey.Record{}, db.failure("find passkey", err)
	}
	return r, nil
}

const (
	insertPasskey = `INSERT INTO passkey (` + passkeyColumns + `)
	VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)`
	countPasskeys = `SELECT COUNT(*) FROM passkey WHERE user_id = $1`
)

// AddPasskey implements passkey.Store.
func (db *DB) AddPasskey(ctx context.Context, r passkey.Record, max int, ev audit.Event) error {
	args, err := passkeyArgs(r)
	if err == nil {
		_, err = moment(r.CreatedAt)
	}
	if err != nil {
		return fmt.Errorf("add passkey: %w", err)
	}
	return db.change(ctx, "add passkey", func(t *transaction) error {
		var have int
		if err := t.row(countPasskeys, r.User).Scan(&have); err != nil {
			return err
		}
		if have >= max {
			return passkey.ErrTooMany
		}
		_, err := t.exec(insertPasskey, args...)
		if t.db.duplicate(err) {
			return passkey.ErrExists
		}
		t.record(ev)
		return err
	})
}

const (
	usePasskey = `UPDATE passkey SET sign_count = $2, backed_up = $3, last_used_at = $4
	WHERE handle = $1 AND (sign_count < $2 OR (sign_count = 0 AND $2 = 0))`
	flagPasskey = `UPDATE passkey SET flagged_at = $2 WHERE handle = $1`
)

// UsePasskey implements passkey.Store. A record whose FlaggedAt is at or after its
// LastUsedAt is of a refused use.
func (db *DB) UsePasskey(ctx context.Context, r passkey.Record, ev *audit.Event) error {
	if !holdable(r.Handle) {
		return fmt.Errorf("use passkey: %w", passkey.ErrNotFound)
	}
	query, args := usePasskey, []any{r.Handle, int64(r.SignCount), flag(r.BackedUp), micros(r.LastUsedAt)}
	if !r.FlaggedAt.IsZero() && !r.LastUsedAt.After(r.FlaggedAt) {
		query, args = flagPasskey, []any{r.Handle, micros(r.FlaggedAt)}
	}
	do := db.touch
	if ev != nil {
		do = db.change
	}
	return do(ctx, "use passkey", func(t *transaction) error {
		n, err := t.exec(query, args...)
		if err == nil && n == 0 {
			err = passkey.ErrNotFound
		}
		if ev != nil {
			t.record(*ev)
		}
		return err
	})
}

const (
	renamePasskey = `UPDATE passkey SET name = $3 WHERE user_id = $1 AND handle = $2`
	removePasskey = `DELETE FROM passkey WHERE user_id = $1 AND handle = $2`
)

// RenamePasskey implements passkey.Store.
func (db *DB) RenamePasskey(ctx context.Context, user, handle, name string, ev audit.Event) error {
	return db.changePasskey(ctx, "rename passkey", ev, renamePasskey, user, handle, text(name))
}

// RemovePasskey implements passkey.Store.
func (db *DB) RemovePasskey(ctx context.Context, user, handle string, ev audit.Event) error {
	return db.changePasskey(ctx, "remove passkey", ev, removePasskey, user, handle)
}

func (db *DB) changePasskey(ctx context.Context, op string, ev audit.Event, query, user, handle string, more ...any) error {
	if !holdable(user) || !holdable(handle) {
		return fmt.Errorf("%s: %w", op, passkey.ErrNotFound)
	}
	return db.change(ctx, op, func(t *transaction) error {
		n, err := t.exec(query, append([]any{user, handle}, more...)...)
		if err == nil && n == 0 {
			err = passkey.ErrNotFound
		}
		t.record(ev)
		return err
	})
}
