// Package postgres opens the gate's store on PostgreSQL, for Go programs that run on
// several nodes. All tables stand in a schema of their own, so that the database may be
// that of the application.
package postgres

import (
	"context"
	"time"

	engine "github.com/sanmon-gate/sanmon/internal/storage/postgres"
	"github.com/sanmon-gate/sanmon/secret"
	"github.com/sanmon-gate/sanmon/store"
)

// Options of a store. The zero value is right for a server.
type Options struct {
	Timeout  time.Duration // of one call, waiting for a connection and for other writers included; 0: 5 s
	MaxConns int           // of the pool; one more listens; 0: 16
	Schema   string        // lower-case letters, digits and _; "": sanmon
}

// Open connects to the database of a postgres:// URL and brings its schema up to date;
// several nodes may do so at once. The password is given apart and is in no error.
func Open(ctx context.Context, url string, password secret.Value, o Options) (store.Store, error) {
	db, err := engine.Open(ctx, url, password, engine.Options{Timeout: o.Timeout, MaxConns: o.MaxConns, Schema: o.Schema})
	if err != nil {
		return nil, err
	}
	return db, nil
}
