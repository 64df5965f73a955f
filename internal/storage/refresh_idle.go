package storage

import (
	"cmp"
	"context"

	"github.com/sanmon-gate/sanmon/audit"
	"github.com/sanmon-gate/sanmon/change"
	"github.com/sanmon-gate/sanmon/identity/session"
)

// idleGrants ends grants whose refresh tokens were not used for too long: nobody comes to
// be told, and lists should not show them as alive. A rotation at the same moment wins or
// loses as a whole.
const idleGrants = `UPDATE session SET revoked_at = $1, revoke_reason = 'idle' WHERE revoked_at = 0 AND kind = 'grant' AND sid IN (
	SELECT f.sid FROM refresh_family f JOIN session s ON s.sid = f.sid
	WHERE f.idle_expires_at <= $1 AND s.revoked_at = 0 AND s.expires_at > $1 LIMIT $2) RETURNING sid, user_id`

// endIdleGrants ends those that are idle now, some at a time.
func (db *DB) endIdleGrants(ctx context.Context) error {
	for {
		n := 0
		err := db.change(ctx, "end idle grants", func(t *transaction) error {
			now := t.now.Add(db.Offset())
			rows, err := t.rows(idleGrants, micros(now), pruneBatch)
			if err != nil {
				return err
			}
			ended, err := collect(rows, func(row scanner) (g [2]string, err error) { return g, row.Scan(&g[0], &g[1]) })
			if n = len(ended); err != nil || n == 0 {
				return cmp.Or(err, errUnchanged)
			}
			for _, g := range ended {
				t.record(audit.Event{At: now, Event: audit.SessionExpired, Subject: g[1], Actor: "system", SID: g[0], Detail: "reason=" + session.ReasonIdle})
				t.announce(change.Session, g[0])
			}
			return nil
		})
		if err != nil || n < pruneBatch {
			return err
		}
	}
}
