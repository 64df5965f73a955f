package password

import (
	"context"
	"runtime"
	"time"

	"github.com/sanmon-gate/sanmon/secret"
)

const (
	// grain is what times are rounded up to, so that they do not differ by chance.
	grain = 50 * time.Millisecond
	// maxHold bounds how long a no is held back: a busy machine must not slow itself down.
	maxHold = 2 * time.Second
)

// Learn measures how long hashes of others take here, so that a no takes as long for
// everybody from the first login on. Give it some of those that the store has.
func (h *Hasher) Learn(ctx context.Context, hashes []secret.Value) {
	for _, hash := range hashes {
		want, err := parseStored(string(hash.Expose()))
		if err != nil || want.own != nil {
			continue
		}
		p, err := h.Reserve(true)
		if err != nil {
			continue
		}
		if _, err := p.matches(ctx, want, secret.NewString("\x00")); err == nil {
			h.learn(time.Since(p.began))
		}
		p.Leave()
	}
}

// learn keeps the longest time, rounded up.
func (h *Hasher) learn(took time.Duration) {
	took = min((took/grain+1)*grain, maxHold)
	for {
		known := h.slowest.Load()
		if int64(took) <= known || h.slowest.CompareAndSwap(known, int64(took)) {
			return
		}
	}
}

// Hold waits, outside any slot, until the no of a verification may be said: the last thing
// before that, because what is written down for one is not the same for all. Without a
// verification there is nothing to hold back. A timer alone would
// be late by up to a millisecond, by how much hangs on how long it runs, and thousands of
// answers would tell that: the last bit of the way is waited for awake.
func (p *Place) Hold(ctx context.Context) {
	if p.began.IsZero() {
		return
	}
	until := p.began.Add(time.Duration(p.h.slowest.Load()))
	if wait := time.Until(until) - awake; wait > 0 {
		timer := time.NewTimer(wait)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-ctx.Done():
			return
		}
	}
	for time.Until(until) > 0 && ctx.Err() == nil {
		runtime.Gosched()
	}
}

// awake is more than a timer of the runtime is late by on an idle machine.
const awake = 1500 * time.Microsecond
