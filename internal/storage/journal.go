package storage

import (
	"errors"
	"strings"

	"github.com/sanmon-gate/sanmon/change"
)

// takeNumbers gives the last audit and feed number of this transaction. The row
// stays taken until the end, so numbers have the order of the commits.
const takeNumbers = `UPDATE head SET audit = audit + $1, feed = feed + $2 WHERE id = 1 RETURNING audit, feed`

const insertChange = `INSERT INTO feed (seq, at, kind, id) VALUES ($1, $2, $3, $4)`

// feedBatch is how many feed lines go into one statement when there are many.
const feedBatch = 64

// insertChanges is insertChange for feedBatch lines. A constant expression in
// spirit: it has one value.
func insertChanges() string {
	var b strings.Builder
	b.WriteString("INSERT INTO feed (seq, at, kind, id) VALUES ")
	for i := range feedBatch {
		if i > 0 {
			b.WriteString(", ")
		}
		placeholders(&b, i*4+1, 4)
	}
	return b.String()
}

// journal writes what the transaction recorded and announced. A change that is
// announced without being recorded does not happen.
func (t *transaction) journal() error {
	if t.unlogged || len(t.events)+len(t.changes) == 0 {
		return nil
	}
	var lastEvent, lastChange int64
	if err := t.row(takeNumbers, len(t.events), len(t.changes)).Scan(&lastEvent, &lastChange); err != nil {
		return err
	}
	if err := t.writeEvents(lastEvent - int64(len(t.events))); err != nil {
		return err
	}
	return t.writeChanges(lastChange - int64(len(t.changes)))
}

func (t *transaction) writeEvents(seq int64) error {
	for _, ev := range t.events {
		if ev.Event == "" {
			return errors.New("audit event without a name (name what happened)")
		}
		if ev.At.IsZero() {
			ev.At = t.now
		}
		seq++
		if err := t.append(atRest(seq, ev)); err != nil {
			return err
		}
	}
	return nil
}

func (t *transaction) writeChanges(seq int64) error {
	at, rest := micros(t.now), t.changes
	for len(rest) >= feedBatch {
		args := make([]any, 0, feedBatch*4)
		for _, c := range rest[:feedBatch] {
			seq++
			args = append(args, seq, at, string(c.Kind), c.ID)
		}
		if _, err := t.exec(insertChanges(), args...); err != nil {
			return err
		}
		rest = rest[feedBatch:]
	}
	return t.writeEach(seq, at, rest)
}

func (t *transaction) writeEach(seq, at int64, rest []change.Change) error {
	for _, c := range rest {
		seq++
		if _, err := t.exec(insertChange, seq, at, string(c.Kind), c.ID); err != nil {
			return err
		}
	}
	return nil
}
