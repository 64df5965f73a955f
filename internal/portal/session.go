package portal

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/sanmon-gate/sanmon/caller"
	"github.com/sanmon-gate/sanmon/identity/session"
	"github.com/sanmon-gate/sanmon/internal/portal/views"
	"github.com/sanmon-gate/sanmon/refusal"
	"github.com/sanmon-gate/sanmon/web/csrf"
)

// whoami is the answer of the session endpoint and of a JSON login.
type whoami struct {
	Authenticated bool     `json:"authenticated"`
	Subject       string   `json:"subject"`
	Email         string   `json:"email"`
	Roles         []string `json:"roles"`
	Scopes        []string `json:"scopes"`
	AuthTime      string   `json:"auth_time"`  // RFC 3339, UTC
	ExpiresAt     string   `json:"expires_at"` // RFC 3339, UTC
	CSRFToken     string   `json:"csrf_token"`
	Next          string   `json:"next,omitempty"`
}

// nobody is the answer where there is no session.
type nobody struct {
	Authenticated bool   `json:"authenticated"`
	CSRFToken     string `json:"csrf_token"`
}

// session says who is signed in, and hands out a token: the session's, or with the
// parameter route="METHOD PATH" that of a page or once route.
func (p *Portal) session(w http.ResponseWriter, r *http.Request, v Visit) error {
	kind, scope, err := p.wanted(r.URL.RawQuery)
	if err != nil {
		return err
	}
	c, err := p.holder(r, v)
	if err != nil {
		return err
	}
	if c == nil {
		binding, err := p.preSession(w, r)
		if err != nil {
			return err
		}
		return writeJSON(w, r, nobody{CSRFToken: p.Tokens.Issue(kind, binding, scope, v.Now)})
	}
	return writeJSON(w, r, p.describe(c, p.Tokens.Issue(kind, c.Bindings[0], scope, v.Now)))
}

// wanted reads which token is asked for.
func (p *Portal) wanted(rawQuery string) (csrf.Kind, string, error) {
	query, err := url.ParseQuery(rawQuery)
	if err != nil || len(query["route"]) > 1 {
		return 0, "", refusal.New(refusal.InputInvalid, "read the query of the session endpoint (give one route=METHOD%%20PATH)")
	}
	if !query.Has("route") {
		return csrf.Session, "", nil
	}
	method, path, ok := strings.Cut(query.Get("route"), " ")
	if !ok || !strings.HasPrefix(path, "/") {
		return 0, "", refusal.New(refusal.InputInvalid, "read route=… of the session endpoint (give it as METHOD%%20PATH)")
	}
	kind, scope, ok := p.Routes.CSRF(method, path)
	if !ok {
		return 0, "", refusal.New(refusal.RouteUnknown, "no route takes a token for %.80q", query.Get("route"))
	}
	return kind, scope, nil
}

// who is the person that the session cookie stands for; nil when there is no live session of
// ours. Whom a backend has signed in is nobody here: nobody knows who that is.
func (p *Portal) who(r *http.Request, v Visit) (*caller.Caller, error) {
	c, err := p.holder(r, v)
	if err != nil || c == nil || c.Kind != caller.Session {
		return nil, err
	}
	return c, nil
}

// holder is the caller of the session cookie; nil when there is no live session. A session
// that cannot be judged is an error, never nobody.
func (p *Portal) holder(r *http.Request, v Visit) (*caller.Caller, error) {
	cookie, err := p.presented(r)
	if err != nil || cookie == "" {
		return nil, err
	}
	c, err := p.Sessions.Judge(r.Context(), cookie, v)
	if err == nil {
		return usable(c)
	}
	switch refusal.From(err).Code {
	case refusal.LoginRequired, refusal.SessionExpired, refusal.StepUpRequired: // the last: signing in is what helps
		return nil, nil
	}
	return nil, err
}

// usable refuses a caller to whom no token can be bound.
func usable(c *caller.Caller) (*caller.Caller, error) {
	if c == nil || len(c.Bindings) == 0 || len(c.Bindings[0]) == 0 {
		return nil, refusal.New(refusal.Internal, "a session was judged without a CSRF binding (a fault of the session layer)")
	}
	return c, nil
}

func (p *Portal) describe(c *caller.Caller, token string) whoami {
	me := whoami{
		Authenticated: true, Subject: c.Subject, Email: c.Email, Roles: []string{}, Scopes: []string{},
		AuthTime: c.AuthTime.UTC().Format(time.RFC3339), ExpiresAt: c.ExpiresAt.UTC().Format(time.RFC3339),
		CSRFToken: token,
	}
	if c.AuthTime.Unix() <= session.Unsaid().Unix() { // known, but not from this network; or to a provider that does not say
		me.AuthTime = ""
	}
	if c.Principal != nil {
		me.Roles = append(me.Roles, c.Principal.Roles...)
	}
	me.Scopes = append(me.Scopes, p.Scopes(c)...)
	return me
}

func writeJSON(w http.ResponseWriter, r *http.Request, value any) error {
	body, err := json.Marshal(value)
	if err != nil {
		return err
	}
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "no-store")
	h.Set("Vary", "Cookie")
	views.Write(w, r, http.StatusOK, body)
	return nil
}
