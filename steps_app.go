package sanmon

import (
	"context"
	"time"

	"github.com/sanmon-gate/sanmon/caller"
	"github.com/sanmon-gate/sanmon/identity/adopt"
	"github.com/sanmon-gate/sanmon/identity/session"
	"github.com/sanmon-gate/sanmon/refusal"
	"github.com/sanmon-gate/sanmon/secret"
	"github.com/sanmon-gate/sanmon/web/headers"
)

// Apps keeps what backends know their people by; identity/session's Keeper does.
type Apps interface {
	// Held returns what the session sid holds of a backend.
	Held(ctx context.Context, sid, upstream string, now time.Time) (adopt.Held, error)
	// Lend makes the caller of a login session that of a backend.
	Lend(c *caller.Caller, h adopt.Held)
	// Adopt begins a session for who has signed in at a backend, and returns its secret.
	// cookie is the session cookie of the request.
	Adopt(ctx context.Context, cookie string, h adopt.Held, m session.Meta, now time.Time) (secret.Value, error)
	// Follow notes what an answer changed of what a session holds.
	Follow(ctx context.Context, sid, upstream string, set []adopt.Cookie, now time.Time) error
	// Leave follows who has signed out at a backend; ended says that the session is over.
	Leave(ctx context.Context, sid, upstream string, m session.Meta, now time.Time) (ended bool, err error)
}

// lent is what the backend of a passage is sent in the place of its own session cookies.
type lent struct {
	held     adopt.Held
	signedIn bool      // held is that of a session, and not of somebody on the way to a login
	visitor  adopt.Jar // what the browser's own cookie holds
	entrance bool      // a login path on a route for who has signed in: open
	attempt  bool      // somebody tries to sign in there
	sid      string    // of the session that held is of
	cookie   string    // session cookie of the request, judged or not; a credential
}

// entrance reports whether a request is for the login of its backend, which is open to who
// has not signed in yet.
func (p *Passage) entrance() bool {
	r := p.Route
	return r.App != nil && r.Boundary.Takes(caller.App) && r.App.SignsIn(p.Target.Decoded)
}

// unseenApp refuses a route that takes a backend's login when another proxy forwards the
// request: the backend's cookie is not in it, and the answer does not come by here.
func (p *Passage) unseenApp() error {
	if !p.Unseen || !p.Route.Boundary.Takes(caller.App) {
		return nil
	}
	return refusal.New(refusal.RouteUnknown, "route %q takes the login of its backend, whose cookie forward-auth cannot hold back (put Sanmon in line for this route)", p.Route.ID)
}

// arrive identifies who comes to the login of a backend: anybody. A session that is over is
// no obstacle. Tokens of the form are bound to the session that is there, or to the browser's
// pre-session.
func (g *Gate) arrive(ctx context.Context, p *Passage, cookie string) error {
	p.lent.entrance, p.lent.attempt = true, p.Writes
	if err := g.attempted(p); err != nil {
		return err
	}
	var who caller.Caller
	if cookie != "" {
		renew, err := g.Sessions.Judge(ctx, cookie, p.Client(), p.Request.Now, &who)
		if no := refusal.From(err); no != nil && no.Code != refusal.LoginRequired && no.Code != refusal.SessionExpired && no.Code != refusal.StepUpRequired {
			return err
		}
		if err == nil {
			p.Cookie, p.Renew = cookie, renew
		}
	}
	bindings := append(who.Bindings[:len(who.Bindings):len(who.Bindings)], g.visitorBinding(p)...)
	if p.Route.Boundary.Takes(who.Kind) {
		p.Caller = who
	}
	p.Caller.Bindings = bindings
	return nil
}

// visitorBinding is what tokens of somebody without session are bound to. A browser that has
// no pre-session gets one with the login page.
func (g *Gate) visitorBinding(p *Passage) [][]byte {
	if g.PreBinding == nil || len(g.Cookies) < 2 {
		return nil
	}
	pre, err := headers.Cookie(p.Request.Fields.Values("Cookie"), g.Cookies[1])
	if err != nil {
		return nil
	}
	if b := g.PreBinding(pre); b != nil {
		return [][]byte{b}
	}
	if p.Writes || g.NewPre == nil || p.Upgrade || p.Host != g.Host {
		return nil
	}
	p.Handover.Pre = g.NewPre()
	return [][]byte{g.PreBinding(p.Handover.Pre)}
}

// attempted refuses to try a login from a network where too many have failed.
func (g *Gate) attempted(p *Passage) error {
	if g.Failures == nil || !p.lent.attempt {
		return nil
	}
	standing := g.Limits.Peek(p.Request.Now, g.failureDemand(p))
	if standing.Allowed {
		return nil
	}
	p.Limits = standing
	return standing.Err()
}

// lend finds out what the backend gets in the place of its session cookies. On its login
// paths that is never the session's: whoever signs in again begins anew.
func (g *Gate) lend(ctx context.Context, p *Passage) error {
	rules := p.Route.App
	if rules == nil || g.Apps == nil || p.Unseen {
		return nil
	}
	if p.Caller.SID != "" && !rules.SignsIn(p.Target.Decoded) && ambient(p.Caller.Kind) {
		held, err := g.Apps.Held(ctx, p.Caller.SID, rules.Upstream, p.Request.Now)
		if err != nil {
			return err
		}
		if !held.Empty(p.Request.Now) {
			p.lent.held, p.lent.signedIn, p.lent.sid = held, true, p.Caller.SID
			if p.Caller.Kind == caller.Session && !p.Route.Boundary.Takes(caller.Session) {
				g.Apps.Lend(&p.Caller, held)
			}
			return nil
		}
	}
	if p.Caller.Kind == caller.App && !p.lent.entrance {
		// The session came from another backend: this one knows nobody.
		return refusal.New(refusal.LoginRequired, "session %s is not signed in at upstream %q (sign in there)", p.Caller.SID, rules.Upstream)
	}
	g.visitor(p)
	return nil
}

func ambient(k caller.Kind) bool { return k == caller.Session || k == caller.App }

// visitor reads what a browser holds of backends where nobody has signed in.
func (g *Gate) visitor(p *Passage) {
	if g.Visitors == nil || p.Caller.Kind == caller.Key || p.Caller.Kind == caller.Token {
		return
	}
	value, err := headers.Cookie(p.Request.Fields.Values("Cookie"), g.VisitorCookie)
	if err != nil {
		return // one of them was planted, and nobody can tell which
	}
	p.lent.visitor = g.Visitors.Open(value, p.Request.Now)
	p.lent.held = p.lent.visitor.Of(p.Route.App.Upstream)
}

// shown is lend for a public route. The caller stays anonymous, but a page of the backend is
// shown as the person sees the others: only where nothing is changed, because nothing proves
// that a page of ours has sent the request.
func (g *Gate) shown(ctx context.Context, p *Passage) {
	rules := p.Route.App
	if rules == nil || g.Apps == nil || p.Unseen || p.Host != g.Host {
		return
	}
	cookie, err := g.presented(p)
	if err == nil && cookie != "" && !p.Writes && !rules.SignsIn(p.Target.Decoded) {
		var who caller.Caller
		if _, err := g.Sessions.Judge(ctx, cookie, p.Client(), p.Request.Now, &who); err == nil {
			held, err := g.Apps.Held(ctx, who.SID, rules.Upstream, p.Request.Now)
			if err == nil && !held.Empty(p.Request.Now) {
				p.lent.held, p.lent.signedIn, p.lent.sid = held, true, who.SID
				return
			}
		}
	}
	p.lent.attempt, p.lent.cookie = p.Writes && rules.SignsIn(p.Target.Decoded), cookie
	g.visitor(p)
}

// appCookies is the Cookie field for a backend whose login is adopted: what the client sent
// under the names of its session is left out, whatever it is (session fixation), and what we
// hold takes its place.
func (g *Gate) appCookies(p *Passage, line string) string {
	rules := p.Route.App
	line = headers.StripCookies(line, func(name string) bool { return headers.Reserved(name) || rules.Read(name) })
	return p.lent.held.Append(line, p.Target.Path, p.Request.Now)
}
