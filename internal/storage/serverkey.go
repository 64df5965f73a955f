package storage

import (
	"context"
	"fmt"

	"github.com/sanmon-gate/sanmon/audit"
	"github.com/sanmon-gate/sanmon/change"
	"github.com/sanmon-gate/sanmon/secret"
)

const serverKeys = `SELECT purpose, version, sealed, created_at, active_at, retired_at FROM server_key
	WHERE purpose = $1 AND retired_at = 0 ORDER BY version`

// ServerKeys implements secret.KeyStore.
func (db *DB) ServerKeys(ctx context.Context, purpose string) ([]secret.SealedKey, error) {
	if !holdable(purpose) {
		return []secret.SealedKey{}, nil
	}
	ctx, cancel := db.bound(ctx)
	defer cancel()
	keys, err := list(ctx, db, scanServerKey, serverKeys, purpose)
	if keys == nil && err == nil {
		keys = []secret.SealedKey{}
	}
	return keys, db.failure("read server keys", err)
}

func scanServerKey(row scanner) (k secret.SealedKey, err error) {
	var created, active, retired int64
	err = row.Scan(&k.Purpose, &k.Version, &k.Sealed, &created, &active, &retired)
	k.CreatedAt, k.ActiveAt, k.RetiredAt = at(created), at(active), at(retired)
	return k, err
}

const insertServerKey = `INSERT INTO server_key (purpose, version, sealed, created_at, active_at, retired_at)
	VALUES ($1, $2, $3, $4, $5, $6)`

// AddServerKey implements secret.KeyStore. It writes the event keyset.rotated
// itself, by "system", because the interface takes none.
func (db *DB) AddServerKey(ctx context.Context, k secret.SealedKey) error {
	if k.Purpose == "" || !holdable(k.Purpose) || k.Version < 1 || len(k.Sealed) == 0 {
		return fmt.Errorf("add server key: purpose %q, version %d, %d sealed bytes (all three are needed, versions start at 1)",
			k.Purpose, k.Version, len(k.Sealed))
	}
	return db.change(ctx, "add server key", func(t *transaction) error {
		if k.CreatedAt.IsZero() {
			k.CreatedAt = t.now
		}
		_, err := t.exec(insertServerKey, k.Purpose, int64(k.Version), k.Sealed, micros(k.CreatedAt), micros(k.ActiveAt), micros(k.RetiredAt))
		if t.db.duplicate(err) {
			return secret.ErrVersionTaken
		}
		t.record(audit.Event{
			Event: audit.KeysetRotated, Actor: "system", Detail: fmt.Sprintf("purpose=%s version=%d", k.Purpose, k.Version),
		})
		t.announce(change.Keyset, k.Purpose)
		return err
	})
}
