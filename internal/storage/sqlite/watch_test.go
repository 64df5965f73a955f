package sqlite

import (
	"database/sql"
	"path/filepath"
	"testing"
	"time"
)

// A killed process does not show what a power cut would: the settings that survive
// one are checked by name (sqlite.org/pragma.html: synchronous 2 is FULL).
func TestDurableSettings(t *testing.T) {
	for _, c := range []struct {
		writes        bool
		pragma, value string
	}{
		{true, "journal_mode", "wal"}, {true, "synchronous", "2"}, {true, "foreign_keys", "1"}, {true, "trusted_schema", "0"},
		{true, "busy_timeout", "1234"}, {true, "query_only", "0"}, {false, "query_only", "1"}, {false, "busy_timeout", "1234"},
	} {
		pool, err := sql.Open("sqlite", dsn(filepath.Join(t.TempDir(), "x.db"), 1234*time.Millisecond, c.writes))
		if err != nil {
			t.Fatal(err)
		}
		var got string
		if err := pool.QueryRowContext(t.Context(), "PRAGMA "+c.pragma).Scan(&got); err != nil || got != c.value {
			t.Errorf("%s of a connection that writes %v: %s, want %s (%v)", c.pragma, c.writes, got, c.value, err)
		}
		_ = pool.Close()
	}
}

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
