package alert

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sanmon-gate/sanmon/audit"
	"github.com/sanmon-gate/sanmon/internal/periodic"
	"github.com/sanmon-gate/sanmon/internal/webhook"
)

// Defaults of a Dispatcher.
const (
	Quiet = time.Minute    // between two alerts of one type
	Life  = 24 * time.Hour // of an alert that cannot be delivered
	hold  = 5 * time.Second
	lease = time.Minute // longer than a try takes
	tick  = time.Second
	page  = 1000 // events that are read at once
	pages = 20   // at most between two looks at what is due
	burst = 8    // tries between two looks at the trail
)

// Receiver takes messages; webhook.Client does.
type Receiver interface {
	// Post returns nil when the receiver has the message. It returns within seconds.
	Post(ctx context.Context, id string, body []byte) error
	// Host names the receiver in logs.
	Host() string
}

// Condition is something that is not well for as long as On says so. On is called every
// second and must not block.
type Condition struct {
	Type   Type
	On     func() bool
	Detail string
}

// Dispatcher sends alerts of a running server. The fields are set before Run. Raise,
// Configure and the counts are safe for concurrent use.
type Dispatcher struct {
	Store      Store
	Gate       string // public URL
	Node       string // name of this machine
	Conditions []Condition
	Logger     *slog.Logger
	Quiet      time.Duration    // between two alerts of one type; 0: Quiet
	Backoff    Backoff          // the zero value has the defaults
	Now        func() time.Time // nil: time.Now
	Every      time.Duration    // between two looks; 0: a second

	receiver atomic.Pointer[Receiver]
	local    local
	since    map[Type]time.Time // conditions that hold, and since when
	told     map[Type]bool      // of them those that were told
	to       *Receiver          // that the last look was for
	failures int                // tries in a row that failed
	resume   time.Time          // nobody is tried before
	broken   bool               // the store failed, and that was logged

	waiting                         atomic.Int64
	delivered, failed, dead, tooOld atomic.Int64
	sending                         sync.Mutex // one try at a time
}

// Configure puts a receiver in force; nil switches alerts off.
func (d *Dispatcher) Configure(r Receiver) {
	if r == nil {
		d.receiver.Store(nil)
		d.local.clear()
		return
	}
	d.receiver.Store(&r)
}

// Raise tells of something that the audit trail does not hold. It never blocks.
func (d *Dispatcher) Raise(t Type, detail string) {
	if d.receiver.Load() == nil {
		return
	}
	d.local.raise(t, audit.Event{At: d.now().UTC(), Event: audit.Name(t), Actor: "system", Detail: detail}, d.quiet())
}

// Counts are what became of alerts since the start.
type Counts struct {
	Delivered int64
	Failed    int64 // tries
	Dead      int64 // alerts that were given up after a day, or had no room in memory
	TooOld    int64 // events that were older than a day when they were found
	Waiting   int64 // now, those of all nodes that are in the store included
}

// Counts returns them.
func (d *Dispatcher) Counts() Counts {
	n, dropped := d.local.waiting()
	return Counts{d.delivered.Load(), d.failed.Load(), d.dead.Load() + dropped, d.tooOld.Load(), d.waiting.Load() + int64(n)}
}

// Run sends until ctx ends, which is no error.
func (d *Dispatcher) Run(ctx context.Context) error {
	every := d.Every
	if every <= 0 {
		every = tick
	}
	periodic.Do(ctx, every, func() { d.Step(ctx) })
	return nil
}

// Step looks once at conditions and trail, and sends what is due.
func (d *Dispatcher) Step(ctx context.Context) {
	r := d.receiver.Load()
	if r == nil {
		return
	}
	d.sending.Lock()
	defer d.sending.Unlock()
	if d.to != r { // another one owes no patience
		d.to, d.failures, d.resume = r, 0, time.Time{}
	}
	d.watch()
	err := d.deliver(ctx, *r, d.takeLocal, d.settleLocal)
	if err == nil {
		err = d.sort(ctx)
	}
	if err == nil {
		err = d.deliver(ctx, *r, d.takeStored, d.Store.SettleAlert)
	}
	if n, countErr := d.Store.AlertsWaiting(ctx); countErr == nil {
		d.waiting.Store(n)
	}
	d.note(ctx, err)
}

// note logs the first of a row of failures of the store. Nothing is lost: the trail is
// there when the store is.
func (d *Dispatcher) note(ctx context.Context, err error) {
	if err != nil && !d.broken && ctx.Err() == nil {
		d.Logger.Error("alerts wait: the store cannot say what happened", "error", err)
	}
	d.broken = err != nil
}

// watch raises each condition once, when it has held for a while.
func (d *Dispatcher) watch() {
	if d.since == nil {
		d.since, d.told = map[Type]time.Time{}, map[Type]bool{}
	}
	now := d.now()
	for _, c := range d.Conditions {
		switch since, held := d.since[c.Type], c.On(); {
		case !held:
			delete(d.since, c.Type)
			delete(d.told, c.Type)
		case since.IsZero():
			d.since[c.Type] = now
		case !d.told[c.Type] && now.Sub(since) >= hold:
			d.told[c.Type] = true
			d.Raise(c.Type, c.Detail)
		}
	}
}

// sort looks through new events.
func (d *Dispatcher) sort(ctx context.Context) error {
	for range pages {
		sorted, last, err := d.Store.AlertDesk(ctx)
		if err != nil || sorted == last {
			return err
		}
		if sorted > last { // somebody put an older trail in place
			return d.Store.AddAlerts(ctx, sorted, last, nil, 0)
		}
		events, err := d.Store.Events(ctx, sorted, page)
		if err != nil || len(events) == 0 {
			return err
		}
		found, old := Sort(events, d.now().Add(-Life))
		err = d.Store.AddAlerts(ctx, sorted, events[len(events)-1].Seq, found, d.quiet())
		if errors.Is(err, ErrSorted) {
			return nil
		}
		if err != nil {
			return err
		}
		d.tooOld.Add(old)
	}
	return nil
}

func (d *Dispatcher) takeLocal(context.Context) (Alert, bool, error) {
	a, ok := d.local.take(d.now())
	return a, ok, nil
}

func (d *Dispatcher) settleLocal(_ context.Context, a Alert, o Outcome) error {
	d.local.settle(a, o, d.now())
	return nil
}

func (d *Dispatcher) takeStored(ctx context.Context) (Alert, bool, error) {
	return d.Store.TakeAlert(ctx, lease)
}

func (d *Dispatcher) now() time.Time {
	if d.Now != nil {
		return d.Now()
	}
	return time.Now()
}

func (d *Dispatcher) quiet() time.Duration {
	if d.Quiet > 0 {
		return d.Quiet
	}
	return Quiet
}

var _ Receiver = (*webhook.Client)(nil)
