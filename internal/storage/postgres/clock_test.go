package postgres_test

import (
	"testing"
	"time"

	"github.com/sanmon-gate/sanmon/internal/storage/postgres"
)

// A node knows how far it is from the database's clock, and a jump of its own clock at
// once; less than a second is nothing.
func TestClockOfTheDatabase(t *testing.T) {
	schema := newSchema(t)
	url, password := address(t)
	for _, off := range []time.Duration{0, 90 * time.Second, -90 * time.Second} {
		jump := time.Duration(0)
		db, err := postgres.Open(t.Context(), url, password, postgres.Options{Schema: schema, Now: func() time.Time { return time.Now().Add(off + jump) }})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = db.Close() })
		near := func(want time.Duration) {
			t.Helper()
			if got := db.Offset(); (got - want).Abs() > 30*time.Second {
				t.Errorf("clock at %v: offset %v, want %v", off+jump, got, want)
			}
		}
		near(-off)
		jump = 10 * time.Minute
		near(-off - jump)
		if err := db.ReadClock(t.Context()); err != nil {
			t.Fatal(err)
		}
		near(-off - jump)
	}
}
