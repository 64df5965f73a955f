package storage

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"fmt"
	"io/fs"
	"path"
	"strconv"
	"strings"
	"time"
)

// migration is one numbered step of the schema.
type migration struct {
	version          int
	name, text, hash string
}

// migrations reads the steps "0001_name.sql", "0002_…" of a directory. They are
// never edited once released: the hash of each is kept with the data.
func migrations(files fs.FS) ([]migration, error) {
	names, err := fs.Glob(files, "migrations/*.sql") // sorted
	if err != nil {
		return nil, fmt.Errorf("read migrations: %w", err)
	}
	steps := make([]migration, len(names))
	for i, name := range names {
		b, err := fs.ReadFile(files, name)
		if err != nil {
			return nil, fmt.Errorf("read migrations: %w", err)
		}
		number, _, _ := strings.Cut(path.Base(name), "_")
		if v, err := strconv.Atoi(number); err != nil || v != i+1 {
			return nil, fmt.Errorf("read migrations: %s is not number %d (number them without gaps)", name, i+1)
		}
		sum := sha256.Sum256(b)
		steps[i] = migration{i + 1, path.Base(name), string(b), hex.EncodeToString(sum[:])}
	}
	return steps, nil
}

const (
	appliedMigrations = `SELECT version, hash FROM migration ORDER BY version`
	insertMigration   = `INSERT INTO migration (version, name, hash, applied_at) VALUES ($1, $2, $3, $4)`
	createMigrations  = `CREATE TABLE IF NOT EXISTS migration (
	version INTEGER PRIMARY KEY, name TEXT NOT NULL, hash TEXT NOT NULL, applied_at BIGINT NOT NULL)`
)

// Migrate brings the schema to the newest step of files, in one transaction. lock,
// when not empty, is run first and keeps other nodes out until the end; beginning
// the transaction does that otherwise. A database that is newer than this program,
// or whose history differs, is refused.
func Migrate(ctx context.Context, pool *sql.DB, lock string, files fs.FS, now time.Time) error {
	steps, err := migrations(files)
	if err != nil {
		return err
	}
	tx, err := pool.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	defer func() { _ = tx.Rollback() }() // after a commit this does nothing
	for _, text := range []string{lock, createMigrations} {
		if text == "" {
			continue
		}
		if _, err := tx.ExecContext(ctx, text); err != nil {
			return fmt.Errorf("migrate: %w", err)
		}
	}
	if steps, err = missing(ctx, tx, steps); err != nil {
		return err
	}
	for _, step := range steps {
		if err := step.apply(ctx, tx, now); err != nil {
			return fmt.Errorf("migrate: %s: %w", step.name, err)
		}
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	return nil
}

func (m migration) apply(ctx context.Context, tx *sql.Tx, now time.Time) error {
	if _, err := tx.ExecContext(ctx, m.text); err != nil {
		return err
	}
	_, err := tx.ExecContext(ctx, insertMigration, m.version, m.name, m.hash, micros(now))
	return err
}

// querier is a pool or a transaction.
type querier interface {
	QueryContext(context.Context, string, ...any) (*sql.Rows, error)
}

// Migrated reports whether the schema has every step of files, without taking a
// lock. It refuses like Migrate; a database without a history is an error.
func Migrated(ctx context.Context, pool *sql.DB, files fs.FS) (bool, error) {
	steps, err := migrations(files)
	if err != nil {
		return false, err
	}
	left, err := missing(ctx, pool, steps)
	return err == nil && len(left) == 0, err
}

// missing returns the steps that were not applied yet.
func missing(ctx context.Context, q querier, steps []migration) ([]migration, error) {
	rows, err := q.QueryContext(ctx, appliedMigrations)
	if err != nil {
		return nil, fmt.Errorf("read the schema's history: %w", err)
	}
	applied, err := collect(rows, func(row scanner) (m migration, err error) { return m, row.Scan(&m.version, &m.hash) })
	if err != nil {
		return nil, fmt.Errorf("read the schema's history: %w", err)
	}
	for i, m := range applied {
		switch {
		case i >= len(steps):
			return nil, fmt.Errorf("the database has schema %d and this program knows %d (update sanmon, or restore the backup made before the update)",
				applied[len(applied)-1].version, len(steps))
		case m.version != i+1 || m.hash != steps[i].hash:
			return nil, fmt.Errorf("schema step %d of the database is not the %s of this program (use the program that made the database)",
				m.version, steps[i].name)
		}
	}
	return steps[len(applied):], nil
}
