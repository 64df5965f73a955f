// Package throttle slows down whoever guesses passwords, without letting anybody lock
// others out: failures are counted per account from unknown devices, per known device
// and per network, each apart (OWASP, "Slow Down Online Guessing Attacks with Device
// Cookies"; NIST SP 800-63B-4, Section 3.2.2; ASVS 6.1.1).
package throttle

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"sync"
	"time"

	"github.com/sanmon-gate/sanmon/refusal"
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
}

// Attempt is one try to sign in.
type Attempt struct {
	Account string // canonical name that was typed, whether or not it exists
	Network string // network of the client, as one key: "203.0.113.0/24"
	Device  string // id of the known device, "" for an unknown one
}

// Throttle counts failures. It forgets them when the process ends. Names are kept as
// keyed hashes, so that a name that does not exist is counted like any other and a
// memory dump holds no list of names. It is safe for concurrent use.
type Throttle struct {
	o   Options
	key [32]byte

	mu       sync.Mutex
	counters map[name]*counter
}

type name [16]byte

// New returns an empty Throttle.
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
// together. Exactly one of its methods must be called, once.
type Ticket struct {
	t       *Throttle
	names   [2]name
	limits  [2]Limit
	n       int
	outcome bool
}

// Begin lets an attempt in, or refuses it with refusal.RateLimited.
func (t *Throttle) Begin(now time.Time, a Attempt) (*Ticket, error) {
	k := t.ticket(a)
	t.mu.Lock()
	defer t.mu.Unlock()
	for i := range k.n {
		if c := t.counters[k.names[i]]; c != nil {
			if wait := c.wait(now, k.limits[i]); wait > 0 {
				return nil, limited(i, a.Device != "", wait)
			}
		}
	}
	for i := range k.n {
		t.counter(k.names[i]).pending++
	}
	return k, nil
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
	mac := hmac.New(sha256.New, t.key[:])
	// Lengths keep the parts apart, whatever is in them.
	fmt.Fprintf(mac, "%s\x00%d\x00%s\x00%s", kind, len(a), a, b)
	return name(mac.Sum(nil)[:len(name{})])
}

// Failed counts a failure. It says whose count is full with it, "account", "device" or
// "network", of both "account,network", and "" when the next attempt may begin at once.
func (k *Ticket) Failed(now time.Time) (full string) {
	k.settle(func(c *counter, i int) {
		c.fail(now, k.limits[i])
		if len(c.failures) < k.limits[i].Failures {
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
	k.settle(func(c *counter, i int) {
		if i == 0 {
			c.failures, c.fills = nil, 0
		}
	})
}

// Abandon takes the attempt back: it had no outcome (the store was busy).
func (k *Ticket) Abandon() { k.settle(func(*counter, int) {}) }

func (k *Ticket) settle(f func(c *counter, i int)) {
	k.t.mu.Lock()
	defer k.t.mu.Unlock()
	if k.outcome {
		return
	}
	k.outcome = true
	for i := range k.n {
		c := k.t.counter(k.names[i])
		c.pending = max(0, c.pending-1)
		f(c, i)
		if c.pending == 0 && len(c.failures) == 0 && c.fills == 0 {
			delete(k.t.counters, k.names[i])
		}
	}
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
