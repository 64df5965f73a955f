// Package throttle slows down whoever guesses passwords, without letting anybody lock
// others out: failures are counted per account from unknown devices, per known device
// and per network, each apart (OWASP, "Slow Down Online Guessing Attacks with Device
// Cookies"; NIST SP 800-63B-4, Section 3.2.2; ASVS 6.1.1).
package throttle

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sanmon-gate/sanmon/identity/room"
	"github.com/sanmon-gate/sanmon/refusal"
	"github.com/sanmon-gate/sanmon/secret"
)

// Limit is how many failures are taken within a time. The next attempt waits until
// the oldest of them is Window ago.
type Limit struct {
	Failures int
	Window   time.Duration
	// Most is what Window grows to: it doubles with each time that the count fills, until a
	// success or a day without a failure. 0: it does not grow.
	Most time.Duration
}

// Options of a Throttle. Zero values take the default that is named.
type Options struct {
	Account Limit // per account, from unknown devices together; 10 in 15 min, growing to 1 h
	Device  Limit // per known device of an account; 10 in 15 min, growing to 1 h
	Network Limit // per network and over all accounts, from unknown devices; 30 in 10 min
	Max     int   // counters in memory; 100,000
	// Offset is what the clock that all nodes share is ahead of this one; nil: 0.
	Offset func() time.Duration
}

// Attempt is one try to sign in.
type Attempt struct {
	Account string // canonical name that was typed, whether or not it exists
	Network string // network of the client, as one key: "203.0.113.0/24"
	Device  string // id of the known device, "" for an unknown one
}

// Throttle counts failures: one of New in memory, until the process ends, one of NewShared
// for all nodes. Names are kept as keyed hashes, so that a name that does not exist is
// counted like any other, and neither a memory dump nor the store holds a list of names. It
// is safe for concurrent use.
type Throttle struct {
	o     Options
	key   [32]byte
	store Store        // nil: in memory
	ring  *secret.Ring // with store
	room  *room.Room   // with store

	mu       sync.Mutex
	counters map[name]*counter
	full     map[name]time.Time // with store
}

type name [16]byte

// New returns an empty Throttle that counts in memory.
func New(o Options) *Throttle {
	def := func(l *Limit, n int, d, most time.Duration) {
		if l.Failures <= 0 || l.Window <= 0 {
			*l = Limit{n, d, most}
		}
	}
	def(&o.Account, 10, 15*time.Minute, time.Hour)
	def(&o.Device, 10, 15*time.Minute, time.Hour)
	def(&o.Network, 30, 10*time.Minute, 0) // many people may be behind one
	if o.Max <= 0 {
		o.Max = 100_000
	}
	t := &Throttle{o: o, counters: make(map[name]*counter)}
	_, _ = rand.Read(t.key[:]) // never fails: crypto/rand ends the program instead
	return t
}

// Ticket is an attempt that was let in and has no outcome yet. It counts as a failure
// until it is told otherwise, so that many attempts at the same time do not slip in
// together, on no number of nodes. Exactly one of its methods must be called, once.
type Ticket struct {
	t       *Throttle
	ctx     context.Context // of the attempt, without its end: who leaves does not take a failure along
	begun   int64           // microseconds
	names   [2]name
	limits  [2]Limit
	n       int
	outcome atomic.Bool
}

// Begin lets an attempt in, or refuses it with refusal.RateLimited, with refusal.Busy when
// too many ask for the store, or with what keeps the store from answering.
func (t *Throttle) Begin(ctx context.Context, now time.Time, a Attempt) (*Ticket, error) {
	k := t.ticket(a)
	now = t.clock(now)
	k.ctx, k.begun = context.WithoutCancel(ctx), now.UnixMicro()
	at, wait, err := t.begin(ctx, k, now, a.Device != "", (*counter).begin)
	if wait > 0 {
		return nil, limited(at, a.Device != "", wait)
	}
	return k, err
}

// Take counts something that a name may do only so often, whatever comes of it. When that is
// too often it counts nothing and returns how long to wait. Errors are those of Begin.
func (t *Throttle) Take(ctx context.Context, now time.Time, kind, who string, l Limit) (wait time.Duration, err error) {
	k := &Ticket{t: t, n: 1, names: [2]name{t.name(kind, who, "")}, limits: [2]Limit{l}}
	now = t.clock(now)
	_, wait, err = t.begin(ctx, k, now, false, func(c *counter, _ int64) { c.fail(now, l) })
	return wait, err
}

// errFull ends a change of counters that admits nothing.
var errFull = errors.New("the count is full")

// begin runs note on the counters of k when none of them is full, and else returns which
// is, and how long to wait.
func (t *Throttle) begin(ctx context.Context, k *Ticket, now time.Time, known bool, note func(c *counter, at int64)) (at int, wait time.Duration, err error) {
	for i := range k.n {
		if wait := t.knownFull(k.names[i], now); wait > 0 {
			return i, wait, nil
		}
	}
	leave, err := t.enter(ctx, known)
	if err != nil {
		return 0, 0, err
	}
	defer leave()
	stays := false
	err = t.change(ctx, k, now, func(held []*counter) error {
		for i, c := range held {
			if at, wait = i, c.wait(now, k.limits[i]); wait > 0 {
				stays = !c.pending()
				return errFull
			}
		}
		for _, c := range held {
			note(c, now.UnixMicro())
		}
		return nil
	})
	if errors.Is(err, errFull) {
		if stays {
			t.noteFull(k.names[at], now.Add(wait))
		}
		return at, wait, nil
	}
	return 0, 0, err
}

// change runs fn on the counters of k while nobody else changes them. fn changes nothing
// before it returns an error.
func (t *Throttle) change(ctx context.Context, k *Ticket, now time.Time, fn func([]*counter) error) error {
	if t.store != nil {
		return t.inStore(ctx, k, now, fn)
	}
	return t.inMemory(k, now, fn)
}

func (t *Throttle) clock(now time.Time) time.Time {
	if t.o.Offset == nil {
		return now
	}
	return now.Add(t.o.Offset())
}

// ticket lists what an attempt counts against. A known device counts by itself: the
// owner gets in while strangers are slowed down, from a slowed network too.
func (t *Throttle) ticket(a Attempt) *Ticket {
	if a.Device != "" {
		return &Ticket{t: t, n: 1, names: [2]name{t.name("device", a.Account, a.Device)}, limits: [2]Limit{t.o.Device}}
	}
	return &Ticket{t: t, n: 2, names: [2]name{t.name("account", a.Account, ""), t.name("network", a.Network, "")},
		limits: [2]Limit{t.o.Account, t.o.Network}}
}

func (t *Throttle) name(kind, a, b string) name {
	key := t.key[:]
	if t.ring != nil {
		key = t.ring.Current().Value.Expose()
	}
	mac := hmac.New(sha256.New, key)
	// Lengths keep the parts apart, whatever is in them.
	fmt.Fprintf(mac, "sanmon/throttle/v1\x00%s\x00%d\x00%s\x00%s", kind, len(a), a, b)
	return name(mac.Sum(nil)[:len(name{})])
}

// Failed counts a failure. It says whose count is full with it, "account", "device" or
// "network", of both "account,network", and "" when the next attempt may begin at once.
func (k *Ticket) Failed(now time.Time) (full string) {
	now = k.t.clock(now)
	k.settle(now, func(c *counter, i int) {
		if i == 0 {
			full = ""
		}
		if !c.fail(now, k.limits[i]) {
			return
		}
		if full != "" {
			full += ","
		}
		full += k.kind(i)
	})
	return full
}

// kind names what counter i counts.
func (k *Ticket) kind(i int) string {
	switch {
	case k.n == 1:
		return "device"
	case i == 0:
		return "account"
	}
	return "network"
}

// Succeeded forgets the failures of the account or device, not those of the network:
// whoever has one account must not gain tries at others.
func (k *Ticket) Succeeded() {
	k.settle(time.UnixMicro(k.begun), func(c *counter, i int) {
		if i == 0 {
			c.forgive()
		}
	})
}

// Abandon takes the attempt back: it had no outcome (the store was busy).
func (k *Ticket) Abandon() { k.settle(time.UnixMicro(k.begun), func(*counter, int) {}) }

// settle notes the outcome. Where the store cannot, the attempt goes on to count as it did:
// as a failure.
func (k *Ticket) settle(now time.Time, f func(c *counter, i int)) {
	if k.outcome.Swap(true) {
		return
	}
	defer k.t.pay(time.Now())
	_ = k.t.change(k.ctx, k, now, func(held []*counter) error {
		for i, c := range held {
			c.settle(k.begun)
			f(c, i)
		}
		return nil
	})
}

func limited(i int, known bool, wait time.Duration) error {
	what := "the account from unknown devices"
	switch {
	case known:
		what = "a known device of the account"
	case i == 1:
		what = "the network"
	}
	return &refusal.Refusal{Code: refusal.RateLimited, RetryAfter: wait,
		Reason: fmt.Sprintf("too many failed logins counted for %s (wait %v, or sign in from a known device)", what, wait.Round(time.Second))}
}
