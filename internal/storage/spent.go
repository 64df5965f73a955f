package storage

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// spend never takes a line over, not even an outdated one: only Maintain makes an id
// free again, long after its token died.
const spend = `INSERT INTO csrf_spent (id, expires_at) VALUES ($1, $2) ON CONFLICT (id) DO NOTHING`

// Spend implements csrf.Spent. An id whose time is over is refused as well until it
// is pruned.
func (db *DB) Spend(ctx context.Context, id [16]byte, now, until time.Time) (bool, error) {
	if !until.After(now) {
		return false, fmt.Errorf("spend a token: %w", errors.New("its time is over already (refuse it as expired before)"))
	}
	n, err := db.exec(ctx, spend, id[:], micros(until))
	if err != nil {
		return false, db.failure("spend a token", err)
	}
	return n == 1, nil
}

// exec runs one statement in a transaction of its own.
func (db *DB) exec(ctx context.Context, query string, args ...any) (int64, error) {
	ctx, cancel := db.bound(ctx)
	defer cancel()
	if st := db.prepared.write[query]; st != nil {
		res, err := st.ExecContext(ctx, args...)
		if err != nil {
			return 0, err
		}
		return res.RowsAffected()
	}
	res, err := db.write.ExecContext(ctx, query, args...)
	if err != nil {
		return 0, err
	}
	return res.RowsAffected()
}
