package portal

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/sanmon-gate/sanmon/identity/link"
	"github.com/sanmon-gate/sanmon/identity/login"
	"github.com/sanmon-gate/sanmon/identity/password"
	"github.com/sanmon-gate/sanmon/internal/portal/views"
	"github.com/sanmon-gate/sanmon/refusal"
	"github.com/sanmon-gate/sanmon/secret"
	"github.com/sanmon-gate/sanmon/web/csrf"
)

// Paths of the pages about links. ResetPath takes the link as the parameter token.
const (
	ResetPath  = Prefix + "reset"
	choosePath = Prefix + "reset/new"
	SignupPath = Prefix + "signup"
)

// Letters are the links that people get by mail, and what they do with them.
type Letters interface {
	// Mail reports whether letters can be sent at all.
	Mail() bool
	// Length is how many characters a password of the site has at least.
	Length() int
	// Signup reports whether people can make accounts.
	Signup() bool
	// Ask wishes for a letter of link.Reset or link.Signup to an address. Its one refusal is
	// rate_limited for the network. It takes as long, and says the same, whoever has the
	// address.
	Ask(ctx context.Context, kind link.Kind, lang string, a Attempt) error
	// Open says what a link is for: login_failed when it is none, was used or has ended.
	Open(ctx context.Context, text string, now time.Time) (link.Record, error)
	// Set uses a link up; an error that wraps password.ErrPolicy leaves it good.
	Set(ctx context.Context, text string, next secret.Value, lang string, a Attempt) (link.Record, error)
}

// linkAt maps the paths of these pages.
func linkAt(name string) (endpoint, bool) {
	methods := []string{"GET", "HEAD", "POST"}
	switch name {
	case "reset":
		return endpoint{methods, (*Portal).reset}, true
	case "reset/new":
		return endpoint{methods, (*Portal).choose}, true
	case "signup":
		return endpoint{methods, (*Portal).signup}, true
	}
	return endpoint{}, false
}

// linkLife is how long a browser keeps a link that was opened, in seconds: as long as it
// takes to think of a password.
const linkLife = 30 * 60

// Link is the cookie that an opened link travels in, out of the address: addresses get into
// histories and logs. It is Lax, because links are opened from mail on other sites.
func (c Cookies) Link(value string) *http.Cookie {
	k := c.cookie(c.LinkName(), value)
	k.MaxAge = linkLife
	return k
}

// LinkName is the name of that cookie.
func (c Cookies) LinkName() string { return c.name("sanmon-link") }

// reset asks for a link, or takes one. Opening the address of a link uses nothing up: mail
// scanners and previews open it, too.
func (p *Portal) reset(w http.ResponseWriter, r *http.Request, v Visit) error {
	if p.Letters == nil {
		return refusal.New(refusal.RouteUnknown, "there are no links for passwords (login.password is false)")
	}
	if r.Method == http.MethodPost {
		return p.asked(w, r, v, link.Reset)
	}
	values, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil || len(values["token"]) > 1 {
		return refusal.New(refusal.InputInvalid, "the address of the link is damaged")
	}
	if text := values.Get("token"); text != "" {
		if _, ok := link.Parse(text); ok {
			http.SetCookie(w, p.Cookies.Link(text))
		}
		w.Header().Set("Referrer-Policy", "no-referrer")
		return seeOther(w, choosePath)
	}
	return p.askPage(w, r, v, views.Ask{}, nil)
}

// signup asks for an account.
func (p *Portal) signup(w http.ResponseWriter, r *http.Request, v Visit) error {
	if p.Letters == nil || !p.Letters.Signup() {
		return refusal.New(refusal.RouteUnknown, "nobody signs up here (login.signup is closed)")
	}
	if r.Method == http.MethodPost {
		return p.asked(w, r, v, link.Signup)
	}
	return p.askPage(w, r, v, views.Ask{Signup: true}, nil)
}

// asked takes the address that a letter is wished for to. What it answers does not depend
// on who has the address.
func (p *Portal) asked(w http.ResponseWriter, r *http.Request, v Visit, kind link.Kind) error {
	page := views.Ask{Signup: kind == link.Signup}
	if !p.Letters.Mail() {
		return refusal.New(refusal.RouteUnknown, "no letters are sent (login.smtp is missing)")
	}
	f, err := readFields(r)
	if err == nil {
		page.Email = f.get("email")
		err = p.ask(r, v, kind, f)
	}
	if err == nil {
		page.Sent, page.Email = true, ""
		return p.askPage(w, r, v, page, nil)
	}
	why := refusal.From(err)
	if !v.Navigation || !repairable(why.Code) {
		return why
	}
	p.tell(r, v, why)
	page.Email = page.Email[:min(len(page.Email), maxEmail)]
	return p.askPage(w, r, v, page, why)
}

func (p *Portal) ask(r *http.Request, v Visit, kind link.Kind, f fields) error {
	if err := p.checkForm(r, v, f.token); err != nil {
		return err
	}
	a, err := p.visitor(r, v)
	if err != nil {
		return err
	}
	var ok bool
	if a.Email, ok = login.Canonical(f.get("email")); !ok {
		return refusal.New(refusal.InputInvalid, "what was typed is no e-mail address")
	}
	return p.Letters.Ask(r.Context(), kind, p.lang(r), a)
}

func (p *Portal) lang(r *http.Request) string {
	return p.Pages.views.Language(r.Header.Get("Accept-Language"))
}

func (p *Portal) askPage(w http.ResponseWriter, r *http.Request, v Visit, page views.Ask, why *refusal.Refusal) error {
	binding, err := p.preSession(w, r)
	if err != nil {
		return err
	}
	page.Site, page.Action, page.Login, page.Mail = p.Pages.site, ResetPath, Prefix+"login", p.Letters.Mail()
	if page.Signup {
		page.Action = SignupPath
	}
	page.TokenName, page.Token, page.RequestID = csrf.FieldName, p.Tokens.Issue(csrf.Session, binding, "", v.Now), v.RequestID
	var status int
	status, page.Code, page.Wait = formHeader(w.Header(), why, v.RequestID)
	p.Pages.views.Ask(w, r, status, page)
	return nil
}

// choose shows the form for the new password of a link that was opened, or takes it.
func (p *Portal) choose(w http.ResponseWriter, r *http.Request, v Visit) error {
	if p.Letters == nil {
		return refusal.New(refusal.RouteUnknown, "there are no links for passwords (login.password is false)")
	}
	text, err := Read(r, p.Cookies.LinkName())
	if err != nil {
		return err
	}
	if r.Method != http.MethodPost {
		return p.choosePage(w, r, v, text, "")
	}
	f, err := readFields(r)
	if err == nil {
		err = p.checkForm(r, v, f.token)
	}
	if err != nil {
		return err
	}
	if f.get("password") != f.get("again") {
		return p.choosePage(w, r, v, text, "differs")
	}
	a, err := p.visitor(r, v)
	if err != nil {
		return err
	}
	done, err := p.Letters.Set(r.Context(), text, secret.NewString(f.get("password")), p.lang(r), a)
	switch {
	case errors.Is(err, password.ErrPolicy):
		return p.choosePage(w, r, v, text, "weak")
	case err != nil && refusal.From(err).Code == refusal.LoginFailed:
		p.tell(r, v, refusal.From(err))
		return p.ended(w, r, v)
	case err != nil:
		return err
	}
	http.SetCookie(w, Cleared(p.Cookies.Link("")))
	w.Header().Set("Cache-Control", "no-store")
	p.Pages.views.Choose(w, r, http.StatusOK, views.Choose{Site: p.Pages.site, Email: done.Email, Done: true, New: done.Kind == link.Signup, Login: Prefix + "login"})
	return nil
}

func (p *Portal) choosePage(w http.ResponseWriter, r *http.Request, v Visit, text, fault string) error {
	found, err := p.Letters.Open(r.Context(), text, v.Now)
	if err != nil && refusal.From(err).Code == refusal.LoginFailed {
		return p.ended(w, r, v)
	}
	if err != nil {
		return err
	}
	binding, err := p.preSession(w, r)
	if err != nil {
		return err
	}
	w.Header().Set("Cache-Control", "no-store")
	status := http.StatusOK
	if fault != "" {
		status = http.StatusUnprocessableEntity
	}
	p.Pages.views.Choose(w, r, status, views.Choose{
		Site: p.Pages.site, Action: choosePath, Email: found.Email, New: found.Kind != link.Reset, Length: p.Letters.Length(), Weak: fault == "weak", Differs: fault == "differs",
		TokenName: csrf.FieldName, Token: p.Tokens.Issue(csrf.Session, binding, "", v.Now), Login: Prefix + "login",
	})
	return nil
}

// ended says that a link is not good any more, and where another one can be had.
func (p *Portal) ended(w http.ResponseWriter, r *http.Request, v Visit) error {
	http.SetCookie(w, Cleared(p.Cookies.Link("")))
	return p.askPage(w, r, v, views.Ask{Ended: true}, nil)
}

// LinkURL is the address of a link under a public URL.
func LinkURL(public, text string) string {
	return strings.TrimSuffix(public, "/") + ResetPath + "?token=" + url.QueryEscape(text)
}
