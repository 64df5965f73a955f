package throttle

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"runtime"
	"time"

	"github.com/sanmon-gate/sanmon/identity/room"
	"github.com/sanmon-gate/sanmon/refusal"
	"github.com/sanmon-gate/sanmon/secret"
)

// Store keeps counts for all nodes, and over a restart.
type Store interface {
	// ChangeCounts runs change on what is kept under ids, in their order, while nobody else
	// changes it, and keeps what change leaves. It may run change again. When change returns
	// an error nothing is kept, and that error is returned.
	ChangeCounts(ctx context.Context, ids [][16]byte, change func([]Kept) error) error
}

// Kept is what a Store keeps of one count.
type Kept struct {
	State []byte    // empty: nothing is kept
	Until time.Time // from then on nobody needs it
}

// mostAsking is how many attempts may ask the store at once. Those for one name wait there for
// its row, each with a connection: most connections have to be left for everything else.
const mostAsking = 6

// NewShared returns a Throttle that counts in a store, for all who have the store and the
// ring, secret.PurposeDevice. Names are kept as hashes under the ring's current key. A store
// that does not answer lets nobody in.
func NewShared(o Options, store Store, ring *secret.Ring) *Throttle {
	t := New(o)
	t.store, t.ring, t.full = store, ring, make(map[name]time.Time)
	t.room = room.New(room.Options{Slots: min(max(2, runtime.NumCPU()), mostAsking)})
	return t
}

// enter waits until the store may be asked: anybody may make attempts, and a flood of them
// must not take the store and the processors from everything else.
func (t *Throttle) enter(ctx context.Context, known bool) (leave func(), err error) {
	if t.store == nil {
		return func() {}, nil
	}
	p, err := t.room.Reserve(known)
	if err == nil {
		if err = p.Enter(ctx); err == nil {
			return p.Leave, nil
		}
		p.Leave()
	}
	return nil, &refusal.Refusal{Code: refusal.Busy, RetryAfter: 2 * time.Second, Err: err,
		Reason: "too many attempts to sign in or to get a letter are being counted (is somebody trying? otherwise give the gate more cores)"}
}

// pay counts an outcome, which is written whatever else waits.
func (t *Throttle) pay(began time.Time) {
	if t.store != nil {
		t.room.Pay(time.Since(began))
	}
}

// inStore runs fn on counters of the store.
func (t *Throttle) inStore(ctx context.Context, k *Ticket, now time.Time, fn func([]*counter) error) error {
	return t.store.ChangeCounts(ctx, k.ids(), func(kept []Kept) error {
		var held [2]*counter
		for i := range kept {
			c, err := decode(kept[i].State)
			if err != nil {
				return fmt.Errorf("count of failed attempts %x: %w", k.names[i], err)
			}
			held[i] = c
		}
		if err := fn(held[:k.n]); err != nil {
			return err
		}
		for i := range kept {
			c := held[i]
			c.window = c.windowOf(now, k.limits[i])
			kept[i] = Kept{encode(c), c.ends()}
		}
		return nil
	})
}

func (k *Ticket) ids() [][16]byte {
	ids := make([][16]byte, k.n)
	for i := range ids {
		ids[i] = k.names[i]
	}
	return ids
}

// noteFull notes a count that is full elsewhere. It is full until its time here, so that who
// comes again and again costs no look at the store. Nothing but time opens it, as none of its
// attempts is pending.
func (t *Throttle) noteFull(n name, until time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.full == nil {
		return
	}
	if len(t.full) >= t.o.Max {
		for n := range t.full {
			delete(t.full, n) // any: it costs a look at the store
			break
		}
	}
	t.full[n] = until
}

// knownFull returns how long a name has to wait that was seen full.
func (t *Throttle) knownFull(n name, now time.Time) time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	return max(0, t.full[n].Sub(now))
}

// The state of a count: format[1] fills[1] last[8], and for each attempt its microsecond
// shifted by one, with the lowest bit set while it is pending [8]. Big-endian.
const (
	stateFormat = 1
	stateHead   = 1 + 1 + 8
)

func encode(c *counter) []byte {
	if c.empty() {
		return nil
	}
	b := append(make([]byte, 0, stateHead+8*len(c.tries)), stateFormat, byte(min(c.fills, 255)))
	b = binary.BigEndian.AppendUint64(b, uint64(c.last))
	for _, t := range c.tries {
		bits := uint64(t.at) << 1
		if t.pending {
			bits |= 1
		}
		b = binary.BigEndian.AppendUint64(b, bits)
	}
	return b
}

var errState = errors.New("what is stored is damaged, or of a newer version (delete that row of failure_count: its failures are forgotten)")

func decode(b []byte) (*counter, error) {
	if len(b) == 0 {
		return new(counter), nil
	}
	if len(b) < stateHead || b[0] != stateFormat || (len(b)-stateHead)%8 != 0 {
		return nil, errState
	}
	c := &counter{fills: int(b[1]), last: int64(binary.BigEndian.Uint64(b[2:]))}
	for b = b[stateHead:]; len(b) > 0; b = b[8:] {
		bits := binary.BigEndian.Uint64(b)
		c.tries = append(c.tries, try{int64(bits >> 1), bits&1 == 1})
	}
	return c, nil
}
