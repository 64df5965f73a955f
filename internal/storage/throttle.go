package storage

import (
	"bytes"
	"context"
	"slices"
	"time"

	"github.com/sanmon-gate/sanmon/identity/throttle"
)

var _ throttle.Store = (*DB)(nil)

const (
	// lockCount makes the row where there is none, so that there is one to lock: until the
	// end of the transaction others wait there.
	lockCount = `INSERT INTO failure_count (id, state, expires_at) VALUES ($1, $2, 0)
		ON CONFLICT (id) DO UPDATE SET expires_at = failure_count.expires_at RETURNING state`
	keepCount = `UPDATE failure_count SET state = $2, expires_at = $3 WHERE id = $1`
	dropCount = `DELETE FROM failure_count WHERE id = $1`
)

// KeepCounts is how long a count stays after its end: more than clocks differ.
const KeepCounts = 5 * time.Minute

const pruneCounts = `DELETE FROM failure_count WHERE id IN (SELECT id FROM failure_count WHERE expires_at < $1 LIMIT $2)`

// ChangeCounts implements throttle.Store.
func (db *DB) ChangeCounts(ctx context.Context, ids [][16]byte, change func([]throttle.Kept) error) error {
	// One order for all, so that no two wait for each other.
	order := make([]int, len(ids))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int { return bytes.Compare(ids[a][:], ids[b][:]) })
	return db.touch(ctx, "count failures", func(t *transaction) error {
		kept := make([]throttle.Kept, len(ids))
		for _, i := range order {
			if err := t.row(lockCount, ids[i][:], []byte{}).Scan(&kept[i].State); err != nil {
				return err
			}
		}
		if err := change(kept); err != nil {
			return err
		}
		for _, i := range order {
			if err := t.keepCount(ids[i], kept[i]); err != nil {
				return err
			}
		}
		return nil
	})
}

func (t *transaction) keepCount(id [16]byte, k throttle.Kept) error {
	if len(k.State) == 0 {
		_, err := t.exec(dropCount, id[:])
		return err
	}
	until, err := moment(k.Until)
	if err == nil {
		_, err = t.exec(keepCount, id[:], k.State, until)
	}
	return err
}
