package storage

import (
	"fmt"
	"time"

	"github.com/sanmon-gate/sanmon/refusal"
)

// retryAfter is what a client is told when the store cannot answer.
const retryAfter = 2 * time.Second

// failure turns the error of an operation into what a caller may see: nil stays
// nil, a declared error stays testable, and a store that cannot answer is busy.
func (db *DB) failure(op string, err error) error {
	if err == nil {
		return nil
	}
	class, remedy := db.dialect.classify(err)
	if class == Unavailable || class == Contended {
		return &refusal.Refusal{
			Code:       refusal.Busy,
			Reason:     fmt.Sprintf("%s: the %s store cannot answer (%s)", op, db.dialect.Name, remedy),
			RetryAfter: retryAfter,
			Err:        err,
		}
	}
	return fmt.Errorf("%s: %w", op, err)
}

// isBusy reports an error that says nothing about the data: the store could not answer.
func isBusy(err error) bool {
	return err != nil && refusal.From(err).Code == refusal.Busy
}
