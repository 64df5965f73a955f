package storage

import (
	"context"
	"time"

	"github.com/sanmon-gate/sanmon/internal/periodic"
)

// Windows of seconds are judged by nodes whose clocks may differ by more. So each node
// knows how far it is from the one clock that all of them share, the database's.
const (
	clockEvery  = 5 * time.Second        // between two readings
	clockSteady = time.Second            // what differs by less is the same
	clockSlow   = 500 * time.Millisecond // a reading that took longer says nothing
)

// reading is one look at the database's clock.
type reading struct {
	there time.Time
	here  time.Time // when it was read; with the monotonic clock of this process
}

// Offset is the database's clock less ours, 0 while they differ by less than a second.
// Between two readings it goes by the monotonic clock, so that a jump of ours is known at
// once. It takes no statement.
func (db *DB) Offset() time.Duration {
	r := db.clock.Load()
	if r == nil {
		return 0
	}
	off := r.there.Add(time.Since(r.here)).Sub(db.now().Round(0))
	if off.Abs() < clockSteady {
		return 0
	}
	return off
}

// ReadClock looks at the database's clock.
func (db *DB) ReadClock(ctx context.Context) error {
	if db.dialect.Clock == "" {
		return nil
	}
	ctx, cancel := db.bound(ctx)
	defer cancel()
	for range attempts {
		before := time.Now()
		var us int64
		if err := db.row(ctx, db.dialect.Clock).Scan(&us); err != nil {
			return db.failure("read the clock of the store", err)
		}
		after := time.Now()
		if took := after.Sub(before); took < clockSlow {
			db.clock.Store(&reading{there: at(us).Add(took / 2), here: after})
			break
		}
	}
	return nil
}

// FollowClock looks at the database's clock until ctx ends, and returns nil. A clock that
// cannot be read goes on as it went.
func (db *DB) FollowClock(ctx context.Context) error {
	if db.dialect.Clock == "" {
		return nil
	}
	periodic.Do(ctx, clockEvery, func() {
		_ = db.ReadClock(ctx) // the feed says that the store is away
	})
	return nil
}
