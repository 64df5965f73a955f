package storage

import (
	"context"
	"fmt"

	"github.com/sanmon-gate/sanmon/change"
	"github.com/sanmon-gate/sanmon/identity/session"
)

const replaceJar = `UPDATE session SET jar = $3 WHERE sid = $1 AND revoked_at = 0
	AND ((jar IS NULL AND $4 = 0) OR jar = $2)`

// ReplaceJar implements session.Store.
func (db *DB) ReplaceJar(ctx context.Context, sid string, from, to []byte) error {
	if !holdable(sid) {
		return fmt.Errorf("replace the jar of a session: %w", session.ErrConflict)
	}
	return db.change(ctx, "replace the jar of a session", func(t *transaction) error {
		n, err := t.exec(replaceJar, sid, orNull(from), orNull(to), len(from))
		if err == nil && n != 1 {
			err = session.ErrConflict
		}
		t.announce(change.Session, sid)
		return err
	})
}
