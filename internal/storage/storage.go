package storage

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sanmon-gate/sanmon/audit/tree"
	"github.com/sanmon-gate/sanmon/identity/principal"
	"github.com/sanmon-gate/sanmon/identity/refresh"
	"github.com/sanmon-gate/sanmon/identity/session"
	"github.com/sanmon-gate/sanmon/internal/openapi"
	"github.com/sanmon-gate/sanmon/internal/rollout"
	"github.com/sanmon-gate/sanmon/keys/apikey"
	"github.com/sanmon-gate/sanmon/secret"
	"github.com/sanmon-gate/sanmon/web/csrf"
)

var (
	_ session.Store    = (*DB)(nil)
	_ principal.Store  = (*DB)(nil)
	_ apikey.Store     = (*DB)(nil)
	_ secret.TurnStore = (*DB)(nil)
	_ csrf.Spent       = (*DB)(nil)
	_ refresh.Store    = (*DB)(nil)
	_ rollout.Store    = (*DB)(nil)
	_ openapi.Store    = (*DB)(nil)
	_ tree.Source      = (*DB)(nil)

	_ openapi.RequestStore = (*DB)(nil)
)

// DefaultTimeout bounds every call of a store, waiting included.
const DefaultTimeout = 5 * time.Second

// Config is what a driver package hands over. All fields but Now and Timeout are
// required.
type Config struct {
	Dialect Dialect
	Read    *sql.DB // pool for reading
	Write   *sql.DB // pool for changes; may be the same as Read
	Watcher Watcher // hints that another process committed

	Timeout time.Duration    // per call; 0: DefaultTimeout
	Now     func() time.Time // nil: time.Now
}

// Watcher waits for a commit of another process.
type Watcher interface {
	// Wait returns nil when the feed may have grown since the last call, or the
	// error of ctx or of the store. It is called by one goroutine at a time.
	Wait(ctx context.Context) error
	Close() error
}

// DB is an open store. It is safe for concurrent use, WaitChange excepted.
type DB struct {
	dialect     Dialect
	read, write *sql.DB
	watcher     Watcher
	timeout     time.Duration
	now         func() time.Time
	bell        chan struct{} // rung after each commit of this DB that wrote to the feed
	prepared    statements
	recorded    atomic.Int64 // events written
	close       sync.Once
	clock       atomic.Pointer[reading] // last look at the database's clock; nil before, and where it is ours
}

// New returns a DB over migrated pools, which it owns from then on.
func New(ctx context.Context, c Config) (*DB, error) {
	db := &DB{
		dialect: c.Dialect, read: c.Read, write: c.Write, watcher: c.Watcher,
		timeout: c.Timeout, now: c.Now, bell: make(chan struct{}, 1),
	}
	if db.timeout <= 0 {
		db.timeout = DefaultTimeout
	}
	if db.now == nil {
		db.now = time.Now
	}
	if c.Dialect.Prepare {
		ctx, cancel := db.bound(ctx)
		defer cancel()
		var err error
		if db.prepared, err = prepare(ctx, c.Read, c.Write); err != nil {
			return nil, errors.Join(db.failure("prepare statements", err), db.Close())
		}
	}
	// A trail that somebody damaged does not keep the store from opening: verifying it
	// needs the store.
	if err := db.adoptAll(ctx); isBusy(err) {
		return nil, errors.Join(err, db.Close())
	}
	if err := db.ReadClock(ctx); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return db, nil
}

// Ping reads from the store: it says that data can be read, not only that a
// connection stands.
func (db *DB) Ping(ctx context.Context) error {
	_, err := db.LastChange(ctx)
	return err
}

// Close closes every connection. Calls under way may fail. Closing twice is
// harmless.
func (db *DB) Close() error {
	var err error
	db.close.Do(func() {
		db.prepared.close()
		err = errors.Join(db.watcher.Close(), db.read.Close())
		if db.write != db.read {
			err = errors.Join(err, db.write.Close())
		}
	})
	if err != nil {
		return fmt.Errorf("close the store: %w", err)
	}
	return nil
}

// bound gives one call its time limit.
func (db *DB) bound(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, db.timeout)
}
