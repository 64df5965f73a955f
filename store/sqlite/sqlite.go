// Package sqlite opens the gate's store in one file, for Go programs: nothing to install,
// and several processes at once.
package sqlite

import (
	"context"
	"time"

	engine "github.com/sanmon-gate/sanmon/internal/storage/sqlite"
	"github.com/sanmon-gate/sanmon/store"
)

// Options of a store. The zero value is right for a server.
type Options struct {
	Timeout time.Duration // of one call, waiting for other writers included; 0: 5 s
	Readers int           // connections for reading; 0: 4
}

// Open opens the database at path and brings it to the newest schema. What is missing is
// made: the directory with mode 0700, the file with mode 0600. A file of another program
// is refused.
func Open(ctx context.Context, path string, o Options) (store.Store, error) {
	db, err := engine.Open(ctx, path, engine.Options{Timeout: o.Timeout, Readers: o.Readers})
	if err != nil {
		return nil, err
	}
	return db, nil
}
