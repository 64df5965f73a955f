package storage

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/sanmon-gate/sanmon/audit"
	"github.com/sanmon-gate/sanmon/audit/tree"
)

const (
	trailEnds = `SELECT (SELECT audit FROM head WHERE id = 1),
	COALESCE((SELECT MIN(seq) FROM audit), 0), COALESCE((SELECT MAX(seq) FROM audit), 0)`
	trailRows = `SELECT seq, at, event, subject, actor, sid, key_id, route, network, request_id, detail, hashes
	FROM audit WHERE seq > $1 ORDER BY seq LIMIT $2`
	checkpointsAfter = `SELECT size, at, note FROM audit_checkpoint WHERE size > $1 ORDER BY size LIMIT $2`
	newestCheckpoint = `SELECT size, at, note FROM audit_checkpoint ORDER BY size DESC LIMIT 1`
	lastSize         = `SELECT COALESCE(MAX(size), 0) FROM audit_checkpoint`
	insertCheckpoint = `INSERT INTO audit_checkpoint (size, at, note) VALUES ($1, $2, $3)`
)

// Ends implements tree.Source.
func (db *DB) Ends(ctx context.Context) (e tree.Ends, err error) {
	ctx, cancel := db.bound(ctx)
	defer cancel()
	err = db.row(ctx, trailEnds).Scan(&e.Head, &e.First, &e.Last)
	return e, db.failure("read the ends of the audit trail", err)
}

// Rows implements tree.Source.
func (db *DB) Rows(ctx context.Context, after int64, limit int) ([]tree.Row, error) {
	ctx, cancel := db.bound(ctx)
	defer cancel()
	rows, err := list(ctx, db, scanTrailRow, trailRows, after, max(limit, 0))
	return rows, db.failure("read the audit trail", err)
}

func scanTrailRow(row scanner) (r tree.Row, err error) {
	var us int64
	ev := &r.Event
	err = row.Scan(&ev.Seq, &us, &ev.Event, &ev.Subject, &ev.Actor, &ev.SID,
		&ev.KeyID, &ev.Route, &ev.Network, &ev.RequestID, &ev.Detail, &r.Hashes)
	ev.At = at(us)
	return r, err
}

// Hashes reads stored hashes of the tree, for the time of one call.
func (db *DB) Hashes(ctx context.Context) tlog.HashReader {
	return tlog.HashReaderFunc(func(indexes []int64) ([]tlog.Hash, error) {
		ctx, cancel := db.bound(ctx)
		defer cancel()
		hashes, err := treeReader(func(query string, args ...any) (*sql.Rows, error) { return db.rows(ctx, query, args...) }).ReadHashes(indexes)
		return hashes, db.failure("read the hash tree of the audit trail", err)
	})
}

// Checkpoints implements tree.Source.
func (db *DB) Checkpoints(ctx context.Context, after int64, limit int) ([]tree.Stored, error) {
	ctx, cancel := db.bound(ctx)
	defer cancel()
	all, err := list(ctx, db, scanCheckpoint, checkpointsAfter, after, max(limit, 0))
	return all, db.failure("read checkpoints", err)
}

// LastCheckpoint returns the newest checkpoint, the zero Stored when there is none.
func (db *DB) LastCheckpoint(ctx context.Context) (tree.Stored, error) {
	ctx, cancel := db.bound(ctx)
	defer cancel()
	all, err := list(ctx, db, scanCheckpoint, newestCheckpoint)
	if err != nil || len(all) == 0 {
		return tree.Stored{}, db.failure("read the newest checkpoint", err)
	}
	return all[0], nil
}

func scanCheckpoint(row scanner) (c tree.Stored, err error) {
	var us int64
	err = row.Scan(&c.Size, &us, &c.Note)
	c.At = at(us)
	return c, err
}

// AddCheckpoint keeps a signed checkpoint and writes its event. It reports false, and
// writes nothing, when the newest one is not of prev events any more: another node was
// first, and perhaps with a name of its own for the trail.
func (db *DB) AddCheckpoint(ctx context.Context, c tree.Checkpoint, note string, prev int64, actor string, now time.Time) (bool, error) {
	when, err := moment(now)
	if err != nil {
		return false, fmt.Errorf("add checkpoint: %w", err)
	}
	added := false
	err = db.change(ctx, "add checkpoint", func(t *transaction) error {
		var newest int64
		if err := t.row(lastSize).Scan(&newest); err != nil {
			return err
		}
		if added = newest == prev && c.Size > prev; !added {
			return errUnchanged
		}
		if _, err := t.exec(insertCheckpoint, c.Size, when, note); err != nil {
			return err
		}
		t.record(audit.Event{At: now, Event: audit.Checkpoint, Actor: actor, Detail: fmt.Sprintf("size=%d root=%s", c.Size, c.Root)})
		return nil
	})
	return added && err == nil, err
}

// Recorded is how many events this DB has written.
func (db *DB) Recorded() int64 { return db.recorded.Load() }
