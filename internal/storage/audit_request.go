package storage

import (
	"context"

	"github.com/sanmon-gate/sanmon/audit"
)

const (
	insertAlso = `INSERT INTO audit_also (request_id, seq) VALUES ($1, $2) ON CONFLICT DO NOTHING`
	// eventsOfRequest repeats the condition of the index audit_by_request.
	eventsOfRequest = `SELECT seq, at, event, subject, actor, sid, key_id, route, network, request_id, detail
	FROM audit WHERE seq IN (
		SELECT seq FROM audit WHERE request_id = $1 AND request_id <> '' AND length(request_id) <= 128
		UNION SELECT seq FROM audit_also WHERE request_id = $1
		ORDER BY seq LIMIT $2) ORDER BY seq`
	newestEvents = `SELECT seq, at, event, subject, actor, sid, key_id, route, network, request_id, detail
	FROM audit ORDER BY seq DESC LIMIT $1`
)

// nameAlso writes down which further requests an event names.
func (t *transaction) nameAlso(ev *audit.Event) error {
	for _, id := range ev.Also() {
		if id == "" || len(id) > audit.MaxRequestID {
			continue
		}
		if _, err := t.exec(insertAlso, id, ev.Seq); err != nil {
			return err
		}
	}
	return nil
}

// RequestEvents returns up to limit events that name a request, lowest first. It reads no
// more than these, however long the trail is.
func (db *DB) RequestEvents(ctx context.Context, id string, limit int) ([]audit.Event, error) {
	if id == "" || len(id) > audit.MaxRequestID || !clean(id) {
		return nil, nil
	}
	ctx, cancel := db.bound(ctx)
	defer cancel()
	events, err := list(ctx, db, scanEvent, eventsOfRequest, id, max(limit, 0))
	return events, db.failure("read the audit trail", err)
}

// NewestEvents returns the last events, up to limit, newest first.
func (db *DB) NewestEvents(ctx context.Context, limit int) ([]audit.Event, error) {
	ctx, cancel := db.bound(ctx)
	defer cancel()
	events, err := list(ctx, db, scanEvent, newestEvents, max(limit, 0))
	return events, db.failure("read the audit trail", err)
}
