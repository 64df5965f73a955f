package apikey

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/sanmon-gate/sanmon/secret"
)

// Pepper is a MAC and the version of the pepper that it was made with.
type Pepper struct {
	Version int
	MAC     MAC
}

// Remac moves one key from one pepper to another.
type Remac struct {
	ID       string
	From, To Pepper
}

// Remacer moves keys at rest to another pepper.
type Remacer interface {
	// RemacKeys moves each key that is still at From, in one transaction, and writes
	// neither event nor change: what the key is worth stays the same. Other nodes go on
	// with what they hold as long as the pepper of From is there.
	RemacKeys(ctx context.Context, moves []Remac) error
}

// PepperStore also counts and retires.
type PepperStore interface {
	Remacer
	// PepperCounts counts the keys that can still be used by the version of their pepper.
	PepperCounts(ctx context.Context) (map[int]int, error)
	// RetirePepper erases one version, with the event keyset.rotated and a keyset change.
	// Unless force is set it refuses with ErrPepperInUse when keys that can still be used
	// hang on it; it counts them in the same transaction and returns how many there were.
	// secret.ErrNoSuchKey when there is no such version.
	RetirePepper(ctx context.Context, version int, force bool, actor string) (int, error)
}

// Errors of retiring a pepper.
var (
	ErrPepperInUse  = errors.New("keys that can still be used hang on this pepper (wait until they have been used, rotate them, or give them up with --force)")
	ErrNewestPepper = errors.New("it is the newest pepper, which new keys are made with (rotate first: sanmon keyset rotate pepper)")
)

// Retire erases one version of the pepper: keys on it end. The newest one cannot go.
func Retire(ctx context.Context, store PepperStore, ring *secret.Ring, version int, force bool, actor string) (int, error) {
	if keys := ring.All(); len(keys) > 0 && keys[len(keys)-1].Version == version {
		return 0, fmt.Errorf("retire pepper %d: %w", version, ErrNewestPepper)
	}
	n, err := store.RetirePepper(ctx, version, force, actor)
	if err != nil {
		return n, fmt.Errorf("retire pepper %d: %w", version, err)
	}
	return n, nil
}

// maxRemacs bounds the keys that wait to be moved; those beyond it are moved at a later use.
const maxRemacs = 1 << 16

// remacs are the keys that were used under an old pepper, with their MAC under the newest:
// that was made while the key was at hand, so that no queue ever holds a key.
type remacs struct {
	mu      sync.Mutex
	pending map[*entry]Pepper
}

// add notes one move; it reports whether there was room.
func (rs *remacs) add(e *entry, to Pepper) bool {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	if rs.pending == nil {
		rs.pending = map[*entry]Pepper{}
	}
	if _, in := rs.pending[e]; !in && len(rs.pending) >= maxRemacs {
		return false
	}
	rs.pending[e] = to
	return true
}

func (rs *remacs) take() map[*entry]Pepper {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	p := rs.pending
	rs.pending = nil
	return p
}

// renew notes that a key which just verified hangs on an old pepper. It costs one more MAC,
// once for each key and pepper.
func (x *Index) renew(e *entry, u *use, presented string) {
	newest, ok := x.macs.current()
	if !ok || int(e.pepper) >= newest || x.o.Remacs == nil || e.kind == kindForeign { // which is found under its pepper
		return
	}
	old := u.remac.Load()
	if old >= int32(newest) || !u.remac.CompareAndSwap(old, int32(newest)) {
		return
	}
	t := e.tie()
	t.bound = true // a key from before ties is bound with this move
	sum, ok := x.macs.sum(newest, presented, &t)
	if !ok || !x.remacs.add(e, Pepper{newest, sum}) {
		u.remac.Store(0) // another use
	}
}

// FlushRemacs moves the keys that wait. What cannot be moved is tried again at the next use
// of the key.
func (x *Index) FlushRemacs(ctx context.Context) error {
	pending := x.remacs.take()
	var batch []*entry
	for e := range pending {
		if batch = append(batch, e); len(batch) < flushBatch {
			continue
		}
		if err := x.remac(ctx, batch, pending); err != nil {
			return x.forgo(pending, err)
		}
		batch = batch[:0]
	}
	if len(batch) == 0 {
		return nil
	}
	if err := x.remac(ctx, batch, pending); err != nil {
		return x.forgo(pending, err)
	}
	return nil
}

func (x *Index) forgo(pending map[*entry]Pepper, err error) error {
	for e := range pending {
		e.used().remac.Store(0)
	}
	return fmt.Errorf("move API keys to the newest pepper: %w", err)
}

// remac moves one batch in the store and reads it again.
func (x *Index) remac(ctx context.Context, batch []*entry, to map[*entry]Pepper) error {
	moves := make([]Remac, len(batch))
	for i, e := range batch {
		moves[i] = Remac{e.id, Pepper{int(e.pepper), e.mac}, to[e]}
	}
	if err := x.o.Remacs.RemacKeys(ctx, moves); err != nil {
		return err
	}
	for _, e := range batch {
		// On error memory keeps the old MAC, which holds as long as its pepper does.
		if id, err := ParseID(e.id); err == nil {
			_ = x.reload(ctx, id, 0)
		}
	}
	return nil
}

// refresh reads the peppers again, once a second at most, however many requests ask.
func (x *Index) refresh(ctx context.Context) {
	if x.o.Refresh == nil {
		return
	}
	now, last := x.o.Now().Unix(), x.refreshed.Load()
	if now <= last || !x.refreshed.CompareAndSwap(last, now) {
		return
	}
	if err := x.o.Refresh(ctx); err != nil {
		x.report(fmt.Errorf("read the peppers again: %w", err))
	}
}
