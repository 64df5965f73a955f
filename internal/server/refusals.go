package server

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/sanmon-gate/sanmon/audit"
	"github.com/sanmon-gate/sanmon/keys/network"
	"github.com/sanmon-gate/sanmon/refusal"
)

// Journal keeps audit events; the store does.
type Journal interface {
	Record(ctx context.Context, ev audit.Event) error
}

const (
	refusalPeriod = 5 * time.Second
	maxRefusals   = 1000
)

// Refusals gathers refused requests into few audit events: one for each kind of
// refusal, route and network in a period, with a count. A flood fills the trail no
// faster than that, and loses nothing but its details.
type Refusals struct {
	Journal Journal
	Logger  *slog.Logger

	mu    sync.Mutex
	kinds map[refusalKind]*refusalCount
}

type refusalKind struct{ code, route, network string }

type refusalCount struct {
	n     int
	first audit.Event
}

// Add notes the refusal of a request. Refusals that say nothing about access
// (an unknown address, a failing backend) are in metrics and log only.
func (c *Refusals) Add(rec *Record) {
	no := rec.Refusal
	name, ok := eventOf(no.Code)
	if !ok || c == nil {
		return
	}
	k := refusalKind{string(no.Code), rec.route(), ""}
	if rec.Passage.Addr.IsValid() {
		k.network = network.Key(rec.Passage.Addr)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.kinds == nil {
		c.kinds = map[refusalKind]*refusalCount{}
	}
	if c.kinds[k] == nil && len(c.kinds) >= maxRefusals {
		k = refusalKind{code: string(no.Code), route: "*", network: "*"}
	}
	one := c.kinds[k]
	if one == nil {
		caller := &rec.Passage.Caller
		one = &refusalCount{first: audit.Event{
			At: rec.Started, Event: name, Subject: caller.Subject, SID: caller.SID, KeyID: caller.KeyID,
			Route: k.route, Network: k.network, RequestID: rec.Request.ID,
		}}
		c.kinds[k] = one
	}
	one.n++
}

// eventOf says which event a refusal belongs to.
func eventOf(code refusal.Code) (audit.Name, bool) {
	switch code {
	case refusal.CSRFMissing, refusal.CSRFInvalid, refusal.CSRFSpent, refusal.OriginForeign:
		return audit.CSRFRefused, true
	case refusal.RouteUnknown, refusal.MethodNotAllowed, refusal.UpstreamTimeout, refusal.UpstreamUnreachable, refusal.LoginFailed,
		refusal.Internal, refusal.Busy:
		return "", false
	}
	return audit.AccessRefused, true
}

// Run writes what was gathered every few seconds until ctx ends, and once more then.
func (c *Refusals) Run(ctx context.Context) error {
	tick := time.NewTicker(refusalPeriod)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
			defer cancel()
			c.flush(last)
			return nil
		case <-tick.C:
			c.flush(ctx)
		}
	}
}

// flush writes the events; those that the store does not take are gathered again.
func (c *Refusals) flush(ctx context.Context) {
	c.mu.Lock()
	kinds := c.kinds
	c.kinds = nil
	c.mu.Unlock()
	for k, one := range kinds {
		ev := one.first
		ev.Detail = fmt.Sprintf("code=%s count=%d", k.code, one.n)
		if err := c.Journal.Record(ctx, ev); err != nil {
			c.Logger.Error("audit event could not be written; it is kept and tried again", "event", string(ev.Event), "error", err)
			c.again(kinds)
			return
		}
		delete(kinds, k)
	}
}

func (c *Refusals) again(kinds map[refusalKind]*refusalCount) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.kinds == nil {
		c.kinds = kinds
		return
	}
	for k, one := range kinds {
		if have := c.kinds[k]; have != nil {
			have.n += one.n
			continue
		}
		if len(c.kinds) < 2*maxRefusals {
			c.kinds[k] = one
		}
	}
}
