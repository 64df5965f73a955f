package portal

import (
	"net/http"

	"github.com/sanmon-gate/sanmon/refusal"
	"github.com/sanmon-gate/sanmon/secret"
	"github.com/sanmon-gate/sanmon/web/csrf"
)

// clearSiteData is sent with a logout over https: what the application left in this
// browser goes with the session (ASVS 5.0, 14.3.1). "cookies" is not in it: it would
// delete the cookies of every sibling subdomain (Clear Site Data, the type "cookies") and the
// device cookie, by which the owner of an account under attack still gets in.
const clearSiteData = `"cache", "storage"`

// logout ends the session at once. Somebody whose session is over already is sent on all
// the same when a page was asked for; a program is told.
func (p *Portal) logout(w http.ResponseWriter, r *http.Request, v Visit) error {
	token, err := logoutToken(r)
	if err != nil {
		return err
	}
	cookie, err := p.presented(r)
	if err != nil {
		return err
	}
	if err := p.end(r, v, cookie, token); err != nil {
		if code := refusal.From(err).Code; !v.Navigation || code != refusal.LoginRequired && code != refusal.SessionExpired {
			return err
		}
	}
	p.goodbye(w, v.Navigation || media(r) == mediaForm)
	return nil
}

func (p *Portal) end(r *http.Request, v Visit, cookie, token string) error {
	if cookie == "" {
		return refusal.New(refusal.LoginRequired, "a logout came without session")
	}
	sid, bindings, err := p.Sessions.Leaving(r.Context(), cookie, v)
	if err != nil {
		return err
	}
	if _, err := p.Tokens.Verify(token, csrf.Session, bindings, "", v.Now); err != nil {
		return err
	}
	return p.Sessions.End(r.Context(), sid, "logout", v)
}

// logoutToken is the header, else the field of a form.
func logoutToken(r *http.Request) (string, error) {
	if token := r.Header.Get(csrf.HeaderName); token != "" {
		return token, nil
	}
	body, err := readBody(r, maxForm)
	if err != nil {
		return "", err
	}
	f, err := csrf.Find(r.Header.Get("Content-Type"), body, true)
	return f.Token, err
}

// goodbye takes the cookies back and leads a form to the front page.
func (p *Portal) goodbye(w http.ResponseWriter, form bool) {
	http.SetCookie(w, Cleared(p.Cookies.Session(secret.Value{})))
	http.SetCookie(w, Cleared(p.Cookies.Pre("")))
	if p.DBSC.Keeper != nil {
		http.SetCookie(w, Cleared(p.Cookies.Bound(secret.Value{})))
	}
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	if !p.Cookies.Insecure {
		h.Set("Clear-Site-Data", clearSiteData)
	}
	if form {
		h.Set("Location", "/")
		w.WriteHeader(http.StatusSeeOther)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}
