package csrf

import (
	"context"
	"time"
)

// Spent remembers the once tokens that were used.
type Spent interface {
	// Spend marks id as used until the given time and reports whether this call was
	// the first to do so. Two concurrent calls with one id must not both be first.
	Spend(ctx context.Context, id [16]byte, now, until time.Time) (first bool, err error)
}
