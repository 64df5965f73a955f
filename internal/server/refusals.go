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
	slowPeriods   = 12 // after which what says nothing about access is written: a minute
	maxRefusals   = 1000
	maxSlow       = maxRefusals / 2 // kinds among them that say nothing about access
	maxNamed      = 16              // request ids that one event names
)

// Refusals gathers refused requests into few audit events: of each kind of refusal,
// route and network in a period the first at once, so that its request id can be looked
// up, and one for all others, with their count, the time of the last and some of their
// request ids. A flood fills the trail no faster than that, and loses nothing but its
// details.
type Refusals struct {
	Journal Journal
	Logger  *slog.Logger

	mu    sync.Mutex
	kinds map[refusalKind]*refusalCount
	slow  int           // how many of kinds are
	news  chan struct{} // says that there is a first of its kind; nil until Run
}

type refusalKind struct {
	code, route, network string
	limit                string // that was used up; "" for no limit of the gate's
}

// slow reports a kind that says nothing about access: an address that is not there, a
// backend that fails. There may be many, and nobody waits for them.
func (k refusalKind) slow() bool {
	switch refusal.Code(k.code) {
	case refusal.RouteUnknown, refusal.MethodNotAllowed, refusal.UpstreamTimeout, refusal.UpstreamUnreachable, refusal.Internal, refusal.Busy:
		return true
	}
	return false
}

type refusalCount struct {
	n     int         // not yet written
	first audit.Event // of these
	last  time.Time   // when the last of them came
	named []string    // request ids of those behind the first, at most maxNamed-1
	known bool        // the first of the period is written, or was tried
}

// detail is what the event says of them.
func (one *refusalCount) detail(k refusalKind) string {
	s := fmt.Sprintf("code=%s count=%d", k.code, one.n)
	if one.n > 1 {
		s += " last=" + one.last.UTC().Format(time.RFC3339)
	}
	if len(one.named) > 0 {
		s += " " + audit.AlsoWord(one.named)
	}
	if k.limit != "" {
		s += " limit=" + k.limit
	}
	return s
}

// add counts others, which came later, with these.
func (one *refusalCount) add(later *refusalCount) {
	if one.n == 0 {
		one.first, one.named = later.first, nil
	} else if later.first.RequestID != "" {
		one.named = append(one.named, later.first.RequestID)
	}
	one.n += later.n
	one.last = later.last
	one.named = append(one.named, later.named...)
	one.named = one.named[:min(len(one.named), maxNamed-1)]
}

// Add notes the refusal of a request. A failed login has an event of its own.
func (c *Refusals) Add(rec *Record) {
	no := rec.Refusal
	if c == nil || no.Code == refusal.LoginFailed {
		return
	}
	k := refusalKind{code: string(no.Code), route: rec.route()}
	if used := rec.Passage.Limits.Refused; used != nil && no.Code == refusal.RateLimited {
		k.limit = used.Name()
	}
	if rec.Passage.Addr.IsValid() {
		k.network = network.Key(rec.Passage.Addr)
	}
	caller := &rec.Passage.Caller
	c.mu.Lock()
	defer c.mu.Unlock()
	k, one := c.of(k)
	one.add(&refusalCount{n: 1, last: rec.Started, first: audit.Event{
		At: rec.Started, Event: eventOf(no.Code), Subject: caller.Subject, SID: caller.SID, KeyID: caller.KeyID,
		Route: k.route, Network: k.network, RequestID: rec.Request.ID,
	}})
}

// of returns the count of a kind; when there are too many kinds, that of all others of
// its code. c.mu is held.
func (c *Refusals) of(k refusalKind) (refusalKind, *refusalCount) {
	if c.kinds == nil {
		c.kinds, c.slow = map[refusalKind]*refusalCount{}, 0
	}
	if c.kinds[k] == nil && (len(c.kinds) >= maxRefusals || k.slow() && c.slow >= maxSlow) {
		k = refusalKind{code: k.code, route: "*", network: "*", limit: k.limit}
	}
	one := c.kinds[k]
	if one == nil {
		one = &refusalCount{}
		c.kinds[k] = one
		if k.slow() {
			c.slow++
		}
		select {
		case c.news <- struct{}{}:
		default: // it was said already
		}
	}
	return k, one
}

// eventOf says which event a refusal belongs to.
func eventOf(code refusal.Code) audit.Name {
	switch code {
	case refusal.CSRFMissing, refusal.CSRFInvalid, refusal.CSRFSpent, refusal.OriginForeign:
		return audit.CSRFRefused
	}
	return audit.AccessRefused
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
	for periods := 1; ; {
		select {
		case <-ctx.Done():
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
			defer cancel()
			c.flush(last, true)
			return nil
		case <-news:
			c.write(ctx, c.firsts())
		case <-tick.C:
			c.flush(ctx, periods%slowPeriods == 0)
			periods++
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
			whole := *one
			fresh[k] = &whole
			*one = refusalCount{known: true}
		}
	}
	return fresh
}

// flush writes what was gathered, and begins a period; that of slow kinds goes on unless
// all is true.
func (c *Refusals) flush(ctx context.Context, all bool) {
	c.mu.Lock()
	kinds := c.kinds
	c.kinds, c.slow = nil, 0
	if !all {
		rest := map[refusalKind]*refusalCount{}
		for k, one := range kinds {
			if k.slow() {
				rest[k] = one
				delete(kinds, k)
			}
		}
		c.kinds, c.slow = rest, len(rest)
	}
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
		ev.Detail = one.detail(k)
		if err := c.Journal.Record(ctx, ev); err != nil {
			c.Logger.Error("audit event could not be written; it is kept and tried again", "event", string(ev.Event), "error", err)
			c.again(kinds)
			return
		}
		delete(kinds, k)
	}
}

// again takes back what could not be written, before what came meanwhile.
func (c *Refusals) again(kinds map[refusalKind]*refusalCount) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for k, earlier := range kinds {
		if earlier.n == 0 {
			continue
		}
		_, one := c.of(k)
		if one.n > 0 {
			earlier.add(one)
		}
		*one = *earlier
		one.known = true // it waits for the end of the period now
	}
}
