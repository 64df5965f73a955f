package sanmon

import (
	"context"
	"strings"
	"time"

	"github.com/sanmon-gate/sanmon/exchange"
	"github.com/sanmon-gate/sanmon/identity/adopt"
	"github.com/sanmon-gate/sanmon/identity/agent"
	"github.com/sanmon-gate/sanmon/identity/session"
	"github.com/sanmon-gate/sanmon/refusal"
	"github.com/sanmon-gate/sanmon/secret"
)

// Handover is what the browser is given of our cookies because of what a backend answered.
type Handover struct {
	Session secret.Value // the secret of the session that began; empty: none did
	Ended   bool         // the session is over: its cookie is taken back
	Pre     string       // value of the pre-session cookie that the page rests on; "" it has one

	Visiting bool   // the cookie of who has not signed in changes
	Visitor  string // its value, "" takes it back
}

// Any reports whether there is anything to give.
func (h *Handover) Any() bool {
	return !h.Session.Empty() || h.Ended || h.Pre != "" || h.Visiting
}

// Adopt takes the session cookies of a backend off the header of its answer, which is in the
// shape of http.Header, and follows what they say: somebody has signed in or out there, or
// holds other cookies now. p.Handover says what the browser is given for it. It is called
// before Release, with the time at which the answer is about to leave. An error means that
// the answer must not be sent: what it said could not be kept.
func (g *Gate) Adopt(ctx context.Context, p *Passage, status int, header map[string][]string, now time.Time) error {
	rules := p.Route.App
	if rules == nil {
		return nil
	}
	set := g.takeOff(p, header, now)
	if g.Apps == nil || p.Unseen {
		return nil
	}
	verdict, after := rules.Judge(adopt.Answer{
		Path: p.Target.Decoded, Effect: p.Writes && !p.Upgrade, Status: status, HTML: isHTML(header), Set: set,
		Location: exchange.First(exchange.Header(header), "Location"),
	}, p.lent.held, p.lent.signedIn, now)
	switch verdict {
	case adopt.Begin:
		return g.begin(ctx, p, after, now)
	case adopt.End:
		var err error
		p.Handover.Ended, err = g.Apps.Leave(ctx, p.lent.sid, rules.Upstream, g.meta(p), now)
		return err
	case adopt.Failed:
		if g.Failures != nil {
			g.failure(ctx, p)
		}
	case adopt.Keep:
		return nil
	}
	if p.lent.signedIn {
		return g.Apps.Follow(ctx, p.lent.sid, rules.Upstream, set, now)
	}
	return g.visited(p, after, now)
}

// takeOff removes the session cookies of the backend from its answer and returns them.
func (g *Gate) takeOff(p *Passage, header map[string][]string, now time.Time) (set []adopt.Cookie) {
	lines := header["Set-Cookie"]
	kept := lines[:0]
	for _, line := range lines {
		pair, _, _ := strings.Cut(line, ";")
		name, _, _ := strings.Cut(pair, "=")
		if !p.Route.App.Named(strings.Trim(name, " \t")) {
			kept = append(kept, line)
			continue
		}
		if c, ok := adopt.ParseSet(line, p.Target.Path, now); ok {
			set = append(set, c)
		}
	}
	if len(kept) == len(lines) {
		return nil
	}
	if header["Set-Cookie"] = kept; len(kept) == 0 {
		delete(header, "Set-Cookie")
	}
	return set
}

func isHTML(header map[string][]string) bool {
	essence, _, _ := strings.Cut(exchange.First(exchange.Header(header), "Content-Type"), ";")
	essence = strings.Trim(essence, " \t")
	return strings.EqualFold(essence, "text/html") || strings.EqualFold(essence, "application/xhtml+xml")
}

// begin gives the browser the session of who has signed in. Everything from before the login
// ends with it: the former session, and what a visitor held.
func (g *Gate) begin(ctx context.Context, p *Passage, h adopt.Held, now time.Time) error {
	next, err := g.Apps.Adopt(ctx, p.lent.cookie, h, g.meta(p), now)
	if err != nil {
		return err
	}
	p.Handover.Session, p.Handover.Pre, p.Renew = next, "", false
	p.Cookie = string(next.Expose())
	g.Rebind(ctx, p, now)
	return g.visited(p, adopt.Held{Upstream: h.Upstream}, now)
}

// visited gives the browser what it is to hold of backends where nobody has signed in.
func (g *Gate) visited(p *Passage, h adopt.Held, now time.Time) error {
	if g.Visitors == nil {
		return nil
	}
	jar := p.lent.visitor.With(h)
	if len(jar) == 0 && len(p.lent.visitor) == 0 {
		return nil
	}
	value, err := g.Visitors.Seal(jar, now)
	if err != nil {
		return &refusal.Refusal{Code: refusal.UpstreamUnreachable, Err: err, Reason: "upstream \"" + h.Upstream + "\" set more cookies before a login than a browser can hold"}
	}
	p.Handover.Visiting, p.Handover.Visitor = true, value
	return nil
}

// meta is what is written down about who signs in or out at a backend.
func (g *Gate) meta(p *Passage) session.Meta {
	c := p.Client()
	return session.Meta{From: c.Addr, Device: session.Device(c.Agent), Agent: agent.Of(c.Agent), RequestID: p.Request.ID}
}
