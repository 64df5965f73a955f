package secret

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

// Turn is one step of the keys of a purpose. The store takes it whole or not at all.
type Turn struct {
	Purpose  string
	Add      []SealedKey
	Activate int       // version of a key in state Next that begins to sign at At; 0: none
	At       time.Time // see Activate
	Drop     []int     // versions that verify nothing from now on; what they are made of is erased
	Actor    string    // who asked for it: "cli" or "system"
}

// TurnStore keeps keys that have states.
type TurnStore interface {
	KeyStore
	// TurnServerKeys makes a Turn in one transaction, with the event keyset.rotated and a
	// keyset change. ErrVersionTaken when a key of Add exists, or Activate is not in state
	// Next any more: somebody else was first. A version of Drop that is gone is no error.
	TurnServerKeys(ctx context.Context, t Turn) error
}

// ErrPending says that the next key is about to take over already.
var ErrPending = errors.New("a rotation is under way")

// ErrNoSuchKey says that a purpose has no such key, or has it no more.
var ErrNoSuchKey = errors.New("there is no such server key")

// Keychain looks after the signing keys of one purpose: that one signs, that the one
// after it is published in time, and that old ones go.
type Keychain struct {
	Store    TurnStore
	Master   *Master
	Purpose  string
	Generate func() ([]byte, error)
	Publish  time.Duration // how long a key is published before it signs: twice as long as verifiers cache the set
	Keep     time.Duration // as of States
	Actor    string        // of the audit events
}

// Prepare makes the keys that are missing: one that signs and one that is next.
func (k *Keychain) Prepare(ctx context.Context, now time.Time) error {
	keys, err := k.keys(ctx)
	if err != nil {
		return err
	}
	t := k.turn()
	states, _ := States(keys, k.Keep, now)
	version := newest(keys)
	if !slices.Contains(states, Active) {
		version++
		if err := k.add(&t, version, now, now); err != nil {
			return err
		}
	}
	if !slices.Contains(states, Next) {
		if err := k.add(&t, version+1, now, time.Time{}); err != nil {
			return err
		}
	}
	if len(t.Add) == 0 {
		return nil
	}
	if err := k.Store.TurnServerKeys(ctx, t); !errors.Is(err, ErrVersionTaken) {
		return err
	}
	return nil // another node made them
}

// Rotate lets the next key take over: at once when it has been published for long
// enough, else as soon as it has. It returns its version and that time. The key after it
// is published from now on. ErrPending when a rotation waits for its time already.
func (k *Keychain) Rotate(ctx context.Context, now time.Time) (version int, at time.Time, err error) {
	if err := k.Prepare(ctx, now); err != nil {
		return 0, at, err
	}
	keys, err := k.keys(ctx)
	if err != nil {
		return 0, at, err
	}
	return k.rotate(ctx, keys, now)
}

// rotate is Rotate as long as the keys are still those that were read.
func (k *Keychain) rotate(ctx context.Context, keys []Key, now time.Time) (version int, at time.Time, err error) {
	states, _ := States(keys, k.Keep, now)
	i := slices.Index(states, Next)
	if i < 0 {
		return 0, at, fmt.Errorf("rotate %s keys: %w", k.Purpose, ErrNoSuchKey)
	}
	next := keys[i]
	if !next.ActiveAt.IsZero() {
		return next.Version, next.ActiveAt, fmt.Errorf("%s key %d takes over at %s: %w", k.Purpose, next.Version, next.ActiveAt.UTC().Format(time.RFC3339), ErrPending)
	}
	at = k.ready(keys, next, now)
	t := k.turn()
	t.Activate, t.At, t.Drop = next.Version, at, gone(keys, states)
	if err := k.add(&t, newest(keys)+1, now, time.Time{}); err != nil {
		return 0, at, err
	}
	return next.Version, at, k.Store.TurnServerKeys(ctx, t)
}

// Replace is for a key that is known to others: a new key signs from now on, and
// everything that any key before it signed is worth nothing.
func (k *Keychain) Replace(ctx context.Context, now time.Time) (version int, err error) {
	keys, err := k.keys(ctx)
	if err != nil {
		return 0, err
	}
	t := k.turn()
	version = newest(keys) + 1
	if err := errors.Join(k.add(&t, version, now, now), k.add(&t, version+1, now, time.Time{})); err != nil {
		return 0, err
	}
	t.Drop = versions(keys)
	return version, k.Store.TurnServerKeys(ctx, t)
}

// Drop makes everything that one key signed worth nothing. Where it was the one that
// signs, the next one takes over now, published or not.
func (k *Keychain) Drop(ctx context.Context, version int, now time.Time) error {
	if err := k.Prepare(ctx, now); err != nil {
		return err
	}
	keys, err := k.keys(ctx)
	if err != nil {
		return err
	}
	states, _ := States(keys, k.Keep, now)
	i := slices.IndexFunc(keys, func(x Key) bool { return x.Version == version })
	if i < 0 {
		return fmt.Errorf("drop %s key %d: %w", k.Purpose, version, ErrNoSuchKey)
	}
	t := k.turn()
	// Those that are gone go with it: the key after them is what keeps them gone.
	t.Drop = append(gone(keys, states), version)
	switch states[i] {
	case Active:
		if n := slices.Index(states, Next); n >= 0 {
			t.Activate, t.At = keys[n].Version, now
		}
		err = k.add(&t, newest(keys)+1, now, time.Time{})
	case Next:
		err = k.add(&t, newest(keys)+1, now, time.Time{})
	}
	if err != nil {
		return err
	}
	return k.Store.TurnServerKeys(ctx, t)
}

// Tend is called now and then: it rotates when the key that signs is older than every,
// and erases keys that are gone. It reports whether it changed anything. Nodes may tend
// the same keys at once.
func (k *Keychain) Tend(ctx context.Context, every time.Duration, now time.Time) (bool, error) {
	keys, err := k.keys(ctx)
	if err != nil {
		return false, err
	}
	states, _ := States(keys, k.Keep, now)
	i := slices.Index(states, Active)
	if i >= 0 && every > 0 && now.Sub(keys[i].ActiveAt) >= every && !k.pending(keys, now) {
		_, _, err = k.rotate(ctx, keys, now)
	} else if old := gone(keys, states); len(old) > 0 {
		t := k.turn()
		t.Drop = old
		err = k.Store.TurnServerKeys(ctx, t)
	} else {
		return false, nil
	}
	if errors.Is(err, ErrVersionTaken) || errors.Is(err, ErrPending) { // another node was first
		return false, nil
	}
	return err == nil, err
}

func (k *Keychain) pending(keys []Key, now time.Time) bool {
	return slices.ContainsFunc(keys, func(x Key) bool { return x.ActiveAt.After(now) })
}

// ready is from when on a next key may sign. A key that was made together with the very
// first one stands in every copy of the set.
func (k *Keychain) ready(keys []Key, next Key, now time.Time) time.Time {
	at := next.CreatedAt.Add(k.Publish)
	if first := keys[0]; first.Version == 1 && next.Version == 2 && next.CreatedAt.Sub(first.CreatedAt) < time.Minute {
		return now
	}
	if at.Before(now) {
		return now
	}
	return at
}

func (k *Keychain) turn() Turn { return Turn{Purpose: k.Purpose, Actor: k.Actor} }

func (k *Keychain) add(t *Turn, version int, now, active time.Time) error {
	made, err := newKey(k.Master, k.Purpose, version, k.Generate, now)
	made.ActiveAt = active
	t.Add = append(t.Add, made)
	return err
}

// keys reads what is stored, without opening it.
func (k *Keychain) keys(ctx context.Context) ([]Key, error) {
	sealed, err := k.Store.ServerKeys(ctx, k.Purpose)
	if err != nil {
		return nil, fmt.Errorf("read %s keys: %w", k.Purpose, err)
	}
	keys := make([]Key, 0, len(sealed))
	for _, s := range sealed {
		keys = append(keys, Key{Version: s.Version, CreatedAt: s.CreatedAt, ActiveAt: s.ActiveAt})
	}
	return keys, nil
}

func newest(keys []Key) int {
	if len(keys) == 0 {
		return 0
	}
	return keys[len(keys)-1].Version
}

func versions(keys []Key) []int {
	var out []int
	for _, k := range keys {
		out = append(out, k.Version)
	}
	return out
}

// gone lists the keys that nothing is verified with any more.
func gone(keys []Key, states []State) []int {
	var out []int
	for i, k := range keys {
		if states[i] == Gone {
			out = append(out, k.Version)
		}
	}
	return out
}
