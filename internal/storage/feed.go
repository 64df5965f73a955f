package storage

import (
	"context"

	"github.com/sanmon-gate/sanmon/change"
)

const changesAfter = `SELECT seq, at, kind, id FROM feed WHERE seq > $1 ORDER BY seq LIMIT $2`

// Changes returns up to limit lines of the feed with a number above after, lowest
// first. Numbers have no gaps, so a first line other than after+1 means that lines
// between were pruned (see Maintain).
func (db *DB) Changes(ctx context.Context, after int64, limit int) ([]change.Change, error) {
	ctx, cancel := db.bound(ctx)
	defer cancel()
	changes, err := list(ctx, db, scanChange, changesAfter, after, max(limit, 0))
	return changes, db.failure("read the feed", err)
}

func scanChange(row scanner) (c change.Change, err error) {
	var us int64
	err = row.Scan(&c.Seq, &us, &c.Kind, &c.ID)
	c.At = at(us)
	return c, err
}

const lastChange = `SELECT feed FROM head WHERE id = 1`

// LastChange returns the number of the newest line of the feed, 0 before the first.
// It is one point read. Whoever loads the store into memory asks for it first and
// follows the feed from there.
func (db *DB) LastChange(ctx context.Context) (int64, error) {
	ctx, cancel := db.bound(ctx)
	defer cancel()
	var seq int64
	err := db.row(ctx, lastChange).Scan(&seq)
	return seq, db.failure("read the head of the feed", err)
}

// ring tells WaitChange of a commit of our own.
func (db *DB) ring() {
	select {
	case db.bell <- struct{}{}:
	default: // it rings already
	}
}

// WaitChange returns nil as soon as the feed may have grown: at once for a commit
// through this DB, as soon as the driver can know for others. It returns the error
// of ctx, or of the store when that cannot tell. One goroutine may call it.
func (db *DB) WaitChange(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	watched := make(chan error, 1)
	go func() { watched <- db.watcher.Wait(ctx) }()
	select {
	case <-db.bell:
		cancel()
		<-watched
		return nil
	case err := <-watched:
		return err
	}
}
