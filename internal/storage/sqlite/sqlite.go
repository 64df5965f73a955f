// Package sqlite opens the store on SQLite: one file, nothing to install, and several
// processes (server and command line) at once.
package sqlite

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	_ "modernc.org/sqlite" // the driver "sqlite"

	"github.com/sanmon-gate/sanmon/internal/storage"
)

//go:embed migrations/*.sql
var files embed.FS

// Options of a store. The zero value is right for a server.
type Options struct {
	Timeout time.Duration    // of one call, waiting for other writers included; 0: 5 s
	Readers int              // connections for reading; 0: 4
	Now     func() time.Time // nil: time.Now
}

// Open opens the database at path and brings it to the newest schema. What is
// missing is made: the directory with mode 0700, the file with mode 0600. An error
// names the path, the reason and the remedy.
func Open(ctx context.Context, path string, o Options) (*storage.DB, error) {
	o = o.filled()
	path, err := place(path)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, 2*o.Timeout)
	defer cancel()
	db, err := openPatiently(ctx, path, o)
	if err != nil {
		return nil, explain(path, err)
	}
	return db, nil
}

// openPatiently tries again for the time of one call while the file is locked.
// SQLite itself does not wait when two processes turn a new file to the write-ahead
// log at once (sqlite.org/c3ref/busy_handler.html: the handler may not be called).
func openPatiently(ctx context.Context, path string, o Options) (*storage.DB, error) {
	for end := time.Now().Add(o.Timeout); ; {
		db, err := open(ctx, path, o)
		if err == nil || !locked(err) || time.Now().After(end) {
			return db, err
		}
		select {
		case <-ctx.Done():
			return nil, errors.Join(ctx.Err(), err)
		case <-time.After(5*time.Millisecond + rand.N(10*time.Millisecond)):
		}
	}
}

func (o Options) filled() Options {
	if o.Timeout <= 0 {
		o.Timeout = storage.DefaultTimeout
	}
	if o.Readers <= 0 {
		o.Readers = 4
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return o
}

func open(ctx context.Context, path string, o Options) (_ *storage.DB, err error) {
	pools := make([]*sql.DB, 0, 3)
	defer func() {
		if err != nil {
			for _, p := range pools {
				err = errors.Join(err, p.Close())
			}
		}
	}()
	for _, p := range []struct {
		size   int
		writes bool
	}{{1, true}, {o.Readers, false}, {1, false}} {
		pool, err := sql.Open("sqlite", dsn(path, o.Timeout, p.writes))
		if err != nil {
			return nil, err
		}
		pool.SetMaxOpenConns(p.size)
		pool.SetMaxIdleConns(p.size)
		pools = append(pools, pool)
	}
	if err := ready(ctx, pools[0], o.Now()); err != nil {
		return nil, err
	}
	watch, err := newWatcher(ctx, pools[2])
	if err != nil {
		return nil, err
	}
	return storage.New(ctx, storage.Config{
		Dialect: dialect(), Write: pools[0], Read: pools[1], Watcher: watch, Timeout: o.Timeout, Now: o.Now,
	})
}

// ready makes the file a database of ours with the newest schema. A file that is up
// to date is only read, so that opening waits for no writer.
func ready(ctx context.Context, pool *sql.DB, now time.Time) error {
	known, err := recognise(ctx, pool)
	if err != nil {
		return err
	}
	if known {
		if done, err := storage.Migrated(ctx, pool, files); err != nil || done {
			return err
		}
	}
	return storage.Migrate(ctx, pool, "", files, now)
}

// recognise reports whether the file holds a schema of ours. One with tables of
// somebody else is refused: a backend's own database is easily named by mistake.
func recognise(ctx context.Context, pool *sql.DB) (bool, error) {
	var mode string
	if err := pool.QueryRowContext(ctx, "PRAGMA journal_mode").Scan(&mode); err != nil {
		return false, err
	}
	if mode != "wal" {
		return false, fmt.Errorf("the file system allows no write-ahead log, the journal mode is %q (put the database on a local disk)", mode)
	}
	var tables, ours int
	const count = `SELECT COUNT(*), COUNT(*) FILTER (WHERE name IN ('migration', 'head'))
		FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'`
	if err := pool.QueryRowContext(ctx, count).Scan(&tables, &ours); err != nil {
		return false, err
	}
	if tables > 0 && ours < 2 {
		return false, errors.New("the file is the database of another program (name a file of sanmon's own)")
	}
	return ours == 2, nil
}
