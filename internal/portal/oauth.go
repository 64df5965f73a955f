package portal

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"

	"github.com/sanmon-gate/sanmon/identity/oauth"
	"github.com/sanmon-gate/sanmon/identity/session"
	"github.com/sanmon-gate/sanmon/internal/portal/views"
	"github.com/sanmon-gate/sanmon/refusal"
)

// WellKnown are the paths of the metadata of the authorization server. They are outside
// of Prefix because their specifications say where they are (RFC 8414, Section 3; OpenID
// Connect Discovery, Section 4).
func WellKnown() []string {
	return []string{"/.well-known/oauth-authorization-server", "/.well-known/openid-configuration"}
}

// OAuthEndpoints are the paths of the endpoints.
func OAuthEndpoints() oauth.Endpoints {
	return oauth.Endpoints{Authorize: Prefix + "oauth/authorize", Token: Prefix + "oauth/token", Revoke: Prefix + "oauth/revoke",
		Introspect: Prefix + "oauth/introspect", JWKS: Prefix + "jwks.json"}
}

// OAuth is the endpoints of the authorization server; the zero value: there are none.
type OAuth struct {
	Server *oauth.Server
	// Admit refuses a request of a network that sends too many, before it is read.
	Admit func(v Visit) error
	// Failed counts an error that may be a guess against the network, and returns it or,
	// where there were too many, rate_limited.
	Failed func(ctx context.Context, v Visit, err error) error
}

// oauthAt maps the paths of these endpoints.
func oauthAt(name string) (endpoint, bool) {
	switch name {
	case "oauth/authorize":
		return endpoint{[]string{"GET"}, (*Portal).authorize}, true
	case "oauth/token":
		return endpoint{[]string{"POST"}, (*Portal).oauthToken}, true
	case "oauth/revoke":
		return endpoint{[]string{"POST"}, (*Portal).oauthRevoke}, true
	case "oauth/introspect":
		return endpoint{[]string{"POST"}, (*Portal).oauthIntrospect}, true
	case "/.well-known/oauth-authorization-server", "/.well-known/openid-configuration":
		return endpoint{[]string{"GET", "HEAD"}, (*Portal).metadata}, true
	}
	return endpoint{}, false
}

func (p *Portal) metadata(w http.ResponseWriter, r *http.Request, _ Visit) error {
	if p.OAuth.Server == nil {
		return noClients()
	}
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Cache-Control", "public, max-age=300")
	views.Write(w, r, http.StatusOK, p.OAuth.Server.Metadata(r.URL.Path == WellKnown()[1]))
	return nil
}

func noClients() error {
	return refusal.New(refusal.RouteUnknown, "an OAuth endpoint was asked, and there are no clients (add one to clients)")
}

// authorize sends a person to sign in, or back to the client.
func (p *Portal) authorize(w http.ResponseWriter, r *http.Request, v Visit) error {
	if p.OAuth.Server == nil {
		return noClients()
	}
	if err := p.OAuth.Admit(v); err != nil {
		return err
	}
	who, err := p.who(r, v)
	if err != nil {
		return err
	}
	answer, err := p.OAuth.Server.Authorize(r.Context(), r.URL.RawQuery, who, circumstances(r, v))
	if err != nil {
		return err
	}
	if answer.Refused != nil {
		p.tell(r, v, refusal.From(answer.Refused))
	}
	h := w.Header()
	h.Set("Referrer-Policy", "no-referrer")
	switch {
	case answer.Login != "":
		return seeOther(w, LoginURL(Prefix+"oauth/authorize?"+answer.Login))
	case r.Header.Get("Sec-Fetch-Site") == "same-origin":
		// The browser comes from our login form, whose policy form-action 'self' holds for
		// the redirects behind it, too (CSP, Section 6.4.1.1): it leaves by a page.
		h.Set("Cache-Control", "no-store")
		p.Pages.views.Leave(w, r, http.StatusOK, views.Leave{Site: p.Pages.site, To: answer.Location, RequestID: v.RequestID})
		return nil
	}
	return seeOther(w, answer.Location)
}

func circumstances(r *http.Request, v Visit) oauth.Circumstances {
	agent := r.Header.Get("User-Agent")
	return oauth.Circumstances{From: v.Network, RequestID: v.RequestID, Now: v.Now, Agent: session.Client{Agent: v.Agent}.Family(), Device: session.Device(agent[:min(len(agent), maxUserAgent)])}
}

// programs serves an endpoint for programs: a form in, JSON out, errors in the words of
// OAuth.
func (p *Portal) programs(w http.ResponseWriter, r *http.Request, v Visit, serve func(oauth.Request) (any, error)) error {
	if p.OAuth.Server == nil {
		return noClients()
	}
	h := w.Header()
	h.Set("Cache-Control", "no-store") // RFC 6749, Section 5.1
	h.Set("Pragma", "no-cache")
	request, err := p.programRequest(r, v)
	if err == nil {
		var answer any
		if answer, err = serve(request); err == nil {
			if len(request.Proofs) > 0 {
				h.Set("DPoP-Nonce", p.OAuth.Server.Proofs.Nonces.Fresh(v.Now))
			}
			return writeWords(w, r, http.StatusOK, answer)
		}
		err = p.OAuth.Failed(r.Context(), v, err)
	}
	no := oauth.From(err)
	p.tell(r, v, refusal.From(err))
	if no.Challenge != "" {
		h.Set("WWW-Authenticate", no.Challenge)
	}
	if no.Nonce != "" {
		h.Set("DPoP-Nonce", no.Nonce)
	}
	if n := seconds(no.RetryAfter); n > 0 {
		h.Set("Retry-After", strconv.Itoa(n))
	}
	return writeWords(w, r, no.Status, no.Words())
}

func (p *Portal) programRequest(r *http.Request, v Visit) (oauth.Request, error) {
	request := oauth.Request{Authorization: r.Header["Authorization"], Proofs: r.Header["Dpop"], Circumstances: circumstances(r, v)}
	if err := p.OAuth.Admit(v); err != nil {
		return request, err
	}
	if media(r) != mediaForm {
		return request, refusal.New(refusal.TypeNotAllowed, "a request to an OAuth endpoint came as something else than a form (send %s)", mediaForm)
	}
	if r.URL.RawQuery != "" { // RFC 6749, Section 2.3.1: not in the address
		return request, refusal.New(refusal.InputInvalid, "a request to an OAuth endpoint has a query (send everything in the form)")
	}
	body, err := readBody(r, oauth.MaxForm)
	if err != nil {
		return request, err
	}
	request.Form, err = oauth.ParseForm(string(body))
	return request, err
}

func writeWords(w http.ResponseWriter, r *http.Request, status int, words any) error {
	body, err := json.Marshal(words)
	if err != nil {
		return errors.New("an OAuth answer could not be written")
	}
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("X-Content-Type-Options", "nosniff")
	views.Write(w, r, status, body)
	return nil
}

func (p *Portal) oauthToken(w http.ResponseWriter, r *http.Request, v Visit) error {
	return p.programs(w, r, v, func(x oauth.Request) (any, error) {
		t, err := p.OAuth.Server.Token(r.Context(), x)
		if err != nil {
			return nil, err
		}
		return t.Words(), nil
	})
}

func (p *Portal) oauthRevoke(w http.ResponseWriter, r *http.Request, v Visit) error {
	return p.programs(w, r, v, func(x oauth.Request) (any, error) {
		return struct{}{}, p.OAuth.Server.Revoke(r.Context(), x)
	})
}

func (p *Portal) oauthIntrospect(w http.ResponseWriter, r *http.Request, v Visit) error {
	return p.programs(w, r, v, func(x oauth.Request) (any, error) {
		return p.OAuth.Server.Introspect(r.Context(), x)
	})
}
