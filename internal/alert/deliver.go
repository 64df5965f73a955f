package alert

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/sanmon-gate/sanmon/internal/webhook"
)

// Backoff says how long to wait after tries that failed: exponentially longer, with
// jitter, so that nodes do not come all at once.
type Backoff struct {
	First time.Duration // after the first; 0: 5 s
	Most  time.Duration // 0: 5 min
	// Jitter takes the longest wait and returns one; nil: between a half of it and all.
	Jitter func(time.Duration) time.Duration
}

// after is the wait after n failures.
func (b Backoff) after(n int) time.Duration {
	first, most := b.First, b.Most
	if first <= 0 {
		first = 5 * time.Second
	}
	if most <= 0 {
		most = 5 * time.Minute
	}
	wait := most
	if n < 20 {
		wait = min(first<<max(n-1, 0), most)
	}
	if b.Jitter != nil {
		return b.Jitter(wait)
	}
	return wait/2 + rand.N(wait/2+1)
}

// maxAfter bounds what a receiver may ask for with Retry-After.
const maxAfter = time.Hour

// deliver tries what is due until nothing is, a try fails, or others should have a turn.
func (d *Dispatcher) deliver(ctx context.Context, r Receiver, take func(context.Context) (Alert, bool, error), settle func(context.Context, Alert, Outcome) error) error {
	for range burst {
		if d.now().Before(d.resume) || ctx.Err() != nil {
			return nil
		}
		a, due, err := take(ctx)
		if err != nil || !due {
			return err
		}
		o := d.try(ctx, r, a)
		if err := settle(context.WithoutCancel(ctx), a, o); err != nil {
			return err
		}
		if !o.Delivered {
			return nil
		}
	}
	return nil
}

// try sends an alert once.
func (d *Dispatcher) try(ctx context.Context, r Receiver, a Alert) Outcome {
	node := ""
	if a.From == 0 { // no trail has it: it is about this node
		node = d.Node
	}
	err := r.Post(ctx, a.ID, a.Body(d.Gate, node))
	if err == nil {
		d.failures, d.resume = 0, time.Time{}
		d.delivered.Add(1)
		d.Logger.Info("an alert was sent", "id", a.ID, "type", string(a.Type), "count", a.Count, "to", r.Host())
		return Outcome{Delivered: true}
	}
	if ctx.Err() != nil { // this process ends; the next one goes on
		return Outcome{Wait: d.Backoff.after(1), Failure: "the server ended during the try"}
	}
	return d.missed(r, a, err)
}

// missed is the outcome of a try that failed. The receiver is left alone for a while, and
// the alert for longer the more often it failed: one that the receiver does not want does
// not keep others from it.
func (d *Dispatcher) missed(r Receiver, a Alert, err error) Outcome {
	d.failed.Add(1)
	d.failures++
	pause := d.Backoff.after(d.failures)
	if f, ok := errors.AsType[*webhook.Failure](err); ok {
		pause = max(pause, min(f.After, maxAfter))
	}
	now := d.now()
	d.resume = now.Add(pause)
	o := Outcome{Wait: d.Backoff.after(a.Attempts), Failure: err.Error()}
	if now.Sub(a.Due) < Life {
		d.Logger.Warn("an alert could not be sent; it is tried again", "id", a.ID, "type", string(a.Type), "to", r.Host(), "attempts", a.Attempts, "error", err)
		return o
	}
	o.Dead = true
	d.dead.Add(1)
	d.Logger.Error("an alert was given up after a day", "id", a.ID, "type", string(a.Type), "count", a.Count, "to", r.Host(), "attempts", a.Attempts,
		"first_event", a.From, "last_event", a.To, "error", err)
	return o
}
