package storage

import (
	"context"
	"fmt"
	"time"

	"github.com/sanmon-gate/sanmon/change"
	"github.com/sanmon-gate/sanmon/identity/session"
)

const noteFactors = `UPDATE session SET amr = $2, acr = $3, sudo_until = $4, agent = $5 WHERE sid = $1 AND revoked_at = 0`

// NoteFactors implements session.Store. ErrNotFound when there is no such live session.
func (db *DB) NoteFactors(ctx context.Context, sid string, amr []string, acr, agent string, sudoUntil time.Time) error {
	encoded, err := encodeList("amr", amr)
	if err == nil && !holdable(sid) {
		err = session.ErrNotFound
	}
	if err != nil {
		return fmt.Errorf("note factors: %w", err)
	}
	return db.change(ctx, "note factors", func(t *transaction) error {
		n, err := t.exec(noteFactors, sid, encoded, text(acr), micros(sudoUntil), text(agent))
		if err == nil && n == 0 {
			err = session.ErrNotFound
		}
		t.announce(change.Session, sid)
		return err
	})
}
