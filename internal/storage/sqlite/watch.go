package sqlite

import (
	"context"
	"database/sql"
	"fmt"
	"sync"
	"time"

	"github.com/sanmon-gate/sanmon/internal/storage"
)

// watchEvery is how often the version of the file is read: a tenth of the time in
// which a change of another process must be in force is too often, all of it too
// rare. One reading costs a few microseconds.
const watchEvery = 50 * time.Millisecond

// watcher sees commits of other connections by PRAGMA data_version, which changes
// with each (sqlite.org/pragma.html#pragma_data_version). The number has a meaning
// within one connection only, so the watcher has one of its own.
type watcher struct {
	pool *sql.DB

	mu     sync.Mutex // Close against look
	conn   *sql.Conn
	last   int64
	closed bool
}

func newWatcher(ctx context.Context, pool *sql.DB) (*watcher, error) {
	w := &watcher{pool: pool}
	return w, w.connect(ctx)
}

func (w *watcher) connect(ctx context.Context) (err error) {
	if w.conn != nil {
		_ = w.conn.Close() // it is broken: its error says nothing new
		w.conn = nil
	}
	if w.conn, err = w.pool.Conn(ctx); err != nil {
		w.conn = nil
		return fmt.Errorf("watch the database: %w", err)
	}
	w.last, err = w.version(ctx)
	return err
}

func (w *watcher) version(ctx context.Context) (v int64, err error) {
	if w.conn == nil {
		return 0, sql.ErrConnDone
	}
	if err = w.conn.QueryRowContext(ctx, "PRAGMA data_version").Scan(&v); err != nil {
		return 0, fmt.Errorf("watch the database: %w", err)
	}
	return v, nil
}

// Wait implements storage.Watcher. After an error it starts over with a connection
// of its own and reports a hint, because it cannot know what it missed.
func (w *watcher) Wait(ctx context.Context) error {
	tick := time.NewTicker(watchEvery)
	defer tick.Stop()
	for {
		changed, err := w.look(ctx)
		if err != nil || changed {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
}

// look uses a context of its own: interrupting a connection in the middle of a
// reading would cost it.
func (w *watcher) look(ctx context.Context) (changed bool, err error) {
	if ctx.Err() != nil {
		return false, ctx.Err()
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return false, sql.ErrConnDone
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), storage.DefaultTimeout)
	defer cancel()
	before := w.last
	if w.last, err = w.version(ctx); err == nil {
		return w.last != before, nil
	}
	return true, w.connect(ctx)
}

// Close implements storage.Watcher.
func (w *watcher) Close() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.closed = true
	if w.conn != nil {
		_ = w.conn.Close() // it may be broken; the pool reports what matters
	}
	return w.pool.Close()
}
