// Package password keeps passwords: argon2id with bounded concurrency, and the rules
// for new ones.
package password

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"errors"
	"fmt"
	"runtime"
	"sync/atomic"
	"time"
	"unicode/utf8"

	"golang.org/x/crypto/argon2"
	"golang.org/x/text/unicode/norm"

	"github.com/sanmon-gate/sanmon/refusal"
	"github.com/sanmon-gate/sanmon/secret"
)

// MaxBytes is the longest password that is read.
const MaxBytes = 1024

// Options of a Hasher. The zero value is ready for use.
type Options struct {
	// Slots is how many hashes are computed at once, each on one core with 19 MiB;
	// half of the cores. A flood of logins must leave room for everything else.
	Slots int
	Queue int           // how many may wait for a slot; 32
	Wait  time.Duration // how long one may wait; 2 s
}

// Hasher hashes and verifies. It is safe for concurrent use.
type Hasher struct {
	slots   chan struct{}
	waiting atomic.Int32
	queue   int32
	wait    time.Duration
	dummy   phc
}

// New returns a Hasher.
func New(o Options) *Hasher {
	if o.Slots <= 0 {
		o.Slots = max(1, runtime.NumCPU()/2)
	}
	if o.Queue <= 0 {
		o.Queue = 32
	}
	if o.Wait <= 0 {
		o.Wait = 2 * time.Second
	}
	h := &Hasher{slots: make(chan struct{}, o.Slots), queue: int32(o.Queue), wait: o.Wait}
	h.dummy = phc{standard, make([]byte, saltSize), make([]byte, tagSize)}
	_, _ = rand.Read(h.dummy.salt) // never fails: crypto/rand ends the program instead
	_, _ = rand.Read(h.dummy.tag)
	return h
}

// Hash returns the PHC string of a password that Check let pass. It waits for a
// slot; refusal.Busy when there is none in time.
func (h *Hasher) Hash(ctx context.Context, password secret.Value) (secret.Value, error) {
	if n := len(password.Expose()); n == 0 || n > MaxBytes {
		return secret.Value{}, fmt.Errorf("hash a password: it has %d bytes (use 1 to %d)", n, MaxBytes)
	}
	p := phc{params: standard, salt: make([]byte, saltSize)}
	_, _ = rand.Read(p.salt)
	tag, err := h.compute(ctx, p, password, tagSize)
	if err != nil {
		return secret.Value{}, err
	}
	p.tag = tag
	return secret.NewString(p.String()), nil
}

// Result of a verification.
type Result struct {
	OK      bool
	Upgrade bool // right, but hashed at less than the present cost: hash it again
}

// Verify compares a password with a stored PHC string. An empty stored stands for
// nobody: the same work is done for the answer no, so that time does not tell who
// has an account (ASVS 6.3.8). A stored hash that does not parse is an error, after
// the same work. refusal.Busy when no slot is free in time.
func (h *Hasher) Verify(ctx context.Context, stored, password secret.Value) (Result, error) {
	want, broken := h.dummy, error(nil)
	if !stored.Empty() {
		p, err := parse(string(stored.Expose()))
		if want, broken = p, err; err != nil {
			want = h.dummy
		}
	}
	if n := len(password.Expose()); n == 0 || n > MaxBytes {
		password = secret.NewString("\x00") // no new password can be this one
	}
	got, err := h.compute(ctx, want, password, len(want.tag))
	if err != nil {
		return Result{}, err
	}
	ok := subtle.ConstantTimeCompare(got, want.tag) == 1 && !stored.Empty() && broken == nil
	return Result{OK: ok, Upgrade: ok && want.weaker()}, broken
}

// compute derives the tag of a password in a slot. Passwords are compared in NFC,
// because the same key gives different code points on different systems (NIST SP
// 800-63B-4, Section 3.1.1.2); nothing else is changed (ASVS 6.2.8).
func (h *Hasher) compute(ctx context.Context, p phc, password secret.Value, size int) ([]byte, error) {
	if err := h.enter(ctx); err != nil {
		return nil, err
	}
	defer func() { <-h.slots }()
	return argon2.IDKey(normal(password), p.salt, p.time, p.memory, p.threads, uint32(size)), nil
}

func normal(password secret.Value) []byte {
	b := password.Expose()
	if !utf8.Valid(b) {
		return b
	}
	return norm.NFC.Bytes(b)
}

// enter takes a slot, waiting in a queue of limited length for a limited time.
func (h *Hasher) enter(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return h.busy("the request was given up", err)
	}
	select {
	case h.slots <- struct{}{}:
		return nil
	default:
	}
	defer h.waiting.Add(-1)
	if h.waiting.Add(1) > h.queue {
		return h.busy("too many passwords are waiting to be verified", nil)
	}
	timer := time.NewTimer(h.wait)
	defer timer.Stop()
	select {
	case h.slots <- struct{}{}:
		return nil
	case <-timer.C:
		return h.busy("no password hasher became free in time", nil)
	case <-ctx.Done():
		return h.busy("the request was given up", ctx.Err())
	}
}

func (h *Hasher) busy(why string, cause error) error {
	return &refusal.Refusal{Code: refusal.Busy, RetryAfter: h.wait, Err: cause,
		Reason: why + " (is somebody trying passwords? otherwise give the gate more cores)"}
}

// ErrPolicy is wrapped by every error of Check.
var ErrPolicy = errors.New("password not accepted")
