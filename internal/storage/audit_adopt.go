package storage

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/sanmon-gate/sanmon/audit"
	"github.com/sanmon-gate/sanmon/audit/tree"
)

const (
	eventsOutside = `SELECT seq, at, event, subject, actor, sid, key_id, route, network, request_id, detail
	FROM audit WHERE hashes IS NULL ORDER BY seq LIMIT $1`
	anyOutside = `SELECT MIN(seq) FROM audit WHERE hashes IS NULL`
	setHashes  = `UPDATE audit SET hashes = $2 WHERE seq = $1 AND hashes IS NULL`
)

// adoptBatch bounds how many events one transaction takes into the tree.
const adoptBatch = 2000

// errSealed says that events which a checkpoint covers have lost their hashes.
var errSealed = errors.New("events that a signed checkpoint covers have no hashes: the audit trail was changed by other means (see: sanmon audit verify)")

// adopt takes events without hashes into the tree, lowest first, and returns how many.
// Those that a checkpoint covers were in it already: they are left as they are found.
func (t *transaction) adopt() (int, error) {
	rows, err := t.rows(eventsOutside, adoptBatch)
	if err != nil {
		return 0, err
	}
	events, err := collect(rows, scanEvent)
	if err != nil || len(events) == 0 {
		return 0, err
	}
	var covered int64
	if err := t.row(lastSize).Scan(&covered); err != nil {
		return 0, err
	}
	if events[0].Seq <= covered {
		return 0, errSealed
	}
	var h tree.Hasher
	for _, ev := range events {
		hashes, err := tlog.StoredHashesForRecordHash(ev.Seq-1, h.Leaf(&ev), treeReader(t.rows))
		if err != nil {
			return 0, err
		}
		if _, err := t.exec(setHashes, ev.Seq, tree.Join(hashes)); err != nil {
			return 0, err
		}
	}
	return len(events), nil
}

// adoptAll builds the tree over the events of a database that an older version made, and
// writes that down in it: what was changed before then cannot be found.
func (db *DB) adoptAll(ctx context.Context) error {
	var first sql.NullInt64
	for total := int64(0); ; {
		var at sql.NullInt64
		if err := db.row(ctx, anyOutside).Scan(&at); err != nil {
			return db.failure("read the audit trail", err)
		}
		if !at.Valid {
			return nil
		}
		if !first.Valid {
			first = at
		}
		err := db.change(ctx, "build the hash tree of the audit trail", func(t *transaction) error {
			n, err := t.adopt()
			if err != nil {
				return err
			}
			if n == 0 {
				return errUnchanged // another node was faster
			}
			if total += int64(n); n < adoptBatch {
				t.record(audit.Event{Event: audit.Adopted, Actor: "system", Detail: fmt.Sprintf("first=%d events=%d", first.Int64, total)})
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
}
