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

// Refusals gathers refused requests into few audit events: of each kind of refusal,
// route and network in a period the first at once, so that its request id can be looked
// up, and one for all others, with a count. A flood fills the trail no faster than that,
// and loses nothing but its details.
type Refusals struct {
	Journal Journal
	Logger  *slog.Logger

	mu    sync.Mutex
	kinds map[refusalKind]*refusalCount
	news  chan struct{} // says that there is a first of its kind; nil until Run
}

type refusalKind struct{ code, route, network string }

type refusalCount struct {
	n     int         // not yet written
	first audit.Event // of these
	known bool        // the first of the period is written, or was tried
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
		one = &refusalCount{}
		c.kinds[k] = one
		select {
		case c.news <- struct{}{}:
		default: // it was said already
		}
	}
	if one.n++; one.n == 1 {
		caller := &rec.Passage.Caller
		one.first = audit.Event{
			At: rec.Started, Event: name, Subject: caller.Subject, SID: caller.SID, KeyID: caller.KeyID,
			Route: k.route, Network: k.network, RequestID: rec.Request.ID,
		}
	}
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

// Run writes the first of each kind at once and what else was gathered every few
// seconds, until ctx ends, and once more then.
func (c *Refusals) Run(ctx context.Context) error {
	news := make(chan struct{}, 1)
	c.mu.Lock()
	c.news = news
	c.mu.Unlock()
	tick := time.NewTicker(refusalPeriod)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
			defer cancel()
			c.flush(last)
			return nil
		case <-news:
			c.write(ctx, c.firsts())
		case <-tick.C:
			c.flush(ctx)
		}
	}
}

// firsts takes the events of kinds that are new in this period; they stay known.
func (c *Refusals) firsts() map[refusalKind]*refusalCount {
	c.mu.Lock()
	defer c.mu.Unlock()
	fresh := map[refusalKind]*refusalCount{}
	for k, one := range c.kinds {
		if !one.known {
			fresh[k] = &refusalCount{n: one.n, first: one.first, known: true}
			one.n, one.known = 0, true
		}
	}
	return fresh
}

// flush writes everything, and begins a period.
func (c *Refusals) flush(ctx context.Context) {
	c.mu.Lock()
	kinds := c.kinds
	c.kinds = nil
	c.mu.Unlock()
	c.write(ctx, kinds)
}

// write writes the events; those that the store does not take are gathered again.
func (c *Refusals) write(ctx context.Context, kinds map[refusalKind]*refusalCount) {
	for k, one := range kinds {
		if one.n == 0 {
			delete(kinds, k)
			continue
		}
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
		c.kinds = map[refusalKind]*refusalCount{}
	}
	for k, one := range kinds {
		one.known = true // it waits for the end of the period now
		have := c.kinds[k]
		switch {
		case have != nil:
			have.n += one.n
			have.first = one.first // the earlier one
		case len(c.kinds) < 2*maxRefusals:
			c.kinds[k] = one
		}
	}
}
