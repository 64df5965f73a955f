package storage

import (
	"context"
	"database/sql"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/sanmon-gate/sanmon/audit"
	"github.com/sanmon-gate/sanmon/change"
)

// attempts bounds how often a transaction that lost to another one is repeated.
const attempts = 4

// errUnchanged ends a transaction that found nothing to change: it is rolled back
// and is no error.
var errUnchanged = errors.New("nothing to change")

// transaction is one change under way: the statements that make it, and the lines
// of the audit trail and the feed that go with it.
type transaction struct {
	ctx      context.Context
	db       *DB
	tx       *sql.Tx
	now      time.Time
	events   []audit.Event
	changes  []change.Change
	unlogged bool // touches: nobody needs to know, so the head row is not taken
}

// change runs fn in one transaction and writes what it recorded and announced in
// the same one.
func (db *DB) change(ctx context.Context, op string, fn func(*transaction) error) error {
	return db.failure(op, db.transact(ctx, false, fn))
}

// touch runs fn in one transaction that announces nothing.
func (db *DB) touch(ctx context.Context, op string, fn func(*transaction) error) error {
	return db.failure(op, db.transact(ctx, true, fn))
}

func (db *DB) transact(ctx context.Context, unlogged bool, fn func(*transaction) error) error {
	ctx, cancel := db.bound(ctx)
	defer cancel()
	for attempt := 1; ; attempt++ {
		err := db.attempt(ctx, unlogged, fn)
		if errors.Is(err, errUnchanged) {
			return nil
		}
		if class, _ := db.dialect.classify(err); err == nil || class != Contended || attempt == attempts {
			return err
		}
		if err := pause(ctx, attempt); err != nil {
			return err
		}
	}
}

func (db *DB) attempt(ctx context.Context, unlogged bool, fn func(*transaction) error) error {
	tx, err := db.write.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }() // after a commit this does nothing
	t := &transaction{ctx: ctx, db: db, tx: tx, now: db.now(), unlogged: unlogged}
	if db.dialect.Lock != "" && !unlogged {
		if _, err := t.exec(db.dialect.Lock); err != nil {
			return err
		}
	}
	if err := fn(t); err != nil {
		return err
	}
	if err := t.journal(); err != nil {
		return err
	}
	if err := tx.Commit(); err != nil {
		return err
	}
	db.recorded.Add(int64(len(t.events)))
	if len(t.changes) > 0 {
		db.ring()
	}
	return nil
}

// pause waits 5 to 10 ms, doubled with each attempt, so that two losers part.
func pause(ctx context.Context, attempt int) error {
	base := 5 * time.Millisecond << (attempt - 1)
	timer := time.NewTimer(base + rand.N(base))
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

// record adds an event to the trail.
func (t *transaction) record(ev audit.Event) { t.events = append(t.events, ev) }

// announce adds lines to the feed.
func (t *transaction) announce(kind change.Kind, ids ...string) {
	for _, id := range ids {
		t.changes = append(t.changes, change.Change{Kind: kind, ID: id})
	}
}

// exec runs a statement and returns the number of rows that it changed.
func (t *transaction) exec(query string, args ...any) (int64, error) {
	var res sql.Result
	var err error
	if st := t.db.prepared.write[query]; st != nil {
		res, err = t.tx.StmtContext(t.ctx, st).ExecContext(t.ctx, args...)
	} else {
		res, err = t.tx.ExecContext(t.ctx, query, args...)
	}
	if err != nil {
		return 0, err
	}
	return res.RowsAffected()
}

// row runs a statement that gives one row.
func (t *transaction) row(query string, args ...any) *sql.Row {
	if st := t.db.prepared.write[query]; st != nil {
		return t.tx.StmtContext(t.ctx, st).QueryRowContext(t.ctx, args...)
	}
	return t.tx.QueryRowContext(t.ctx, query, args...)
}

// rows runs a statement that gives rows.
func (t *transaction) rows(query string, args ...any) (*sql.Rows, error) {
	if st := t.db.prepared.write[query]; st != nil {
		return t.tx.StmtContext(t.ctx, st).QueryContext(t.ctx, args...)
	}
	return t.tx.QueryContext(t.ctx, query, args...)
}

// ids runs a statement that gives one text column, and collects it.
func (t *transaction) ids(query string, args ...any) ([]string, error) {
	rows, err := t.rows(query, args...)
	if err != nil {
		return nil, err
	}
	return collect(rows, func(scan scanner) (id string, err error) { return id, scan.Scan(&id) })
}
