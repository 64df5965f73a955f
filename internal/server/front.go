package server

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"

	"github.com/sanmon-gate/sanmon"
	"github.com/sanmon-gate/sanmon/caller"
	"github.com/sanmon-gate/sanmon/identity/dpop"
	"github.com/sanmon-gate/sanmon/internal/portal"
	"github.com/sanmon-gate/sanmon/refusal"
	"github.com/sanmon-gate/sanmon/web/csrf"
	"github.com/sanmon-gate/sanmon/web/headers"
	"github.com/sanmon-gate/sanmon/web/origin"
)

// Front is what people and programs see of the gate itself: its own addresses, and
// the answer to a refused request.
type Front struct {
	Portal    *portal.Portal
	PublicURL string
	HSTS      headers.HSTS  // Strict-Transport-Security of our own answers
	JWKS      func() []byte // public keys of Sanmon-Assertion
	// RevokeKey takes a key that somebody found.
	RevokeKey func(w http.ResponseWriter, r *http.Request, p *sanmon.Passage) error
	// GitHub takes the messages of GitHub's secret scanning; nil: they are not taken.
	GitHub  func(w http.ResponseWriter, r *http.Request, p *sanmon.Passage) error
	Reports *Collector // of browsers
}

// Serve implements Portal.
func (f *Front) Serve(w http.ResponseWriter, r *http.Request, p *sanmon.Passage) *refusal.Refusal {
	f.common(w.Header(), p)
	switch p.Target.Decoded {
	case portal.Prefix + "jwks.json":
		return f.try(w, r, p, f.serveJWKS)
	case portal.Prefix + "revoke-key":
		return f.try(w, r, p, f.revokeKey)
	case portal.Prefix + "secret-scanning/github":
		return f.try(w, r, p, f.scanned)
	case ForwardAuthPath:
		return f.try(w, r, p, f.stranger)
	case portal.Prefix + "report":
		return f.try(w, r, p, f.Reports.Serve)
	}
	no := new(*refusal.Refusal)
	f.Portal.Serve(w, r.WithContext(context.WithValue(r.Context(), refusedKey{}, no)), f.visit(p))
	return *no
}

type refusedKey struct{}

// Refused is for portal.Portal.Refused: it remembers the refusal for Serve.
func Refused(r *http.Request, _ portal.Visit, why *refusal.Refusal) {
	if no, ok := r.Context().Value(refusedKey{}).(**refusal.Refusal); ok {
		*no = why
	}
}

// try serves one address and writes its refusal.
func (f *Front) try(w http.ResponseWriter, r *http.Request, p *sanmon.Passage, serve func(http.ResponseWriter, *http.Request, *sanmon.Passage) error) *refusal.Refusal {
	no := refusal.From(serve(w, r, p))
	if no != nil {
		f.Refuse(w, r, p, no)
	}
	return no
}

func (f *Front) visit(p *sanmon.Passage) portal.Visit {
	return portal.Visit{RequestID: p.Request.ID, Network: p.Addr, Agent: p.Client().Agent, Now: p.Request.Now, Navigation: origin.Navigation(p.Request)}
}

// common sets what every answer of our own carries.
func (f *Front) common(h http.Header, p *sanmon.Passage) {
	h.Set("X-Request-Id", p.Request.ID)
	h.Set("X-Content-Type-Options", "nosniff")
	if !p.HTTPS {
		return
	}
	if v, _ := f.HSTS.At(p.Request.Now); v != "" {
		h.Set("Strict-Transport-Security", v)
	}
}

// ServeJWKS answers with the keys that verify Sanmon-Assertion (RFC 7517, Section 5).
func (f *Front) ServeJWKS(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Type", "application/jwk-set+json")
	h.Set("Cache-Control", "public, max-age=300")
	h.Set("X-Content-Type-Options", "nosniff")
	_, _ = w.Write(f.JWKS()) // a client that left needs no keys
}

func (f *Front) serveJWKS(w http.ResponseWriter, r *http.Request, _ *sanmon.Passage) error {
	if err := takes(r, http.MethodGet, http.MethodHead); err != nil {
		return err
	}
	f.ServeJWKS(w, r)
	return nil
}

func (f *Front) revokeKey(w http.ResponseWriter, r *http.Request, p *sanmon.Passage) error {
	if err := takes(r, http.MethodPost); err != nil {
		return err
	}
	return f.RevokeKey(w, r, p)
}

// scanned takes a message of GitHub's secret scanning.
func (f *Front) scanned(w http.ResponseWriter, r *http.Request, p *sanmon.Passage) error {
	if f.GitHub == nil {
		return refusal.New(refusal.RouteUnknown, "messages of secret scanning are not taken (set leaks.github.receive: true)")
	}
	if err := takes(r, http.MethodPost); err != nil {
		return err
	}
	return f.GitHub(w, r, p)
}

// stranger refuses a question from nobody's proxy.
func (f *Front) stranger(_ http.ResponseWriter, _ *http.Request, p *sanmon.Passage) error {
	return refusal.New(refusal.NetworkDenied, "forward-auth: %s is no trusted proxy, or forward-auth is off (list the proxy in client_ip.trusted_proxies)", p.Request.Peer)
}

// takes refuses other methods than those.
func takes(r *http.Request, methods ...string) error {
	if slices.Contains(methods, r.Method) {
		return nil
	}
	no := refusal.New(refusal.MethodNotAllowed, "%s takes %s", r.URL.Path, strings.Join(methods, ", "))
	no.Allow = methods
	return no
}

// Refuse implements Portal.
func (f *Front) Refuse(w http.ResponseWriter, r *http.Request, p *sanmon.Passage, no *refusal.Refusal) int {
	h := w.Header()
	f.common(h, p)
	if proof, ok := errors.AsType[*dpop.Problem](no); ok && proof.Nonce != "" {
		h.Set("DPoP-Nonce", proof.Nonce)
	}
	for name, value := range p.RateFields() {
		h[name] = []string{value} // as written: Set would spell it Ratelimit
	}
	navigation := origin.Navigation(p.Request)
	if navigation {
		if status := f.lead(w, r, p, no); status != 0 {
			return status
		}
	}
	f.Portal.Pages.WriteRefusal(w, r, no, p.Request.ID, navigation)
	return no.Status()
}

// lead sends a person's browser on where that is better than a refusal: to HTTPS, to
// the login page, to a page that asks for confirmation. It returns the status that
// was written, 0 for none.
func (f *Front) lead(w http.ResponseWriter, r *http.Request, p *sanmon.Passage, no *refusal.Refusal) int {
	safe := r.Method == http.MethodGet || r.Method == http.MethodHead
	switch no.Code {
	case refusal.HTTPSRequired:
		return redirect(w, http.StatusPermanentRedirect, f.PublicURL+p.Target.Raw)
	case refusal.LoginRequired, refusal.SessionExpired, refusal.StepUpRequired:
		if safe && p.Route != nil && p.Route.Boundary.Takes(caller.Session) && p.Caller.Kind != caller.Key {
			return redirect(w, http.StatusSeeOther, portal.LoginURL(p.Target.Raw))
		}
		if safe && p.Route != nil && p.Route.App != nil && p.Route.Boundary.Takes(caller.App) && p.Caller.Kind != caller.Key {
			return redirect(w, http.StatusSeeOther, p.Route.App.LoginURL(p.Target.Raw))
		}
	case refusal.CSRFMissing:
		if safe && p.Route != nil && len(p.Caller.Bindings) > 0 {
			return f.confirm(w, r, p)
		}
	}
	return 0
}

func redirect(w http.ResponseWriter, status int, to string) int {
	h := w.Header()
	h.Set("Location", to)
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Length", "0")
	w.WriteHeader(status)
	return status
}

// confirm shows the page that asks before an effectful GET.
func (f *Front) confirm(w http.ResponseWriter, r *http.Request, p *sanmon.Passage) int {
	token := f.Portal.Tokens.Issue(csrf.Once, p.Caller.Bindings[0], csrf.Scope(http.MethodGet, p.Target.Decoded), p.Request.Now)
	if err := f.Portal.Pages.ConfirmPage(w, r, p.Target.Path, p.Query, token, p.Request.ID); err != nil {
		return 0
	}
	return http.StatusOK
}

// RoutesOf answers the portal's question which token a route takes.
type RoutesOf struct{ Gate *sanmon.Gate }

// CSRF implements portal.Routes.
func (r RoutesOf) CSRF(method, path string) (csrf.Kind, string, bool) {
	return r.Gate.TokenFor(strings.ToUpper(method), path)
}
