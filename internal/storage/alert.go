package storage

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/sanmon-gate/sanmon/audit"
	"github.com/sanmon-gate/sanmon/internal/alert"
)

var _ alert.Store = (*DB)(nil)

// The states of an alert at rest; any other is dead.
const (
	alertWaiting   = 0
	alertDelivered = 1
)

// KeepAlerts is how long alerts that are over are kept, for those who ask what was sent.
const KeepAlerts = 7 * 24 * time.Hour

const (
	alertDesk = `SELECT sorted, (SELECT audit FROM head WHERE id = 1) FROM alert_desk WHERE id = 1`
	// moveDesk takes the row for the rest of the transaction: one node sorts at a time.
	moveDesk  = `UPDATE alert_desk SET sorted = $2 WHERE id = 1 AND sorted = $1`
	openAlert = `SELECT id, type, count, first_at, last_at, from_seq, to_seq, events, due_at, attempts
	FROM alert WHERE type = $1 AND state = 0 AND attempts = 0 ORDER BY due_at, from_seq, id LIMIT 1`
	growAlert = `UPDATE alert SET count = $2, first_at = $3, last_at = $4, from_seq = $5, to_seq = $6, events = $7
	WHERE id = $1 AND state = 0 AND attempts = 0`
	lastAlertDue = `SELECT COALESCE(MAX(due_at), 0) FROM alert WHERE type = $1`
	insertAlert  = `INSERT INTO alert (id, type, state, count, first_at, last_at, from_seq, to_seq, events, due_at, next_at, attempts, done_at, failure)
	VALUES ($1, $2, 0, $3, $4, $5, $6, $7, $8, $9, $9, 0, 0, '')`
	// takeAlert says twice what it wants: of two nodes that found the same row, the second
	// looks again when it gets it.
	takeAlert = `UPDATE alert SET attempts = attempts + 1, next_at = $2
	WHERE state = 0 AND next_at <= $1 AND id = (SELECT id FROM alert WHERE state = 0 AND next_at <= $1 ORDER BY next_at, from_seq, id LIMIT 1)
	RETURNING id, type, count, first_at, last_at, from_seq, to_seq, events, due_at, attempts`
	deliverAlert  = `UPDATE alert SET state = 1, done_at = $2 WHERE id = $1 AND state = 0`
	buryAlert     = `UPDATE alert SET state = 2, done_at = $2, failure = $3 WHERE id = $1 AND state = 0 AND attempts = $4`
	putOffAlert   = `UPDATE alert SET next_at = $2, failure = $3 WHERE id = $1 AND state = 0 AND attempts = $4`
	alertsWaiting = `SELECT COUNT(*) FROM alert WHERE state = 0`
	newestAlerts  = `SELECT id, type, count, first_at, last_at, from_seq, to_seq, events, due_at, attempts, state, done_at, next_at, failure
	FROM alert ORDER BY due_at DESC, id LIMIT $1`
	pruneAlerts = `DELETE FROM alert WHERE id IN (SELECT id FROM alert WHERE state > 0 AND done_at < $1 LIMIT $2)`
)

// sharedNow is the time by the clock that all nodes share.
func (db *DB) sharedNow() time.Time { return db.now().Add(db.Offset()) }

// AlertDesk implements alert.Store.
func (db *DB) AlertDesk(ctx context.Context) (sorted, last int64, err error) {
	ctx, cancel := db.bound(ctx)
	defer cancel()
	err = db.row(ctx, alertDesk).Scan(&sorted, &last)
	return sorted, last, db.failure("read the desk of alerts", err)
}

// AddAlerts implements alert.Store.
func (db *DB) AddAlerts(ctx context.Context, from, to int64, found []alert.Group, quiet time.Duration) error {
	return db.touch(ctx, "add alerts", func(t *transaction) error {
		n, err := t.exec(moveDesk, from, to)
		if err != nil {
			return err
		}
		if n != 1 {
			return alert.ErrSorted
		}
		for _, g := range found {
			if err := t.addAlert(g, db.sharedNow(), quiet); err != nil {
				return err
			}
		}
		return nil
	})
}

// addAlert lets the open alert of the type grow, or opens one.
func (t *transaction) addAlert(g alert.Group, now time.Time, quiet time.Duration) error {
	open, err := scanAlert(t.row(openAlert, string(g.Type)))
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return t.newAlert(g, now, quiet)
	case err != nil:
		return err
	}
	grown := open.Group
	grown.Join(g)
	events, err := encodeEvents(grown.Events)
	if err != nil {
		return err
	}
	n, err := t.exec(growAlert, open.ID, grown.Count, micros(grown.First), micros(grown.Last), grown.From, grown.To, events)
	if err == nil && n == 0 { // another node took it meanwhile
		return t.newAlert(g, now, quiet)
	}
	return err
}

func (t *transaction) newAlert(g alert.Group, now time.Time, quiet time.Duration) error {
	var last int64
	if err := t.row(lastAlertDue, string(g.Type)).Scan(&last); err != nil {
		return err
	}
	due := now
	if after := at(last).Add(quiet); last > 0 && after.After(now) {
		due = after
	}
	events, err := encodeEvents(g.Events)
	if err != nil {
		return err
	}
	_, err = t.exec(insertAlert, alert.NewID(), string(g.Type), g.Count, micros(g.First), micros(g.Last), g.From, g.To, events, micros(due))
	return err
}

// TakeAlert implements alert.Store. It writes only when there is something to take.
func (db *DB) TakeAlert(ctx context.Context, lease time.Duration) (a alert.Alert, found bool, err error) {
	ctx, cancel := db.bound(ctx)
	defer cancel()
	now := db.sharedNow()
	var due bool
	if err := db.row(ctx, alertDue, micros(now)).Scan(&due); err != nil || !due {
		return a, false, db.failure("look for alerts", err)
	}
	a, err = scanAlert(db.write.QueryRowContext(ctx, takeAlert, micros(now), micros(now.Add(lease))))
	if errors.Is(err, sql.ErrNoRows) {
		return alert.Alert{}, false, nil
	}
	return a, err == nil, db.failure("take an alert", err)
}

const alertDue = `SELECT EXISTS (SELECT 1 FROM alert WHERE state = 0 AND next_at <= $1)`

// SettleAlert implements alert.Store.
func (db *DB) SettleAlert(ctx context.Context, a alert.Alert, o alert.Outcome) (err error) {
	now := db.sharedNow()
	switch {
	case o.Delivered: // whoever did it
		_, err = db.exec(ctx, deliverAlert, a.ID, micros(now))
	case o.Dead:
		_, err = db.exec(ctx, buryAlert, a.ID, micros(now), text(o.Failure), a.Attempts)
	default:
		_, err = db.exec(ctx, putOffAlert, a.ID, micros(now.Add(o.Wait)), text(o.Failure), a.Attempts)
	}
	return db.failure("settle an alert", err)
}

// AlertsWaiting implements alert.Store.
func (db *DB) AlertsWaiting(ctx context.Context) (n int64, err error) {
	ctx, cancel := db.bound(ctx)
	defer cancel()
	err = db.row(ctx, alertsWaiting).Scan(&n)
	return n, db.failure("count alerts", err)
}

// Alerts returns the newest alerts, newest first.
func (db *DB) Alerts(ctx context.Context, limit int) ([]alert.Entry, error) {
	ctx, cancel := db.bound(ctx)
	defer cancel()
	all, err := list(ctx, db, scanAlertEntry, newestAlerts, max(limit, 0))
	return all, db.failure("list alerts", err)
}

func scanAlert(row scanner) (alert.Alert, error) { return scanAlertAnd(row) }

func scanAlertEntry(row scanner) (e alert.Entry, err error) {
	var state, done, next int64
	if e.Alert, err = scanAlertAnd(row, &state, &done, &next, &e.Failure); err != nil {
		return e, err
	}
	e.Done, e.Next = at(done), at(next)
	switch state {
	case alertWaiting:
		e.State = alert.Waiting
	case alertDelivered:
		e.State = alert.Delivered
	default:
		e.State = alert.Dead
	}
	return e, nil
}

// scanAlertAnd reads the columns of an alert and more behind them.
func scanAlertAnd(row scanner, more ...any) (a alert.Alert, err error) {
	var first, last, due int64
	var events string
	into := append([]any{&a.ID, &a.Type, &a.Count, &first, &last, &a.From, &a.To, &events, &due, &a.Attempts}, more...)
	if err = row.Scan(into...); err != nil {
		return a, err
	}
	a.First, a.Last, a.Due = at(first), at(last), at(due)
	if err := json.Unmarshal([]byte(events), &a.Events); err != nil {
		return a, fmt.Errorf("decode the stored events of alert %s: %w (the row was changed by other means)", a.ID, err)
	}
	return a, nil
}

func encodeEvents(events []audit.Event) (string, error) {
	if events == nil {
		events = []audit.Event{}
	}
	b, err := json.Marshal(events)
	return string(b), err
}
