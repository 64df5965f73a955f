package sanmon

import (
	"context"
	"io"
	"net/netip"
	"time"

	"github.com/sanmon-gate/sanmon/caller"
	"github.com/sanmon-gate/sanmon/identity/adopt"
	"github.com/sanmon-gate/sanmon/identity/session"
	"github.com/sanmon-gate/sanmon/keys/limit"
	"github.com/sanmon-gate/sanmon/keys/network"
	"github.com/sanmon-gate/sanmon/policy"
	"github.com/sanmon-gate/sanmon/refusal"
	"github.com/sanmon-gate/sanmon/web/content"
	"github.com/sanmon-gate/sanmon/web/csp"
	"github.com/sanmon-gate/sanmon/web/csrf"
	"github.com/sanmon-gate/sanmon/web/headers"
	"github.com/sanmon-gate/sanmon/web/nature"
	"github.com/sanmon-gate/sanmon/web/origin"
	"github.com/sanmon-gate/sanmon/web/target"
)

// Sessions verifies login sessions; identity/session's Keeper does.
type Sessions interface {
	// Judge fills into with the caller of a session cookie, or refuses. renew says
	// that the answer should carry another secret.
	Judge(ctx context.Context, cookie string, from session.Client, now time.Time, into *caller.Caller) (renew bool, err error)
}

// Keys verifies API keys; keys/apikey's Index does.
type Keys interface {
	// Judge fills into with the caller of a presented key, or refuses.
	Judge(ctx context.Context, presented string, from netip.Addr, now time.Time, into *caller.Caller) error
	// Looks reports whether s has the shape of an API key, valid or not.
	Looks(s string) bool
	// InURL reports whether a request-target carries an API key in any spelling.
	InURL(target string) bool
}

// Assertions signs who the caller is, for the backend; identity/assertion's Minter does.
type Assertions interface {
	// For returns a signed assertion of c for an upstream, from c's slot where that
	// is still true and young.
	For(upstream string, c *caller.Caller, generation uint64, scopes func() []string, now time.Time) (string, error)
}

// Route is one entry of the route table with what each layer needs of it.
type Route struct {
	*policy.Route // as the Table compiled it

	Upstream   string
	Paths      target.Options // spellings that the upstream opened
	CSRF       csrf.Kind
	CSRFExempt bool         // the reason is in the configuration
	CrossSite  bool         // effectful requests come from other sites here; public routes only
	Networks   network.List // who may come to this route
	Limits     []Limit      // of units
	Seats      []Limit      // of how many are under way at once
	MaxBody    int64        // bytes; negative: no bound
	Types      []string     // media types in lower case; empty: any
	Floor      *headers.Floor
	CSP        *csp.Output  // what documents carry beside the floor; nil: nothing
	Plain      bool         // also send Remote-User, Remote-Email, Remote-Groups
	App        *adopt.Rules // the login of its upstream that is adopted; nil: it has none
	Inspector  Inspector    // judges the content; nil: nobody does
	Watching   bool         // what the Inspector finds is only reported
	Input      *Input       // the OpenAPI document that requests are judged by; nil: none

	Fields        *nature.Fields // the natures of its fields; nil: not judged
	ObserveFields bool           // a value of another nature is only reported
}

// Gate is one compiled configuration. Its fields are set before the first request
// and not changed after; a reload makes a new Gate over the same layers.
type Gate struct {
	Scheme   string   // scheme of the public origin
	Host     string   // canonical host[:port] of the public origin
	Reserved []string // path prefixes that the portal answers, each ending in "/" or exact
	Cookies  []string // names of our own cookies; the first one is the session's

	// BoundCookie is the name of the short-lived cookie of sessions that are bound to a key of
	// the browser; "": none is.
	BoundCookie string

	// PreBinding returns what the tokens of somebody without session are bound to, from the
	// cookie after the session's; nil when it is none of ours. Nil: there are no such tokens.
	PreBinding func(cookie string) []byte

	// NewPre makes the value of such a cookie, for who comes to the login of a backend.
	NewPre func() string

	Clients  network.Clients // whose word about the client is believed
	Proxied  bool            // a trusted proxy in front speaks TLS for us
	Networks network.List    // who may come at all
	Origin   origin.Policy
	Table    *policy.Table
	Routes   []*Route // by the index that Table.Match returns

	Sessions   Sessions
	Keys       Keys
	Access     Access // access tokens; nil: none was ever issued
	Apps       Apps   // the logins of backends that are adopted; nil: there are none
	Assertions Assertions
	Tokens     *csrf.Tokens

	Limits   *limit.Table
	PerNet   *limit.Policy // every network, before authentication
	Failures *limit.Policy // failed credentials of a network
	// Everywhere are the limits of known callers over all routes.
	Everywhere []Limit
	Shared     limit.Shared // counts for all nodes, beside Limits; nil: this node alone

	Harden map[string]headers.CookieOptions // by upstream: what happens to its cookies

	// Visitors seals what backends know somebody by who has not signed in, into the cookie
	// VisitorCookie; nil: that is dropped.
	Visitors      *adopt.Box
	VisitorCookie string

	Random io.Reader // for nonces; nil: crypto/rand
	Pages  Pages     // counts pages under a strict policy; nil: nobody
	// Learn is told of the inline scripts of pages under a strict policy; nil: nobody is.
	Learn func(csp.Sighting)

	// Collector is the path that takes browsers' reports, "" none. A report comes from
	// wherever its page stands in the browser, and changes nothing for anybody.
	Collector string

	gunzip content.Gunzip // to see what small bodies are

	ObserveUntil time.Time // until then checks that can be observed only report
}

// observable are the refusals that observe_all may turn into reports: checks of the
// exchange, never of who the caller is or what he may do.
func observable(code refusal.Code) bool {
	switch code {
	case refusal.OriginForeign, refusal.CSRFMissing, refusal.CSRFInvalid, refusal.CSRFSpent,
		refusal.RateLimited, refusal.BodyTooLarge, refusal.TypeNotAllowed, refusal.InputInvalid:
		return true
	}
	return false
}

// lenient passes err on, or records it and returns nil while everything is observed.
func (g *Gate) lenient(p *Passage, err error) error {
	if err == nil || g.ObserveUntil.IsZero() || !p.Request.Now.Before(g.ObserveUntil) {
		return err
	}
	no := refusal.From(err)
	if !observable(no.Code) {
		return err
	}
	p.observe(no)
	return nil
}

// session is the name of the session cookie.
func (g *Gate) session() string { return g.Cookies[0] }

// safe reports whether a method promises to change nothing (RFC 9110, Section 9.2.1).
func safe(method string) bool {
	return method == "GET" || method == "HEAD" || method == "OPTIONS"
}
