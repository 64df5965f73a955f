package portal

import (
	"net/http"

	"github.com/sanmon-gate/sanmon/identity/login"
	"github.com/sanmon-gate/sanmon/identity/totp"
	"github.com/sanmon-gate/sanmon/internal/portal/qr"
	"github.com/sanmon-gate/sanmon/internal/portal/views"
	"github.com/sanmon-gate/sanmon/refusal"
	"github.com/sanmon-gate/sanmon/secret"
	"github.com/sanmon-gate/sanmon/web/csrf"
)

// maxCode is the longest code that is looked at, in bytes.
const maxCode = 96

// secondPage shows the second step of a login. The ticket is in the page: there is no
// session yet, and no cookie but the pre-session that the ticket is bound to.
func (p *Portal) secondPage(w http.ResponseWriter, r *http.Request, v Visit, step *login.Pending, next string, why *refusal.Refusal) error {
	binding, err := p.preSession(w, r)
	if err != nil {
		return err
	}
	status, code, wait := formHeader(w.Header(), why, v.RequestID)
	token := p.Tokens.Issue(csrf.Session, binding, "", v.Now)
	again := LoginURL(ReturnPath(next))
	if !step.Enrol {
		p.Pages.views.Code(w, r, status, views.Code{
			Site: p.Pages.site, Action: Prefix + "login/code", Again: again, Step: step.Ticket, Next: ReturnPath(next),
			TokenName: csrf.FieldName, Token: token, Code: code, Wait: wait, RequestID: v.RequestID,
		})
		return nil
	}
	key, account, err := p.Ways.Second.Enrolment(binding, step.Ticket, v.Now)
	if err != nil {
		return err
	}
	page, err := p.enrolView(key, account)
	if err != nil {
		return err
	}
	page.Action, page.Cancel, page.Step, page.Next, page.Forced = Prefix+"login/enrol", again, step.Ticket, ReturnPath(next), true
	page.Token, page.Code, page.Wait = token, code, wait
	p.Pages.views.Enrol(w, r, status, page)
	return nil
}

// enrolView shows the secret of an app.
func (p *Portal) enrolView(key secret.Value, account string) (views.Enrol, error) {
	symbol, err := qr.Encode(totp.URI(p.Pages.site, account, key).Expose())
	if err != nil {
		return views.Enrol{}, err
	}
	return views.Enrol{Site: p.Pages.site, Secret: totp.Text(key), Symbol: symbol, TokenName: csrf.FieldName}, nil
}

// secondCode takes the one-time or recovery code.
func (p *Portal) secondCode(w http.ResponseWriter, r *http.Request, v Visit) error {
	return p.second(w, r, v, false)
}

// secondEnrol takes the first code of the app that had to be enrolled.
func (p *Portal) secondEnrol(w http.ResponseWriter, r *http.Request, v Visit) error {
	return p.second(w, r, v, true)
}

func (p *Portal) second(w http.ResponseWriter, r *http.Request, v Visit, enrol bool) error {
	if r.Method != http.MethodPost || p.Ways.Second == nil {
		return beginAgain(w)
	}
	f, err := readFields(r)
	if err != nil {
		return err
	}
	step := &login.Pending{Ticket: f.get("step"), Enrol: enrol}
	grant, codes, err := p.secondGrant(r, v, f, enrol)
	if err != nil {
		return p.secondAgain(w, r, v, step, f.get("next"), err)
	}
	if err := p.handOver(w, r, v, grant); err != nil {
		return err
	}
	next := ReturnPath(f.get("next"))
	if enrol && p.Account != nil {
		if me, err := p.begun(r, v, grant); err == nil {
			p.notify(r, v, own{Caller: me}, "totp_added")
		}
		return p.flash(w, v, grant.SID, flash{Notice: "totp_added", Secrets: expose(codes), Next: next})
	}
	return seeOther(w, next)
}

func (p *Portal) secondGrant(r *http.Request, v Visit, f fields, enrol bool) (Grant, []secret.Value, error) {
	if err := p.checkForm(r, v, f.token); err != nil {
		return Grant{}, nil, err
	}
	a, err := p.visitor(r, v)
	if err != nil {
		return Grant{}, nil, err
	}
	if a.Code = f.get("code"); a.Code == "" || len(a.Code) > maxCode {
		return Grant{}, nil, refusal.New(refusal.InputInvalid, "the code has %d bytes, 1 to %d are taken", len(a.Code), maxCode)
	}
	a.Ticket = f.get("step")
	if enrol {
		return p.Ways.Second.Enrol(r.Context(), a)
	}
	grant, err := p.Ways.Second.Second(r.Context(), a)
	return grant, nil, err
}

// secondAgain answers a second step that did not succeed: a person sees it again, or where
// its ticket has ended the beginning.
func (p *Portal) secondAgain(w http.ResponseWriter, r *http.Request, v Visit, step *login.Pending, next string, err error) error {
	why := refusal.From(err)
	if full(why) { // the code was right, and is used up
		return p.again(w, r, v, credentials{next: next}, err)
	}
	if !v.Navigation || !repairable(why.Code) {
		return why
	}
	p.tell(r, v, why)
	binding, _ := p.preSession(w, r)
	if !p.Ways.Second.Holds(binding, step.Ticket, v.Now) {
		return p.loginPage(w, r, v, credentials{next: ReturnPath(next)}, why)
	}
	return p.secondPage(w, r, v, step, next, why)
}
