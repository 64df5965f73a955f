package storage

import (
	"context"
	"fmt"

	"github.com/sanmon-gate/sanmon/audit"
)

const insertEvent = `INSERT INTO audit
	(seq, at, event, subject, actor, sid, key_id, route, network, request_id, detail, hashes)
	VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)`

// atRest is the event as it will be read again: what the hash tree is made of.
func atRest(seq int64, ev audit.Event) audit.Event {
	return audit.Event{
		Seq: seq, At: at(micros(ev.At)), Event: audit.Name(text(string(ev.Event))), Subject: text(ev.Subject), Actor: text(ev.Actor), SID: text(ev.SID),
		KeyID: text(ev.KeyID), Route: text(ev.Route), Network: text(ev.Network), RequestID: text(ev.RequestID), Detail: text(ev.Detail),
	}
}

// append writes one event and its place in the hash tree. The head row is taken.
func (t *transaction) append(ev audit.Event) error {
	hashes, err := t.grow(ev)
	if err != nil {
		return fmt.Errorf("hash tree of the audit trail: %w", err)
	}
	if err := t.nameAlso(&ev); err != nil {
		return err
	}
	_, err = t.exec(insertEvent, ev.Seq, micros(ev.At), string(ev.Event), ev.Subject, ev.Actor, ev.SID, ev.KeyID, ev.Route, ev.Network,
		ev.RequestID, ev.Detail, hashes)
	return err
}

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
