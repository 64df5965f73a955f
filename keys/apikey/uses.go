package apikey

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"sync"
	"time"

	"github.com/sanmon-gate/sanmon/keys/network"
)

const (
	flushEvery = time.Second // each key waits for it once a minute at most
	retryEvery = time.Second
	flushBatch = 500
	// lastFlush is what Run may still take when it is told to end.
	lastFlush = 3 * time.Second
)

// uses are the last uses that wait to be written: each key once at most.
type uses struct {
	mu      sync.Mutex
	pending []*entry
}

// mark notes a use, once a minute for each key, and reports whether it did.
func (us *uses) mark(e *entry, u *use, from netip.Addr, now time.Time) bool {
	minute := now.Unix() / 60
	old := u.minute.Load()
	if minute <= old || !u.minute.CompareAndSwap(old, minute) {
		return false
	}
	where := network.Key(from)
	u.network.Store(&where)
	us.await(e, u)
	return true
}

func (us *uses) await(e *entry, u *use) {
	if !u.marked.CompareAndSwap(false, true) {
		return
	}
	us.mu.Lock()
	us.pending = append(us.pending, e)
	us.mu.Unlock()
}

// take empties the list.
func (us *uses) take() []*entry {
	us.mu.Lock()
	defer us.mu.Unlock()
	p := us.pending
	us.pending = nil
	return p
}

// Run writes last uses every few seconds and when it ends, and reads again what could
// not be read when it changed, until ctx ends.
func (x *Index) Run(ctx context.Context) error {
	retry, flush := time.NewTicker(retryEvery), time.NewTicker(flushEvery)
	defer retry.Stop()
	defer flush.Stop()
	for {
		select {
		case ev := <-x.alarms:
			x.sound(ctx, ev)
		case <-retry.C:
			x.settle(ctx)
		case <-flush.C:
			x.report(errors.Join(x.FlushUses(ctx), x.FlushRemacs(ctx)))
		case <-ctx.Done():
			ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastFlush)
			defer cancel()
			for len(x.alarms) > 0 {
				x.sound(ctx, <-x.alarms)
			}
			x.report(errors.Join(x.FlushUses(ctx), x.FlushRemacs(ctx)))
			return nil
		}
	}
}

func (x *Index) report(err error) {
	if err != nil && x.o.Failed != nil {
		x.o.Failed(err)
	}
}

// settle tries to end every doubt.
func (x *Index) settle(ctx context.Context) {
	ids, all := x.doubt.list()
	if all {
		x.report(x.Load(ctx))
		return
	}
	for id, seen := range ids {
		if err := x.reload(ctx, id, seen); err != nil {
			x.report(fmt.Errorf("read changed API key %s again: %w", id, err))
			return
		}
	}
}

// FlushUses writes the last uses that wait. What cannot be written waits on.
func (x *Index) FlushUses(ctx context.Context) error {
	pending := x.uses.take()
	for len(pending) > 0 {
		n := min(len(pending), flushBatch)
		if err := x.touch(ctx, pending[:n]); err != nil {
			for _, e := range pending {
				u := e.used()
				u.marked.Store(false)
				x.uses.await(e, u)
			}
			return fmt.Errorf("write last uses of %d API keys: %w", len(pending), err)
		}
		pending = pending[n:]
	}
	return nil
}

func (x *Index) touch(ctx context.Context, batch []*entry) error {
	out := make([]Use, len(batch))
	for i, e := range batch {
		u := e.used()
		u.marked.Store(false) // before reading: a later use is noted anew
		out[i] = Use{ID: e.id, At: time.Unix(u.minute.Load()*60, 0).UTC()}
		if where := u.network.Load(); where != nil {
			out[i].Network = *where
		}
	}
	return x.store.TouchKeys(ctx, out)
}
