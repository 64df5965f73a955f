package sqlite

import (
	"path/filepath"
	"testing"
	"time"

	"database/sql"
)

// BenchmarkLook is one look at the version of the file; there are 20 a second.
func BenchmarkLook(b *testing.B) {
	pool, err := sql.Open("sqlite", dsn(filepath.Join(b.TempDir(), "x.db"), time.Second, true))
	if err != nil {
		b.Fatal(err)
	}
	w, err := newWatcher(b.Context(), pool)
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = w.Close() }()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := w.look(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
}
