package sqlite_test

import (
	"errors"
	"path/filepath"
	"testing"

	"github.com/sanmon-gate/sanmon/internal/storage/sqlite"
	"github.com/sanmon-gate/sanmon/internal/storage/storagetest"
)

func BenchmarkStore(b *testing.B) {
	storagetest.Bench(b, openAt(b, filepath.Join(b.TempDir(), "sanmon.db")))
}

func BenchmarkOpen(b *testing.B) {
	path := filepath.Join(b.TempDir(), "sanmon.db")
	b.ReportAllocs()
	for b.Loop() {
		db, err := sqlite.Open(b.Context(), path, sqlite.Options{})
		if err = errors.Join(err, db.Close()); err != nil {
			b.Fatal(err)
		}
	}
}
