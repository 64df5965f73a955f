package sanmon

import (
	"context"
	"errors"
	"strings"

	"github.com/sanmon-gate/sanmon/exchange"
	"github.com/sanmon-gate/sanmon/identity/session"
	"github.com/sanmon-gate/sanmon/refusal"
	"github.com/sanmon-gate/sanmon/web/csrf"
	"github.com/sanmon-gate/sanmon/web/headers"
)

// identify is step 5: exactly one credential, verified. A bad one never falls
// through to a weaker one. On public routes nobody is identified: our credentials
// are taken away, not evaluated.
func (g *Gate) identify(ctx context.Context, r routed) (known, error) {
	p := r.Passage
	if p.Route.Boundary.Public() {
		g.viewer(ctx, p)
		g.shown(ctx, p)
		return known{p}, g.attempted(p)
	}
	if err := p.unseenApp(); err != nil {
		return known{}, err
	}
	cookie, err := g.presented(p)
	if err != nil {
		return known{}, err
	}
	p.lent.cookie = cookie
	bearer, err := g.bearer(p.Request.Fields)
	if err != nil {
		return known{}, err
	}
	if cookie != "" && bearer.value != "" {
		return known{}, refusal.New(refusal.CredentialAmbiguous, "route %q: the request carries both a session cookie and a key or token (send one)", p.Route.ID)
	}
	if bearer.value == "" && p.entrance() {
		if err := g.arrive(ctx, p, cookie); err != nil {
			return known{}, err
		}
		return known{p}, g.lend(ctx, p)
	}
	if cookie == "" && bearer.value == "" {
		return known{p}, nil
	}
	p.Cookie = cookie
	if err := g.verify(ctx, p, cookie, bearer, false); err != nil {
		return known{}, g.failed(ctx, p, err)
	}
	return known{p}, nil
}

// presented is the session cookie, with the proof of a bound session behind it; "" for none.
func (g *Gate) presented(p *Passage) (string, error) {
	fields := p.Request.Fields.Values("Cookie")
	cookie, err := headers.Cookie(fields, g.session())
	if err != nil || cookie == "" || g.BoundCookie == "" {
		return cookie, err
	}
	bound, err := headers.Cookie(fields, g.BoundCookie)
	return session.Presented(cookie, bound), err
}

// verify fills in the caller. again says that this request was let through before.
func (g *Gate) verify(ctx context.Context, p *Passage, cookie string, bearer credential, again bool) error {
	switch {
	case cookie != "":
		var err error
		p.Renew, err = g.Sessions.Judge(ctx, cookie, p.Client(), p.Request.Now, &p.Caller)
		if err != nil {
			return err
		}
		return g.lend(ctx, p)
	case !bearer.proof && g.Keys.Looks(bearer.value):
		return g.Keys.Judge(ctx, bearer.value, p.Addr, p.Request.Now, &p.Caller)
	}
	return g.access(ctx, p, bearer, again)
}

// Again judges the caller of a passage that was let through once more: whether its
// credential was revoked meanwhile, and whether its principal may still do that. It is
// for connections that stay open; p is not changed. The clock is still the request's: a
// session secret that was replaced while a backend took its time is no stolen one.
func (g *Gate) Again(ctx context.Context, p *Passage) error {
	if p.Caller.Anonymous() {
		return nil
	}
	if p.lent.entrance {
		return nil // for everybody
	}
	q := Passage{Request: p.Request, Target: p.Target, Addr: p.Addr, Route: p.Route, Unseen: p.Unseen}
	bearer, err := g.bearer(p.Request.Fields)
	if err == nil {
		err = g.verify(ctx, &q, p.Cookie, bearer, true)
	}
	if err != nil {
		return err
	}
	_, err = g.Table.Authorise(p.Route.Route, &q.Caller, p.Request.Now)
	return err
}

// bearer returns the key or token of the header, an empty one when there is none.
func (g *Gate) bearer(f exchange.Fields) (credential, error) {
	authorization, key := f.Values("Authorization"), f.Values("X-Api-Key")
	if len(authorization)+len(key) > 1 {
		return credential{}, refusal.New(refusal.CredentialAmbiguous, "the request carries %d credentials in Authorization and X-Api-Key (send one)", len(authorization)+len(key))
	}
	if len(key) == 1 {
		if !g.Keys.Looks(key[0]) {
			return credential{}, refusal.New(refusal.KeyInvalid, "X-Api-Key is not in the format of a key of this server")
		}
		return credential{value: key[0]}, nil
	}
	if len(authorization) == 0 {
		return credential{}, nil
	}
	scheme, value, _ := strings.Cut(authorization[0], " ")
	c := credential{strings.TrimLeft(value, " "), strings.EqualFold(scheme, "DPoP")}
	if !c.proof && !strings.EqualFold(scheme, "Bearer") || c.value == "" {
		return credential{}, refusal.New(refusal.TokenInvalid, "Authorization is not of the form \"Bearer CREDENTIAL\" or \"DPoP TOKEN\" (other schemes are not taken on closed routes)")
	}
	return c, nil
}

// failed counts a failed credential against its network. A network with too many
// failures is told to wait instead of what was wrong; good credentials from there
// still work, so that one bad client does not lock out an office. A session that has
// ended is no failure: its browser does not know yet.
func (g *Gate) failed(ctx context.Context, p *Passage, err error) error {
	if g.Failures == nil || !guess(err) {
		return err
	}
	taken := g.failure(ctx, p)
	if !taken.Allowed {
		p.Limits = taken
		return taken.Err()
	}
	return err
}

// Failed is failed for credentials that the portal takes itself: those of OAuth clients.
func (g *Gate) Failed(ctx context.Context, p *Passage, err error) error { return g.failed(ctx, p, err) }

// guess reports whether err refuses a credential that may have been guessed.
func guess(err error) bool {
	switch refusal.From(err).Code {
	case refusal.KeyInvalid, refusal.TokenInvalid:
		return !roamed(err)
	case refusal.LoginRequired:
		return errors.Is(err, session.ErrNotFound)
	}
	return false
}

// prove is step 6: a request that changes state and rests on a cookie carries a
// token that only a page of ours could have (M10). A WebSocket cannot carry one; it
// has proven our Origin instead.
func (g *Gate) prove(k known, body Body) (proven, error) {
	p := k.Passage
	if !p.Writes || len(p.Caller.Bindings) == 0 && !p.lent.entrance {
		return proven{p}, g.lenient(p, g.strip(p, body))
	}
	if p.Upgrade || p.Route.CSRFExempt {
		// Nothing else vouches for the page that sent this, so its origin has to.
		if err := g.lenient(p, p.Origin.Admit(true, true)); err != nil {
			return proven{}, err
		}
		return proven{p}, g.lenient(p, g.strip(p, body))
	}
	return proven{p}, g.lenient(p, g.token(p, body))
}

// token finds the token: in the header, else in the query of a GET or in the form. A
// form's field is taken out of the body even when the header had the token: the
// backend never sees it.
func (g *Gate) token(p *Passage, body Body) error {
	kind, token := p.Route.CSRF, exchange.First(p.Request.Fields, csrf.HeaderName)
	if safe(p.Request.Method) {
		inQuery, rest, found := csrf.FindQuery(p.Target.Query)
		if p.Query = rest; found && token == "" {
			kind, token = csrf.Once, inQuery
		} else if csrf.KindOf(token) == csrf.Once {
			kind = csrf.Once // a stronger one than the route asks for
		}
	} else {
		inBody, err := p.field(body)
		if err != nil {
			return err
		}
		if token == "" {
			token = inBody
		}
	}
	var err error
	p.Proof, err = g.Tokens.Verify(token, kind, p.Caller.Bindings, p.scope(kind), p.Request.Now)
	return err
}

// strip takes the field out of a form that no token is asked of: scripts give one to every
// form of a page, and to a backend it is a field that it does not know. Only browsers that
// hold a cookie of ours were given pages with tokens.
func (g *Gate) strip(p *Passage, body Body) error {
	if !p.Writes || p.Upgrade || safe(p.Request.Method) || !g.cookied(p.Request.Fields.Values("Cookie")) {
		return nil
	}
	_, err := p.field(body)
	return err
}

// cookied reports whether one of the cookies that tokens are bound to may be there.
func (g *Gate) cookied(lines []string) bool {
	for _, line := range lines {
		for _, name := range g.Cookies[:min(2, len(g.Cookies))] {
			if strings.Contains(line, name+"=") {
				return true
			}
		}
	}
	return false
}

// field finds the token in the beginning of a form's body.
func (p *Passage) field(body Body) (string, error) {
	contentType := exchange.First(p.Request.Fields, "Content-Type")
	if body == nil || p.Request.Length == 0 || !csrf.Carries(contentType) {
		return "", nil
	}
	prefix, complete, err := body.Prefix(csrf.Window)
	if err != nil {
		return "", err
	}
	p.Cut, err = csrf.Find(contentType, prefix, complete)
	return p.Cut.Token, err
}

// scope is what a page or once token for this request is bound to.
func (p *Passage) scope(kind csrf.Kind) string {
	if kind == csrf.Session {
		return ""
	}
	return csrf.Scope(p.Request.Method, p.Target.Decoded)
}

// redeem uses up a once token, after everything else has passed.
func (g *Gate) redeem(ctx context.Context, f fit) error {
	if f.Proof.Kind() != csrf.Once {
		return nil
	}
	return g.lenient(f.Passage, g.Tokens.Redeem(ctx, f.Proof))
}
