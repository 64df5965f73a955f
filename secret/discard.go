package secret

import (
	"context"
	"fmt"
	"slices"
	"time"
)

// Discard is Drop for a purpose whose keys have no states: the newest is the one in use. What
// the key of that version made is worth nothing from now on, and the key is erased; version 0
// means every key that there is. Where the one in use goes, a new one takes its place in the
// same step. It returns the version in use. ErrVersionTaken when somebody else was first.
func (k *Keychain) Discard(ctx context.Context, version int, now time.Time) (current int, err error) {
	keys, err := k.keys(ctx)
	if err != nil {
		return 0, err
	}
	t := k.turn()
	current = newest(keys)
	t.Drop = versions(keys)
	if version > 0 {
		if !slices.Contains(t.Drop, version) {
			return 0, fmt.Errorf("drop %s key %d: %w", k.Purpose, version, ErrNoSuchKey)
		}
		t.Drop = []int{version}
	}
	if version == 0 || version == current {
		current++
		if err := k.add(&t, current, now, now); err != nil {
			return 0, err
		}
	}
	return current, k.Store.TurnServerKeys(ctx, t)
}
