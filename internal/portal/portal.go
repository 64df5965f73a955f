package portal

import (
	"context"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"github.com/sanmon-gate/sanmon/caller"
	"github.com/sanmon-gate/sanmon/internal/portal/csrfjs"
	"github.com/sanmon-gate/sanmon/internal/portal/views"
	"github.com/sanmon-gate/sanmon/refusal"
	"github.com/sanmon-gate/sanmon/secret"
	"github.com/sanmon-gate/sanmon/web/csrf"
)

// Prefix is the part of the public listener that belongs to Sanmon.
const Prefix = "/.sanmon/"

// Attempt is one try to log in. The e-mail address is as it was typed, at most
// maxEmail bytes; the password is exactly as it was received.
type Attempt struct {
	Email        string
	Password     secret.Value
	Network      netip.Addr // client address
	UserAgent    string     // at most maxUserAgent bytes
	RequestID    string
	Lang         string // of the person: "en" or "ja"
	Now          time.Time
	Current      string // session secret that the browser sent, "" none; logging in is then a step-up
	DeviceCookie string // value of the device cookie, "" none

	Code    string // one-time or recovery code, "" none
	Binding []byte // of the browser's pre-session, empty none: there can be no second step then
	Ticket  string // of the step before, for a second step or a passkey
}

// Grant is a login that succeeded.
type Grant struct {
	Secret       secret.Value // value of the session cookie
	DeviceCookie string       // new value of the device cookie, "" to leave it
	SID          string       // public handle of the session
}

// whole refuses a login without a session: nothing of it is handed over, whoever granted it.
func (g Grant) whole() error {
	if g.Secret.Empty() {
		return refusal.New(refusal.Internal, "a login was granted without a session (a fault of who granted it)")
	}
	return nil
}

// Authenticator checks a password and begins or steps up a session. Its refusals are
// login_failed (whatever is wrong: address, password, account switched off), rate_limited
// with RetryAfter, and busy. It takes as long for an unknown address as for a known one.
type Authenticator interface {
	Login(ctx context.Context, a Attempt) (Grant, error)
}

// Sessions judges and ends sessions.
type Sessions interface {
	// Judge says whose session the cookie value is: login_required when it is none,
	// session_expired when it was one, busy when the store does not answer. The caller's
	// Bindings are not empty.
	Judge(ctx context.Context, cookie string, v Visit) (*caller.Caller, error)
	// Leaving says which live session a cookie is of, and what its tokens are bound to, for who
	// ends it: also from where Judge would not take it. Its refusals are those of Judge.
	Leaving(ctx context.Context, cookie string, v Visit) (sid string, bindings [][]byte, err error)
	// End ends one session at once, with its race and redelivery windows. Ending an ended
	// session is no error. The audit event is logout.
	End(ctx context.Context, sid, reason string, v Visit) error
}

// Routes knows which token a route takes.
type Routes interface {
	// CSRF returns kind and scope of the token for an effectful request; false when no
	// route takes it by cookie.
	CSRF(method, path string) (kind csrf.Kind, scope string, ok bool)
}

// Visit is what the gate knows of a request that is for the portal. Who makes one has
// judged target, host, network limits and origin (DESIGN, section 2, steps 1 to 3).
type Visit struct {
	RequestID  string
	Network    netip.Addr // client address, from trusted proxies only
	Agent      string     // User-Agent, as session.Client has it
	Now        time.Time
	Navigation bool // a browser shows the answer as a page
}

// Portal answers below Prefix. Its fields are set before the first use; it is safe for
// concurrent use.
type Portal struct {
	Auth     Authenticator
	Sessions Sessions
	Tokens   *csrf.Tokens
	Routes   Routes
	// Scopes are the live effective scopes of a caller, sorted.
	Scopes  func(c *caller.Caller) []string
	Cookies Cookies
	Pages   *Pages
	// Ways are the ways to sign in beside the password alone; the zero Ways: none.
	Ways Ways
	// Letters are the links that people get by mail; nil: there are none.
	Letters Letters
	// Providers are other providers that people sign in with; nil: there are none.
	Providers Providers
	// DBSC binds sessions to keys of browsers; zero: none is.
	DBSC DBSC
	// Account is the page of a person's own account; nil: there is none.
	Account *Account
	// OAuth is the authorization server of clients; zero: there is none.
	OAuth OAuth
	// Refused is told every refusal that the portal answers with, for log, audit and
	// counters; nil tells nobody. The cause stays with the operator.
	Refused func(r *http.Request, v Visit, why *refusal.Refusal)
}

type endpoint struct {
	methods []string
	serve   func(*Portal, http.ResponseWriter, *http.Request, Visit) error
}

// endpointAt maps the path below Prefix. Paths are compared as they arrived: an encoded
// spelling of one is another path.
func endpointAt(name string) (endpoint, bool) {
	switch name {
	case "login":
		return endpoint{[]string{"GET", "HEAD", "POST"}, (*Portal).login}, true
	case "logout":
		return endpoint{[]string{"POST"}, (*Portal).logout}, true
	case "session":
		return endpoint{[]string{"GET", "HEAD"}, (*Portal).session}, true
	case "problems":
		return endpoint{[]string{"GET", "HEAD"}, (*Portal).problems}, true
	case csrfjs.Name:
		return endpoint{[]string{"GET", "HEAD"}, (*Portal).script}, true
	}
	if e, ok := wayAt(name); ok {
		return e, true
	}
	if e, ok := providerAt(name); ok {
		return e, true
	}
	if e, ok := dbscAt(name); ok {
		return e, true
	}
	if e, ok := linkAt(name); ok {
		return e, true
	}
	if e, ok := accountAt(name); ok {
		return e, true
	}
	if e, ok := oauthAt(name); ok {
		return e, true
	}
	if strings.HasPrefix(name, views.AssetPrefix) {
		return endpoint{[]string{"GET", "HEAD"}, (*Portal).asset}, true
	}
	return endpoint{}, false
}

// Owns reports whether the portal has an endpoint at this path, as it arrived.
func (p *Portal) Owns(path string) bool {
	name, ok := strings.CutPrefix(path, Prefix)
	if !ok {
		return false
	}
	_, ok = endpointAt(name)
	return ok
}

// Serve answers one request below Prefix.
func (p *Portal) Serve(w http.ResponseWriter, r *http.Request, v Visit) {
	if err := p.serve(w, r, v); err != nil {
		p.refuse(w, r, v, err)
	}
}

func (p *Portal) serve(w http.ResponseWriter, r *http.Request, v Visit) error {
	path := r.URL.EscapedPath()
	name, _ := strings.CutPrefix(path, Prefix)
	e, ok := endpointAt(name)
	if !ok {
		return refusal.New(refusal.RouteUnknown, "%.200q is no endpoint of Sanmon", path)
	}
	for _, m := range e.methods {
		if m == r.Method {
			w.Header().Set("X-Request-Id", v.RequestID)
			return e.serve(p, w, r, v)
		}
	}
	no := refusal.New(refusal.MethodNotAllowed, "%s takes %s, not %.20q", path, strings.Join(e.methods, ", "), r.Method)
	no.Allow = e.methods
	return no
}

func (p *Portal) refuse(w http.ResponseWriter, r *http.Request, v Visit, err error) {
	why := refusal.From(err)
	p.tell(r, v, why)
	p.Pages.WriteRefusal(w, r, why, v.RequestID, v.Navigation)
}

func (p *Portal) tell(r *http.Request, v Visit, why *refusal.Refusal) {
	if p.Refused != nil {
		p.Refused(r, v, why)
	}
}
