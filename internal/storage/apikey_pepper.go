package storage

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/sanmon-gate/sanmon/audit"
	"github.com/sanmon-gate/sanmon/change"
	"github.com/sanmon-gate/sanmon/keys/apikey"
	"github.com/sanmon-gate/sanmon/secret"
)

var _ apikey.PepperStore = (*DB)(nil)

// remacKey moves forward only, and only what is still as it was verified. What it writes
// binds the terms of the key, whatever was there before.
const remacKey = `UPDATE api_key SET pepper = $4, mac = $5, bound = 1 WHERE id = $1 AND pepper = $2 AND mac = $3 AND pepper < $4`

// RemacKeys implements apikey.Remacer.
func (db *DB) RemacKeys(ctx context.Context, moves []apikey.Remac) error {
	moves = slices.Clone(moves)
	slices.SortFunc(moves, func(a, b apikey.Remac) int { return cmp.Compare(a.ID, b.ID) }) // one order for all nodes
	for _, m := range moves {
		if !holdable(m.ID) || m.To.Version <= m.From.Version || m.To.MAC == (apikey.MAC{}) {
			return fmt.Errorf("move key %q from pepper %d to %d: not a move to a newer one", m.ID, m.From.Version, m.To.Version)
		}
	}
	if len(moves) == 0 {
		return nil
	}
	return db.touch(ctx, "move keys to another pepper", func(t *transaction) error {
		for _, m := range moves {
			_, err := t.exec(remacKey, m.ID, int64(m.From.Version), encodeHash(m.From.MAC), int64(m.To.Version), encodeHash(m.To.MAC))
			if err != nil {
				return err
			}
		}
		return nil
	})
}

const (
	usableKey    = `revoked_at = 0 AND (expires_at = 0 OR expires_at > $1)`
	pepperCounts = `SELECT pepper, COUNT(*) FROM api_key WHERE ` + usableKey + ` GROUP BY pepper`
	onPepper     = `SELECT COUNT(*) FROM api_key WHERE ` + usableKey + ` AND pepper = $2`
)

// PepperCounts implements apikey.PepperStore.
func (db *DB) PepperCounts(ctx context.Context) (map[int]int, error) {
	ctx, cancel := db.bound(ctx)
	defer cancel()
	type pair struct{ version, count int }
	scan := func(row scanner) (p pair, err error) {
		err = row.Scan(&p.version, &p.count)
		return p, err
	}
	pairs, err := list(ctx, db, scan, pepperCounts, micros(db.now()))
	if err != nil {
		return nil, db.failure("count keys by pepper", err)
	}
	counts := map[int]int{}
	for _, p := range pairs {
		counts[p.version] = p.count
	}
	return counts, nil
}

// RetirePepper implements apikey.PepperStore.
func (db *DB) RetirePepper(ctx context.Context, version int, force bool, actor string) (int, error) {
	count := 0
	err := db.change(ctx, "retire a pepper", func(t *transaction) error {
		if err := t.row(onPepper, micros(t.now), int64(version)).Scan(&count); err != nil {
			return err
		}
		if count > 0 && !force {
			return apikey.ErrPepperInUse
		}
		n, err := t.exec(dropServerKey, secret.PurposePepper, int64(version), micros(t.now), []byte{})
		if err != nil {
			return err
		}
		if n == 0 {
			return secret.ErrNoSuchKey
		}
		detail := fmt.Sprintf("purpose=%s dropped=%d keys=%d", secret.PurposePepper, version, count)
		t.record(audit.Event{At: t.now, Event: audit.KeysetRotated, Actor: actor, Detail: detail})
		t.announce(change.Keyset, secret.PurposePepper)
		return nil
	})
	if err != nil && !errors.Is(err, apikey.ErrPepperInUse) {
		count = 0
	}
	return count, err
}
