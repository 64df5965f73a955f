package tree

import (
	"context"
	"time"

	"github.com/sanmon-gate/sanmon/audit"
)

// Row is one event as it is stored.
type Row struct {
	Event  audit.Event
	Hashes []byte // its leaf and what it completes, 32 bytes each
}

// Stored is one signed checkpoint as it is stored.
type Stored struct {
	Size int64 // as the store has it; the note says it too, signed
	At   time.Time
	Note string
}

// Ends says how far a trail reaches.
type Ends struct {
	Head        int64 // number of the last event that was written
	First, Last int64 // lowest and highest number that is there; 0 in an empty trail
}

// Source is where a trail is stored.
type Source interface {
	// Ends reads all three at one moment.
	Ends(ctx context.Context) (Ends, error)
	// Rows returns up to limit rows with a number above after, lowest first.
	Rows(ctx context.Context, after int64, limit int) ([]Row, error)
	// Checkpoints returns up to limit checkpoints of a size above after, smallest first.
	Checkpoints(ctx context.Context, after int64, limit int) ([]Stored, error)
}
