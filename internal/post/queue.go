package post

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync/atomic"
	"time"
)

// Task finds out what to send: nothing is a nil Letter. It runs in the background, so that
// whether there is anything to send takes no time that a client could measure.
type Task func(ctx context.Context) (*Letter, error)

// Queue sends letters in the background, one after another, and tries again what the
// server did not take. What waits is in memory: a restart loses it, and people ask again.
type Queue struct {
	// Deliver hands a letter over; an error that wraps ErrPermanent is final.
	Deliver func(ctx context.Context, l Letter) error
	Logger  *slog.Logger
	// Waits are the pauses before each further try; nil: 10 s, 1 min, 5 min, 15 min.
	Waits []time.Duration

	tasks                   chan Task
	sent, failed, discarded atomic.Int64
}

// MaxWaiting is how many tasks, and how many letters that are tried again, may wait.
const MaxWaiting = 256

// NewQueue returns a queue that works while Run does.
func NewQueue(deliver func(context.Context, Letter) error, logger *slog.Logger) *Queue {
	return &Queue{Deliver: deliver, Logger: logger, tasks: make(chan Task, MaxWaiting)}
}

// Post adds a task; false when too many wait. It does not wait itself.
func (q *Queue) Post(t Task) bool {
	select {
	case q.tasks <- t:
		return true
	default:
		q.discarded.Add(1)
		return false
	}
}

// Counts says how many letters were sent, have failed for good, and were discarded.
func (q *Queue) Counts() (sent, failed, discarded int64) {
	return q.sent.Load(), q.failed.Load(), q.discarded.Load()
}

// waiting is a letter that is tried again.
type waiting struct {
	letter Letter
	tries  int
	due    time.Time
}

// Run works until ctx ends.
func (q *Queue) Run(ctx context.Context) error {
	waits := q.Waits
	if waits == nil {
		waits = []time.Duration{10 * time.Second, time.Minute, 5 * time.Minute, 15 * time.Minute}
	}
	var again []waiting // by due
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		if len(again) > 0 {
			timer.Reset(time.Until(again[0].due))
		} else {
			timer.Reset(time.Hour)
		}
		var now waiting
		select {
		case <-ctx.Done():
			return nil
		case t := <-q.tasks:
			l, err := t(ctx)
			if err != nil {
				q.failed.Add(1)
				q.Logger.Error("a letter could not be written", "error", err)
			}
			if l == nil {
				continue
			}
			now = waiting{letter: *l}
		case <-timer.C:
			if len(again) == 0 {
				continue
			}
			now, again = again[0], again[1:]
		}
		again = q.try(ctx, now, again, waits)
	}
}

// try delivers a letter, or notes when it is tried again.
func (q *Queue) try(ctx context.Context, w waiting, again []waiting, waits []time.Duration) []waiting {
	err := q.Deliver(ctx, w.letter)
	switch {
	case err == nil:
		q.sent.Add(1)
		return again
	case ctx.Err() != nil:
		return again
	case errors.Is(err, ErrPermanent) || w.tries >= len(waits):
		q.failed.Add(1)
		q.Logger.Error("a letter was not delivered", "tries", w.tries+1, "error", err)
		return again
	case len(again) >= MaxWaiting:
		q.discarded.Add(1)
		q.Logger.Error("too many letters wait for the mail server; one was discarded", "error", err)
		return again
	}
	q.Logger.Warn("a letter was not taken; tried again", "in", waits[w.tries].String(), "error", err)
	w.due, w.tries = time.Now().Add(waits[w.tries]), w.tries+1
	at, _ := slices.BinarySearchFunc(again, w, func(a, b waiting) int { return a.due.Compare(b.due) })
	return slices.Insert(again, at, w)
}
