package sqlite_test

import (
	"database/sql"
	"errors"
	"path/filepath"
	"testing"

	"github.com/sanmon-gate/sanmon/audit/tree"
	"github.com/sanmon-gate/sanmon/internal/storage"
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

// BenchmarkAudited: an audited change should take at most 1.5 times the same change without.
func BenchmarkAudited(b *testing.B) {
	storagetest.BenchAudited(b, openAt(b, filepath.Join(b.TempDir(), "sanmon.db")))
}

// BenchmarkVerify: a million events should take less than 20 s and 256 MiB.
func BenchmarkVerify(b *testing.B) {
	db, outside := million(b)
	storagetest.BenchVerify(b, db, 1_000_000, outside)
}

// BenchmarkRequest: sanmon explain of a request among a million events.
func BenchmarkRequest(b *testing.B) {
	db, outside := million(b)
	storagetest.BenchRequest(b, db, 1_000_000, outside)
}

// million is a store, and a way to put many events into it at once.
func million(b *testing.B) (*storage.DB, func([]tree.Row) error) {
	path := filepath.Join(b.TempDir(), "sanmon.db")
	db := openAt(b, path)
	raw, err := sql.Open("sqlite", path+"?_pragma=busy_timeout(5000)")
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = raw.Close() })
	return db, func(rows []tree.Row) error {
		tx, err := raw.Begin()
		if err != nil {
			return err
		}
		for _, r := range rows {
			ev := r.Event
			_, err = tx.Exec(`INSERT INTO audit VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)`, ev.Seq, ev.At.UnixMicro(), string(ev.Event),
				ev.Subject, ev.Actor, ev.SID, ev.KeyID, ev.Route, ev.Network, ev.RequestID, ev.Detail, r.Hashes)
			if err != nil {
				return errors.Join(err, tx.Rollback())
			}
		}
		_, err = tx.Exec(`UPDATE head SET audit = $1`, rows[len(rows)-1].Event.Seq)
		return errors.Join(err, tx.Commit())
	}
}
