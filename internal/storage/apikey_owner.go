package storage

import (
	"context"

	"github.com/sanmon-gate/sanmon/keys/apikey"
)

const keysOfOwner = `SELECT ` + keyColumns + ` FROM api_key WHERE owner = $1 AND revoked_at = 0
	ORDER BY created_at DESC, id LIMIT $2`

// KeysOf lists the keys of an owner that are not revoked, newest first, at most limit.
// Expired ones are among them.
func (db *DB) KeysOf(ctx context.Context, owner string, limit int) ([]apikey.Record, error) {
	if !holdable(owner) {
		return nil, nil
	}
	ctx, cancel := db.bound(ctx)
	defer cancel()
	all, err := list(ctx, db, scanKey, keysOfOwner, owner, max(limit, 0))
	return all, db.failure("list keys of an owner", err)
}
