// Package postgres opens the store on PostgreSQL, for several nodes. All tables stand
// in a schema of their own, so that the database may be that of the application.
package postgres

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/sanmon-gate/sanmon/internal/storage"
	"github.com/sanmon-gate/sanmon/secret"
)

//go:embed migrations/*.sql
var files embed.FS

// DefaultSchema holds the tables unless Options say otherwise.
const DefaultSchema = "sanmon"

// Options of a store. The zero value is right for a server.
type Options struct {
	Timeout  time.Duration    // of one call, waiting for a connection and for other writers included; 0: 5 s
	MaxConns int              // of the pool; one more listens; 0: 16
	Schema   string           // lower-case letters, digits and _; "": DefaultSchema
	Now      func() time.Time // nil: time.Now
}

// Open connects to the database of a postgres:// URL and brings its schema up to
// date; several nodes may do so at once. The password is given apart and is in no
// error. The connection must be direct or pooled by session: statements are kept
// prepared, and LISTEN needs a session.
func Open(ctx context.Context, url string, password secret.Value, o Options) (*storage.DB, error) {
	return OpenWith(ctx, url, fixed(password), o)
}

// OpenWith is Open with a password that may change while the store is open.
func OpenWith(ctx context.Context, url string, password Password, o Options) (*storage.DB, error) {
	o, err := o.filled()
	if err != nil {
		return nil, err
	}
	config, err := parse(url, o)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, connectTimeout+2*o.Timeout)
	defer cancel()
	pool := sql.OpenDB(newConnector(config, password))
	pool.SetMaxOpenConns(o.MaxConns)
	pool.SetMaxIdleConns(o.MaxConns)
	pool.SetConnMaxIdleTime(5 * time.Minute)
	pool.SetConnMaxLifetime(time.Hour)
	if err := ready(ctx, pool, o); err != nil {
		return nil, errors.Join(explain(config, err), pool.Close())
	}
	return storage.New(ctx, storage.Config{
		Dialect: dialect(), Read: pool, Write: pool, Watcher: newListener(config, password), Timeout: o.Timeout, Now: o.Now,
	})
}

func (o Options) filled() (Options, error) {
	if o.Timeout <= 0 {
		o.Timeout = storage.DefaultTimeout
	}
	if o.MaxConns <= 0 {
		o.MaxConns = 16
	}
	if o.Schema == "" {
		o.Schema = DefaultSchema
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	for i, c := range []byte(o.Schema) {
		if (c < 'a' || c > 'z') && c != '_' && (c < '0' || c > '9' || i == 0) || i >= 63 {
			return o, fmt.Errorf("schema %q is no plain name (use lower-case letters, digits and _)", o.Schema)
		}
	}
	return o, nil
}

// ready checks the server, makes the schema where it is missing and migrates.
func ready(ctx context.Context, pool *sql.DB, o Options) error {
	if err := fit(ctx, pool); err != nil {
		return err
	}
	var ours bool
	const known = `SELECT to_regclass($1 || '.migration') IS NOT NULL`
	if err := pool.QueryRowContext(ctx, known, o.Schema).Scan(&ours); err != nil {
		return err
	}
	if ours {
		if done, err := storage.Migrated(ctx, pool, files); err != nil || done {
			return err
		}
	}
	// CREATE SCHEMA IF NOT EXISTS wants the right to create even when there is
	// nothing to create. The lock is held to the end of the transaction.
	lock := fmt.Sprintf(`SELECT pg_advisory_xact_lock(%d);
		DO $$ BEGIN IF to_regnamespace('%[2]s') IS NULL THEN CREATE SCHEMA %[2]s; END IF; END $$`, migrationLock, o.Schema)
	return storage.Migrate(ctx, pool, lock, files, o.Now())
}

// migrationLock keeps other nodes out while one migrates: "sanmon" in ASCII.
const migrationLock = 0x73616e6d6f6e

// fit refuses a server that would lose or change what it was given.
func fit(ctx context.Context, pool *sql.DB) error {
	var encoding, commit string
	var version int
	const settings = `SELECT current_setting('server_encoding'), current_setting('synchronous_commit'),
		current_setting('server_version_num')::int`
	if err := pool.QueryRowContext(ctx, settings).Scan(&encoding, &commit, &version); err != nil {
		return err
	}
	switch {
	case version < 130000:
		return fmt.Errorf("the server is version %d (use PostgreSQL 13 or newer)", version/10000)
	case encoding != "UTF8":
		return fmt.Errorf("the encoding of the database is %s (create it with ENCODING 'UTF8')", encoding)
	case commit == "off":
		return errors.New("synchronous_commit is off, so a crash would lose revocations (ALTER ROLE … SET synchronous_commit = on)")
	}
	return nil
}

// explain names the server, the reason and the remedy; never the password.
func explain(config *pgx.ConnConfig, err error) error {
	where := fmt.Sprintf("open the store postgres://%s@%s:%d/%s", config.User, config.Host, config.Port, config.Database)
	if class, remedy := classify(err); class == storage.Unavailable {
		return fmt.Errorf("%s: %w (%s)", where, err, remedy)
	}
	return fmt.Errorf("%s: %w", where, err)
}
