package storage

import (
	"context"
	"time"

	"github.com/sanmon-gate/sanmon/identity/dpop"
)

var _ dpop.Shared = (*DB)(nil)

// useProof never takes a row over, not even an outdated one.
const useProof = `INSERT INTO used_proof (id, expires_at) VALUES ($1, $2) ON CONFLICT (id) DO NOTHING`

// KeepProofs is how long a used proof is remembered after its time: more than clocks differ.
const KeepProofs = 5 * time.Minute

const pruneProofs = `DELETE FROM used_proof WHERE id IN (SELECT id FROM used_proof WHERE expires_at < $1 LIMIT $2)`

// UseProof implements dpop.Shared. The time is that of the database's clock.
func (db *DB) UseProof(ctx context.Context, id [16]byte, until time.Time) (bool, error) {
	when, err := moment(until.Add(db.Offset()))
	if err != nil {
		return false, err
	}
	n, err := db.exec(ctx, useProof, id[:], when)
	return n == 1, db.failure("note a used proof", err)
}
