package sqlite_test

import (
	"database/sql"
	"path/filepath"
	"testing"

	"github.com/sanmon-gate/sanmon/internal/storage"
	"github.com/sanmon-gate/sanmon/internal/storage/sqlite"
	"github.com/sanmon-gate/sanmon/internal/storage/sqlitetest"
	"github.com/sanmon-gate/sanmon/internal/storage/storagetest"
)

func TestStore(t *testing.T) { storagetest.Run(t, openFresh) }

func openFresh(t *testing.T) (*storage.DB, func(string) error) {
	t.Helper()
	path := sqlitetest.Path(t)
	db := openAt(t, path)
	raw, err := sql.Open("sqlite", path+"?_pragma=busy_timeout(5000)")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = raw.Close() })
	return db, func(query string) error { _, err := raw.ExecContext(t.Context(), query); return err }
}

func openAt(t testing.TB, path string) *storage.DB {
	t.Helper()
	db, err := sqlite.Open(t.Context(), path, sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db
}

func TestOldRequestsAreFound(t *testing.T) {
	path := filepath.Join(t.TempDir(), "sanmon.db")
	db := openAt(t, path)
	raw, err := sql.Open("sqlite", path+"?_pragma=busy_timeout(5000)")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = raw.Close() }()
	storagetest.OldRequests(t, db, func(q string) error { _, err := raw.Exec(q); return err })
}
