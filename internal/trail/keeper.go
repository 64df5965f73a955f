package trail

import (
	"context"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/sanmon-gate/sanmon/audit"
	"github.com/sanmon-gate/sanmon/audit/tree"
)

// Journal keeps audit events; the store does.
type Journal interface {
	Record(ctx context.Context, ev audit.Event) error
}

// Defaults of a Keeper.
const (
	Every   = time.Minute // at most between an event and the checkpoint that covers it
	Records = 1000        // events of this process after which a checkpoint is made sooner
)

// The bounds of trying to anchor again.
const (
	firstPause = time.Second
	maxPause   = time.Minute
	maxWaiting = 16 // checkpoints that wait for their anchor; of more, the oldest go: newer ones cover them
)

// Keeper signs the trail of a running server and anchors what is signed. Requests never
// wait for it. Run and Close are called by one goroutine.
type Keeper struct {
	Signer   *Signer
	Sink     Sink         // nil: no anchor
	Journal  Journal      // for audit.failed
	Recorded func() int64 // events that this process has written so far
	Logger   *slog.Logger
	Every    time.Duration // 0: Every
	Records  int64         // 0: Records

	waiting  []tree.Line
	anchored int64 // size of the newest checkpoint that was put away, or waits to be
	pause    time.Duration
	next     time.Time // when to try to anchor again
	failing  bool      // audit.failed was written, and nothing has gone well since

	failures atomic.Int64
	dropped  atomic.Int64
	signed   atomic.Int64 // time of the last success, microseconds since 1970
}

// Failures counts checkpoints that could not be signed or anchored, tries included.
func (k *Keeper) Failures() int64 { return k.failures.Load() }

// Dropped counts checkpoints that newer ones replaced before they were anchored.
func (k *Keeper) Dropped() int64 { return k.dropped.Load() }

// Age is the time since the trail was last known to be signed; it is zero before Run.
func (k *Keeper) Age(now time.Time) time.Duration {
	at := k.signed.Load()
	if at == 0 {
		return 0
	}
	return now.Sub(time.UnixMicro(at))
}

// Run signs and anchors until ctx ends. The last checkpoint is Close's.
func (k *Keeper) Run(ctx context.Context) error {
	if k.Every <= 0 {
		k.Every = Every
	}
	if k.Records <= 0 {
		k.Records = Records
	}
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	due, counted := time.Time{}, k.Recorded()
	for {
		select {
		case <-ctx.Done():
			return nil
		case now := <-tick.C:
			if recorded := k.Recorded(); now.After(due) || recorded-counted >= k.Records {
				due, counted = now.Add(k.Every), recorded
				k.sign(ctx, now)
			}
			k.anchor(ctx, now)
		}
	}
}

// Close makes the last checkpoint, after the last event, and tries once to anchor what
// waits.
func (k *Keeper) Close(ctx context.Context) {
	now := time.Now()
	k.next = time.Time{}
	k.sign(ctx, now)
	k.anchor(ctx, now)
}

func (k *Keeper) sign(ctx context.Context, now time.Time) {
	signed, err := k.Signer.Sign(ctx, now)
	if err != nil {
		if ctx.Err() == nil {
			k.failed(ctx, "sign", err)
		}
		return
	}
	k.signed.Store(now.UnixMicro())
	if k.Sink == nil {
		k.failing = false
	}
	if signed.Note == "" || k.Sink == nil || signed.Size <= k.anchored {
		return
	}
	k.anchored = signed.Size
	if k.waiting = append(k.waiting, signed.Line()); len(k.waiting) > maxWaiting {
		k.dropped.Add(int64(len(k.waiting) - maxWaiting))
		k.waiting = k.waiting[len(k.waiting)-maxWaiting:]
	}
}

// anchor puts away what waits, oldest first, until one fails.
func (k *Keeper) anchor(ctx context.Context, now time.Time) {
	for len(k.waiting) > 0 && !now.Before(k.next) && ctx.Err() == nil {
		if err := k.Sink.Put(ctx, k.waiting[0]); err != nil {
			k.pause = min(max(2*k.pause, firstPause), maxPause)
			k.next = now.Add(k.pause)
			k.failed(ctx, "anchor", err)
			return
		}
		k.pause, k.failing = 0, false
		k.waiting = k.waiting[1:]
	}
}

// failed logs every failure and writes the first of a row into the trail.
func (k *Keeper) failed(ctx context.Context, what string, err error) {
	k.failures.Add(1)
	k.Logger.Error("the audit trail could not be made safe", "step", what, "error", err)
	if k.failing {
		return
	}
	if k.Journal.Record(ctx, audit.Event{At: time.Now(), Event: audit.AuditFailed, Actor: "system", Detail: "step=" + what}) == nil {
		k.failing = true
	}
}
