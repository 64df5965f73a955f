package storage

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
)

// Dialect is all that differs between the databases beside the column types of
// their migrations. SQL texts are shared: both read $1, ON CONFLICT and RETURNING.
type Dialect struct {
	Name    string
	Lock    string // statement that takes the head row for the rest of the transaction; "" when beginning does
	Clock   string // query for the database's clock, microseconds since 1970; "" where that is ours
	Prepare bool   // keep statements prepared here, because the driver does not
	// Classify says what an error of the driver means, with a remedy in words.
	Classify func(error) (class Class, remedy string)
}

// Class is what an error of the database means to a caller.
type Class uint8

// The classes.
const (
	Other       Class = iota // nobody declared it: a failure
	Duplicate                // a unique index refused the row
	Contended                // the transaction lost to another one: repeat it
	Unavailable              // the store cannot answer now
)

// classify adds what database/sql itself reports.
func (d *Dialect) classify(err error) (Class, string) {
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return Unavailable, "it did not answer in time"
	case errors.Is(err, context.Canceled):
		return Unavailable, "the caller gave up"
	case errors.Is(err, driver.ErrBadConn), errors.Is(err, sql.ErrConnDone):
		return Unavailable, "the connection was lost"
	}
	return d.Classify(err)
}

func (db *DB) duplicate(err error) bool {
	class, _ := db.dialect.classify(err)
	return class == Duplicate
}
