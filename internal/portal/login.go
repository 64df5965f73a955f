package portal

import (
	"errors"
	"net/http"

	"github.com/sanmon-gate/sanmon/caller"
	"github.com/sanmon-gate/sanmon/identity/session"
	"github.com/sanmon-gate/sanmon/internal/portal/views"
	"github.com/sanmon-gate/sanmon/refusal"
	"github.com/sanmon-gate/sanmon/web/csrf"
)

// login shows the form, or takes it. A JSON login needs no token: a page of another site
// cannot send application/json without a preflight, which nobody answers here (Fetch,
// Section 3.3.5, "CORS-safelisted request-header"), and the origin verdict has been taken.
func (p *Portal) login(w http.ResponseWriter, r *http.Request, v Visit) error {
	if r.Method != http.MethodPost {
		next := ReturnPath(r.URL.Query().Get("next"))
		return p.loginPage(w, r, v, credentials{next: next}, nil)
	}
	switch media(r) {
	case mediaJSON:
		return p.loginJSON(w, r, v)
	case mediaForm:
		return p.loginForm(w, r, v)
	}
	return refusal.New(refusal.TypeNotAllowed, "a login came as something else (send %s or %s)", mediaForm, mediaJSON)
}

func (p *Portal) loginJSON(w http.ResponseWriter, r *http.Request, v Visit) error {
	c, err := readJSON(r)
	if err != nil {
		return err
	}
	grant, err := p.attempt(r, v, c)
	if err != nil {
		return err
	}
	next := ""
	if c.next != "" {
		next = ReturnPath(c.next)
	}
	return p.introduce(w, r, v, grant, next)
}

// introduce hands a new session over to a program, and tells it who it is now.
func (p *Portal) introduce(w http.ResponseWriter, r *http.Request, v Visit, g Grant, next string) error {
	me, err := p.begun(r, v, g)
	if err != nil {
		return err
	}
	if err := p.handOver(w, r, v, g); err != nil {
		return err
	}
	answer := p.describe(me, p.Tokens.Issue(csrf.Session, me.Bindings[0], "", v.Now))
	answer.Next = next
	return writeJSON(w, r, answer)
}

// begun judges the session that was just made.
func (p *Portal) begun(r *http.Request, v Visit, g Grant) (*caller.Caller, error) {
	if err := g.whole(); err != nil {
		return nil, err
	}
	me, err := p.Sessions.Judge(r.Context(), string(g.Secret.Expose()), v)
	if err != nil {
		return nil, err
	}
	return usable(me)
}

func (p *Portal) loginForm(w http.ResponseWriter, r *http.Request, v Visit) error {
	c, err := readForm(r)
	if err != nil {
		return p.again(w, r, v, c, err)
	}
	if err := p.checkForm(r, v, c.token); err != nil {
		return p.again(w, r, v, c, err)
	}
	grant, err := p.attempt(r, v, c)
	if next, ok := pending(err); ok {
		return p.secondPage(w, r, v, next, c.next, nil)
	}
	if err != nil {
		return p.again(w, r, v, c, err)
	}
	if err := p.handOver(w, r, v, grant); err != nil {
		return err
	}
	return seeOther(w, ReturnPath(c.next))
}

func seeOther(w http.ResponseWriter, to string) error {
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("Location", to)
	w.WriteHeader(http.StatusSeeOther)
	return nil
}

// checkForm stops login CSRF, by which an attacker signs somebody in to the attacker's
// account: the token is bound to a cookie that the browser got with the form, or to its
// live session.
func (p *Portal) checkForm(r *http.Request, v Visit, field string) error {
	pre, err := Read(r, p.Cookies.PreName())
	if err != nil {
		return err
	}
	bindings := [][]byte{PreBinding(pre)}
	if c, err := p.who(r, v); err == nil && c != nil {
		bindings = append(bindings, c.Bindings...)
	}
	token := r.Header.Get(csrf.HeaderName)
	if token == "" {
		token = field
	}
	_, err = p.Tokens.Verify(token, csrf.Session, bindings, "", v.Now)
	return err
}

// attempt asks the authenticator.
func (p *Portal) attempt(r *http.Request, v Visit, c credentials) (Grant, error) {
	if err := c.complete(); err != nil {
		return Grant{}, err
	}
	a, err := p.visitor(r, v)
	if err != nil {
		return Grant{}, err
	}
	a.Email, a.Password, a.Code = c.email, c.password, c.code
	return p.Auth.Login(r.Context(), a)
}

// visitor is what an attempt knows of the browser before anything is typed.
func (p *Portal) visitor(r *http.Request, v Visit) (Attempt, error) {
	current, err := p.presented(r)
	if err != nil {
		return Attempt{}, err
	}
	var values [2]string
	for i, name := range []string{p.Cookies.DeviceName(), p.Cookies.PreName()} {
		if values[i], err = Read(r, name); err != nil {
			return Attempt{}, err
		}
	}
	agent := r.Header.Get("User-Agent")
	agent = agent[:min(len(agent), maxUserAgent)]
	return Attempt{
		Network: v.Network, UserAgent: agent, RequestID: v.RequestID, Now: v.Now, Lang: p.lang(r),
		Current: current, DeviceCookie: values[0], Binding: PreBinding(values[1]),
	}, nil
}

// handOver gives the browser its session. The pre-session ends: no token from before the
// login holds after it.
func (p *Portal) handOver(w http.ResponseWriter, r *http.Request, v Visit, g Grant) error {
	if err := g.whole(); err != nil {
		return err
	}
	http.SetCookie(w, p.Cookies.Session(g.Secret))
	http.SetCookie(w, Cleared(p.Cookies.Pre("")))
	p.offerBinding(w, r, v, g)
	if g.DeviceCookie != "" {
		http.SetCookie(w, p.Cookies.Device(g.DeviceCookie))
	}
	return nil
}

// again answers a form that did not log in: a person sees the form with what to do.
func (p *Portal) again(w http.ResponseWriter, r *http.Request, v Visit, c credentials, err error) error {
	why := refusal.From(err)
	if !v.Navigation || !repairable(why.Code) && !full(why) && !(c.provider && why.Code == refusal.StepUpRequired) {
		return why
	}
	p.tell(r, v, why)
	c.next = ReturnPath(c.next)
	return p.loginPage(w, r, v, c, why)
}

// repairable reports whether the form itself is the place to go on from a refusal.
func repairable(code refusal.Code) bool {
	switch code {
	case refusal.LoginFailed, refusal.RateLimited, refusal.Busy, refusal.InputInvalid, refusal.CSRFMissing, refusal.CSRFInvalid:
		return true
	}
	return false
}

// full reports that all was right, and that the person has no place for another session.
func full(why *refusal.Refusal) bool { return errors.Is(why, session.ErrFull) }

func (p *Portal) loginPage(w http.ResponseWriter, r *http.Request, v Visit, c credentials, why *refusal.Refusal) error {
	binding, err := p.preSession(w, r)
	if err != nil {
		return err
	}
	// Who is signed in only changes a line of the page: a session that cannot be judged
	// now is shown as none.
	me, err := p.who(r, v)
	if err != nil {
		me = nil
	}
	page := views.Login{
		Site: p.Pages.site, Action: Prefix + "login", Next: c.next, Email: kept(c, me, why),
		TokenName: csrf.FieldName, Token: p.Tokens.Issue(csrf.Session, binding, "", v.Now), RequestID: v.RequestID,
		Password: !p.Ways.NoPassword, Passkey: p.passkeyPath(),
	}
	if me != nil {
		page.SignedIn = me.Email
	}
	p.others(&page, c.next)
	var status int
	status, page.Code, page.Wait = formHeader(w.Header(), why, v.RequestID)
	switch {
	case why == nil:
	case full(why):
		page.Code = "full"
	case c.provider:
		page.Code = said(why, me != nil)
	}
	p.Pages.views.Login(w, r, status, page)
	return nil
}

// kept is the e-mail address that the form shows: what was typed, else who is signed in.
func kept(c credentials, me *caller.Caller, why *refusal.Refusal) string {
	if why == nil && me != nil {
		return me.Email
	}
	return c.email[:min(len(c.email), maxEmail)]
}
