package storage

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/sanmon-gate/sanmon/audit"
	"github.com/sanmon-gate/sanmon/change"
	"github.com/sanmon-gate/sanmon/identity/session"
)

const bindSession = `UPDATE session SET bind_kind = $2, bind_key = $3, bound_at = $4
	WHERE sid = $1 AND revoked_at = 0 AND bind_kind = ''`

// BindSession implements session.Store.
func (db *DB) BindSession(ctx context.Context, sid string, kind session.BindKind, key []byte, at time.Time, ev audit.Event) error {
	when, err := moment(at)
	if err == nil && (kind == "" || len(key) == 0) {
		err = errors.New("no kind or key (fill both)")
	}
	if err == nil && !holdable(sid) {
		err = session.ErrConflict
	}
	if err != nil {
		return fmt.Errorf("bind a session: %w", err)
	}
	return db.change(ctx, "bind a session", func(t *transaction) error {
		n, err := t.exec(bindSession, sid, string(kind), key, when)
		if err == nil && n != 1 {
			err = session.ErrConflict
		}
		t.record(ev)
		t.announce(change.Session, sid)
		return err
	})
}
