package storage

import (
	"context"

	"github.com/sanmon-gate/sanmon/audit"
)

const insertEvent = `INSERT INTO audit
	(seq, at, event, subject, actor, sid, key_id, route, network, request_id, detail)
	VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)`

// Record writes an event that goes with no change of the store.
func (db *DB) Record(ctx context.Context, ev audit.Event) error {
	return db.change(ctx, "record "+string(ev.Event), func(t *transaction) error {
		t.record(ev)
		return nil
	})
}

const eventsAfter = `SELECT seq, at, event, subject, actor, sid, key_id, route, network, request_id, detail
	FROM audit WHERE seq > $1 ORDER BY seq LIMIT $2`

// Events returns up to limit events with a number above after, lowest first. The
// trail starts at 1 and has no gaps.
func (db *DB) Events(ctx context.Context, after int64, limit int) ([]audit.Event, error) {
	ctx, cancel := db.bound(ctx)
	defer cancel()
	events, err := list(ctx, db, scanEvent, eventsAfter, after, max(limit, 0))
	return events, db.failure("read the audit trail", err)
}

func scanEvent(row scanner) (ev audit.Event, err error) {
	var us int64
	err = row.Scan(&ev.Seq, &us, &ev.Event, &ev.Subject, &ev.Actor, &ev.SID,
		&ev.KeyID, &ev.Route, &ev.Network, &ev.RequestID, &ev.Detail)
	ev.At = at(us)
	return ev, err
}
