package proxy

import (
	"context"
	"math"
	"sync"
	"sync/atomic"
	"time"
)

// watch cancels an exchange that makes no progress. Progress costs one atomic
// store; the timer looks only when a limit may have passed. Watches are pooled:
// one returns to the pool only if its timer function can no longer run.
type watch struct {
	start time.Time
	timer *time.Timer

	mu     sync.Mutex // guards running, cancel and limit against the timer
	on     bool
	cancel context.CancelCauseFunc
	limit  time.Duration

	last   atomic.Int64 // nanoseconds since start of the last progress
	client atomic.Bool  // the exchange waits for the client, which is not the backend's fault
	fired  atomic.Bool
}

func newWatch(start time.Time) *watch {
	w := &watch{start: start}
	w.timer = time.AfterFunc(math.MaxInt64, w.look)
	return w
}

// begin starts watching; cancel is called at most once.
func (w *watch) begin(limit time.Duration, cancel context.CancelCauseFunc) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.on, w.cancel, w.limit = true, cancel, limit
	w.fired.Store(false)
	w.client.Store(false)
	w.progress()
	w.timer.Reset(limit)
}

// relimit sets another limit from now on.
func (w *watch) relimit(limit time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.progress()
	w.limit = limit
	if w.on && !w.fired.Load() {
		w.timer.Reset(limit)
	}
}

// end stops watching. It reports whether the watch may be used again.
func (w *watch) end() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.on, w.cancel = false, nil
	return w.timer.Stop()
}

func (w *watch) progress() { w.last.Store(int64(time.Since(w.start))) }

// waitForClient may be called on none.
func (w *watch) waitForClient(waiting bool) {
	if w == nil {
		return
	}
	w.progress()
	w.client.Store(waiting)
}

// look runs when the timer fires.
func (w *watch) look() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.on {
		return
	}
	idle := time.Since(w.start) - time.Duration(w.last.Load())
	switch {
	case w.client.Load():
		w.timer.Reset(w.limit)
	case idle < w.limit:
		w.timer.Reset(w.limit - idle)
	default:
		w.fired.Store(true)
		w.cancel(context.DeadlineExceeded)
	}
}
