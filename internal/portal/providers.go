package portal

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/sanmon-gate/sanmon/identity/federation"
	"github.com/sanmon-gate/sanmon/identity/session"
	"github.com/sanmon-gate/sanmon/internal/portal/views"
	"github.com/sanmon-gate/sanmon/refusal"
)

// Providers are other providers that people sign in with.
type Providers interface {
	// Names lists them in the order of the page.
	Names() []string
	// Begin says where the browser goes: busy when the provider does not answer. Whether
	// there is such a provider, ok says. A wish with a user is for a new authentication.
	Begin(ctx context.Context, name string, binding []byte, w federation.Wish, now time.Time) (location string, ok bool, err error)
	// Finish signs in whom the provider has sent back. Its refusals are those of an
	// Authenticator, the second step included, and step_up_required where the wish was for a
	// new authentication and this is none, or somebody else's. next is that of the wish.
	Finish(ctx context.Context, name string, query url.Values, a Attempt) (g Grant, next string, err error)
}

const providerPrefix = "login/oidc/"

// ProviderPath is where a login with a provider begins; its answers come to what is below,
// "/callback". Every provider has an address of its own for them, so that an answer of one
// is not taken for one of another (RFC 9700, Section 4.4.2.1).
func ProviderPath(name string) string { return Prefix + providerPrefix + name }

// providerAt maps these paths.
func providerAt(path string) (endpoint, bool) {
	name, ok := strings.CutPrefix(path, providerPrefix)
	if !ok {
		return endpoint{}, false
	}
	name, back := strings.CutSuffix(name, "/callback")
	if name == "" || strings.ContainsAny(name, "/%") {
		return endpoint{}, false
	}
	return endpoint{[]string{"GET"}, func(p *Portal, w http.ResponseWriter, r *http.Request, v Visit) error {
		if p.Providers == nil {
			return refusal.New(refusal.RouteUnknown, "nobody signs in with a provider here (login.oidc)")
		}
		if back {
			return p.providerFinish(w, r, v, name)
		}
		return p.providerBegin(w, r, v, name)
	}}, true
}

// providerBegin sends the browser to the provider. The pre-session cookie goes with it: who
// comes back without it is somebody else. Who is signed in has come to confirm who they are:
// that takes a new authentication there.
func (p *Portal) providerBegin(w http.ResponseWriter, r *http.Request, v Visit, name string) error {
	binding, err := p.preSession(w, r)
	if err != nil {
		return err
	}
	me, err := p.who(r, v)
	if err != nil {
		return err
	}
	wish := federation.Wish{Next: ReturnPath(r.URL.Query().Get("next"))}
	if me != nil {
		wish.User = me.Subject
	}
	to, ok, err := p.Providers.Begin(r.Context(), name, binding, wish, v.Now)
	if !ok {
		return refusal.New(refusal.RouteUnknown, "there is no provider %.80q (login.oidc)", name)
	}
	if err != nil {
		return p.again(w, r, v, credentials{next: wish.Next, provider: true}, err)
	}
	return seeOther(w, to)
}

func (p *Portal) providerFinish(w http.ResponseWriter, r *http.Request, v Visit, name string) error {
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return refusal.New(refusal.InputInvalid, "the answer of a provider is not well encoded")
	}
	a, err := p.visitor(r, v)
	if err != nil {
		return err
	}
	w.Header().Set("Referrer-Policy", "no-referrer") // the address has a code in it
	grant, next, err := p.Providers.Finish(r.Context(), name, query, a)
	if step, ok := pending(err); ok {
		return p.secondPage(w, r, v, step, next, nil)
	}
	if err != nil {
		return p.again(w, r, v, credentials{next: next, provider: true}, err)
	}
	if err := p.handOver(w, r, v, grant); err != nil {
		return err
	}
	return p.home(w, r, v, ReturnPath(next))
}

// said is what the login page says of a refusal after a provider was asked.
func said(why *refusal.Refusal, signedIn bool) string {
	switch {
	case errors.Is(why, federation.ErrSilent):
		return "provider_silent"
	case errors.Is(why, federation.ErrOld):
		return "provider_old"
	case errors.Is(why, session.ErrOther) && signedIn:
		return "provider_other"
	case why.Code == refusal.LoginFailed, why.Code == refusal.StepUpRequired:
		return "provider_failed"
	}
	return string(why.Code)
}

// home leads from a foreign site's redirect to a page of ours. A Strict cookie would not
// come along with another redirect, so the page then asks for the next one itself.
func (p *Portal) home(w http.ResponseWriter, r *http.Request, v Visit, next string) error {
	if p.Cookies.SameSite != http.SameSiteStrictMode {
		return seeOther(w, next)
	}
	w.Header().Set("Cache-Control", "no-store")
	p.Pages.views.Leave(w, r, http.StatusOK, views.Leave{Site: p.Pages.site, To: next, RequestID: v.RequestID})
	return nil
}

// providers are the buttons of the login page.
func (p *Portal) providers(next string) []views.Provider {
	if p.Providers == nil {
		return nil
	}
	var all []views.Provider
	for _, name := range p.Providers.Names() {
		to := ProviderPath(name)
		if next = ReturnPath(next); next != "/" {
			to += "?next=" + url.QueryEscape(next)
		}
		all = append(all, views.Provider{Name: name, Path: to})
	}
	return all
}
