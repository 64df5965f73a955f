package postgres

import (
	"context"
	"database/sql"
	"fmt"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
)

// listen subscribes to what the trigger on the feed notifies.
const listen = "LISTEN sanmon_feed"

// Pauses between two attempts to listen.
const (
	firstPause = 100 * time.Millisecond
	lastPause  = 5 * time.Second
)

// listener hears NOTIFY on a connection of its own. While it has none, the poll of
// the follower stands in.
type listener struct {
	config *pgx.ConnConfig
	secret Password
	life   context.Context // ends with Close, which has to end a Wait
	end    context.CancelFunc

	mu    sync.Mutex // Close against Wait
	conn  *pgx.Conn
	pause time.Duration // before the next attempt; 0 after a success
}

func newListener(config *pgx.ConnConfig, password Password) *listener {
	own := config.Copy()
	own.RuntimeParams["application_name"] = "sanmon listen"
	l := &listener{config: own, secret: password}
	l.life, l.end = context.WithCancel(context.Background())
	return l
}

// Wait implements storage.Watcher. A new connection is a hint, because what came
// before it was not heard.
func (l *listener) Wait(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(l.life, cancel)()
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.life.Err() != nil {
		return sql.ErrConnDone
	}
	if l.conn == nil || l.conn.IsClosed() {
		return l.connect(ctx)
	}
	if _, err := l.conn.WaitForNotification(ctx); err != nil {
		if ctx.Err() != nil {
			return ctx.Err() // the connection survives the end of a wait
		}
		return fmt.Errorf("listen to the store: %w", err)
	}
	return nil
}

// connect makes one attempt, after a pause that doubles with each failure.
func (l *listener) connect(ctx context.Context) error {
	timer := time.NewTimer(l.pause)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
	}
	ctx, cancel := context.WithTimeout(ctx, connectTimeout)
	defer cancel()
	conn, err := l.secret.connect(ctx, l.config)
	if err == nil {
		if _, err = conn.Exec(ctx, listen); err != nil {
			_ = conn.Close(ctx) // the first error says more
		}
	}
	if err != nil {
		l.pause = min(max(firstPause, 2*l.pause), lastPause)
		return fmt.Errorf("listen to the store: %w", err)
	}
	l.conn, l.pause = conn, 0
	return nil
}

// Close implements storage.Watcher.
func (l *listener) Close() error {
	l.end()
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.conn == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	_ = l.conn.Close(ctx) // it may be broken; nothing is lost with it
	return nil
}
