// Package feed follows the change feed of the store: it tells memory what changed,
// in order, and knows how old its knowledge is.
package feed

import (
	"context"
	"errors"
	"log/slog"
	"math"
	"sync/atomic"
	"time"

	"github.com/sanmon-gate/sanmon/change"
)

// Defaults of a Follower. The poll alone holds the promise that a change of another
// process is in force within a quarter of a second; hints only make it faster.
const (
	DefaultPoll   = 200 * time.Millisecond
	DefaultMaxAge = 5 * time.Second
)

// batch is how many lines are read at once.
const batch = 500

// Change is one line of the feed.
type Change = change.Change

// Source is the feed of a store. Numbers start at 1 and have no gap but what was
// pruned from the front.
type Source interface {
	// Changes returns up to limit lines with a number above after, lowest first.
	Changes(ctx context.Context, after int64, limit int) ([]Change, error)
	// LastChange returns the number of the newest line ever written, pruned or not.
	LastChange(ctx context.Context) (int64, error)
}

// Follower reads the feed and tells memory. Its fields are set before Run and not
// changed afterwards.
type Follower struct {
	Source Source
	// After is the number of the last line that memory knows: what LastChange
	// returned before memory was loaded.
	After int64
	// Apply makes one change true in memory. It has to cope with failures of the
	// store by itself, by distrusting what it holds. Applying twice is harmless.
	Apply func(context.Context, Change)
	// Reset makes memory distrust all that it holds: lines were pruned before they
	// were read, or the database went back in time.
	Reset func(context.Context)
	// Notify, when set, waits until the feed may have grown. After an error it is
	// called again a Poll later.
	Notify func(context.Context) error

	Poll   time.Duration    // between two readings at most; 0: DefaultPoll
	MaxAge time.Duration    // before Stale; 0: DefaultMaxAge
	Now    func() time.Time // nil: time.Now
	Logger *slog.Logger     // nil: silent

	fresh   atomic.Pointer[time.Time] // when the last complete reading began; nil never
	seen    atomic.Int64              // last line applied
	failing bool                      // the last reading failed, and that was logged
}

// Run follows the feed until ctx ends, which is no error. It is called once.
func (f *Follower) Run(ctx context.Context) error {
	if f.Source == nil || f.Apply == nil || f.Reset == nil {
		return errors.New("follow the feed: Source, Apply and Reset are needed (set them)")
	}
	f.seen.Store(f.After)
	hints := make(chan struct{}, 1)
	done := make(chan struct{})
	go func() { defer close(done); f.listen(ctx, hints) }()
	defer func() { <-done }()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-hints:
		case <-timer.C:
		}
		if err := f.catchUp(ctx); ctx.Err() == nil {
			f.note(err)
		}
		timer.Reset(f.poll())
	}
}

// listen turns the waits of Notify into hints.
func (f *Follower) listen(ctx context.Context, hints chan<- struct{}) {
	for f.Notify != nil && ctx.Err() == nil {
		if err := f.Notify(ctx); err != nil {
			sleep(ctx, f.poll())
			continue
		}
		select {
		case hints <- struct{}{}:
		default: // one is waiting already
		}
	}
}

func sleep(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}

// Age is the time since the feed was last known to be read to its end. It is
// math.MaxInt64 before the first time.
func (f *Follower) Age() time.Duration {
	fresh := f.fresh.Load()
	if fresh == nil {
		return math.MaxInt64
	}
	return f.now().Sub(*fresh)
}

// Stale reports that memory may be behind by more than MaxAge: whoever decides from
// memory has to ask the store instead.
func (f *Follower) Stale() bool { return f.Age() > f.maxAge() }

// Seen is the number of the last line that was applied.
func (f *Follower) Seen() int64 { return f.seen.Load() }

func (f *Follower) poll() time.Duration {
	if f.Poll > 0 {
		return f.Poll
	}
	return DefaultPoll
}

func (f *Follower) maxAge() time.Duration {
	if f.MaxAge > 0 {
		return f.MaxAge
	}
	return DefaultMaxAge
}

func (f *Follower) now() time.Time {
	if f.Now != nil {
		return f.Now()
	}
	return time.Now()
}
