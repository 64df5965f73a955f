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

	"github.com/sanmon-gate/sanmon/identity/room"
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
	// Share is what hashing may take of its slots' time in the long run; see room.Options.
	Share float64
	Queue int           // how many may wait for a slot, and how many more who are known; 32
	Wait  time.Duration // how long one may wait; 2 s
	// After, if set, is called behind each hash, whose memory is garbage by then. Nobody
	// waits for it.
	After func()
}

// Hasher hashes and verifies. It is safe for concurrent use.
type Hasher struct {
	room  *room.Room
	after func()
	wait  time.Duration
	dummy phc

	heavy   chan struct{} // one at a time: hashes of others that need far more memory
	slowest atomic.Int64  // how long no takes, in nanoseconds; see Learn
}

// New returns a Hasher.
func New(o Options) *Hasher {
	if o.Slots <= 0 {
		o.Slots = max(1, runtime.NumCPU()/2)
	}
	if o.Wait <= 0 {
		o.Wait = 2 * time.Second
	}
	h := &Hasher{room: room.New(room.Options{Slots: o.Slots, Share: o.Share, Queue: o.Queue, Wait: o.Wait}), after: o.After, wait: o.Wait, heavy: make(chan struct{}, 1)}
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
	place, err := h.Reserve(true) // new passwords are set by who is let in already
	if err != nil {
		return secret.Value{}, err
	}
	defer place.Leave()
	if p.tag, err = place.compute(ctx, p, password, tagSize); err != nil {
		return secret.Value{}, err
	}
	return secret.NewString(p.String()), nil
}

// Result of a verification.
type Result struct {
	OK      bool
	Upgrade bool // right, but hashed at less than the present cost: hash it again
}

// Verify compares a password with a stored hash: a PHC string of ours, or one of the forms
// of Importable. An empty stored stands for nobody: the same work is done for the answer
// no, so that time does not tell who has an account (ASVS 6.3.8). A stored hash that does
// not parse is an error, after the same work. refusal.Busy when no slot is free in time.
//
// Hashes of others take another time than ours. Where there are some, every no is held
// back until the slowest of them would have been answered.
func (h *Hasher) Verify(ctx context.Context, hash, password secret.Value) (Result, error) {
	p, err := h.Reserve(false)
	if err != nil {
		return Result{}, err
	}
	defer p.Leave()
	r, err := p.Verify(ctx, hash, password)
	if !r.OK {
		p.Hold(ctx)
	}
	return r, err
}

// Verify is Hasher.Verify for a place that was reserved, but for holding a no back: that
// is Hold, behind all that is done for a no. It is called once, and leaves.
func (p *Place) Verify(ctx context.Context, hash, password secret.Value) (Result, error) {
	defer p.Leave() // nobody else waits for what follows
	h := p.h
	want, broken := stored{own: &h.dummy}, error(nil)
	if !hash.Empty() {
		if want, broken = parseStored(string(hash.Expose())); broken != nil {
			want = stored{own: &h.dummy}
		}
	}
	if n := len(password.Expose()); n == 0 || n > MaxBytes {
		password = secret.NewString("\x00") // no new password can be this one
	}
	ok, err := p.matches(ctx, want, password)
	if err != nil {
		return Result{}, err
	}
	if want.own == nil {
		h.learn(time.Since(p.began))
	}
	if ok = ok && !hash.Empty() && broken == nil; ok {
		p.room.Right()
	}
	return Result{OK: ok, Upgrade: ok && (want.own == nil || want.own.weaker())}, broken
}

// matches compares in a slot, which is p's until it leaves. Hashes of others are of the bytes as they were typed there;
// ours are of NFC.
func (p *Place) matches(ctx context.Context, want stored, password secret.Value) (bool, error) {
	if want.own != nil {
		got, err := p.compute(ctx, *want.own, password, len(want.own.tag))
		return err == nil && subtle.ConstantTimeCompare(got, want.own.tag) == 1, err
	}
	if err := p.enter(ctx); err != nil {
		return false, err
	}
	if want.heavy {
		timer := time.NewTimer(p.h.wait)
		defer timer.Stop()
		select {
		case p.h.heavy <- struct{}{}:
			defer func() { <-p.h.heavy }()
		case <-timer.C:
			return false, p.h.busy("too many old password hashes that need much memory are being verified", nil)
		case <-ctx.Done():
			return false, p.h.busy("the request was given up", ctx.Err())
		}
	}
	if want.check(password.Expose()) {
		return true, nil
	}
	return false, p.likeOurs(ctx)
}

// likeOurs does the work of one of our hashes behind the no of another. It empties the
// processor's caches and leaves 19 MiB for the collector, and what follows every no was
// some 30 us slower behind it: as much for all of them, when all end with it.
func (p *Place) likeOurs(ctx context.Context) error {
	_, err := p.compute(ctx, p.h.dummy, secret.NewString("\x00"), tagSize)
	return err
}

// compute derives the tag of a password in a slot, which is p's until it leaves. Passwords are compared in NFC,
// because the same key gives different code points on different systems (NIST SP
// 800-63B-4, Section 3.1.1.2); nothing else is changed (ASVS 6.2.8).
func (p *Place) compute(ctx context.Context, of phc, password secret.Value, size int) ([]byte, error) {
	if err := p.enter(ctx); err != nil {
		return nil, err
	}
	return argon2.IDKey(normal(password), of.salt, of.time, of.memory, of.threads, uint32(size)), nil
}

func normal(password secret.Value) []byte {
	b := password.Expose()
	if !utf8.Valid(b) {
		return b
	}
	return norm.NFC.Bytes(b)
}

func (h *Hasher) busy(why string, cause error) error {
	return &refusal.Refusal{Code: refusal.Busy, RetryAfter: h.wait, Err: cause,
		Reason: why + " (is somebody trying passwords? otherwise give the gate more cores)"}
}

// ErrPolicy is wrapped by every error of Check.
var ErrPolicy = errors.New("password not accepted")
