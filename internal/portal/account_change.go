package portal

import (
	"context"
	"net/http"
	"strings"

	"github.com/sanmon-gate/sanmon/audit"
	"github.com/sanmon-gate/sanmon/identity/session"
	"github.com/sanmon-gate/sanmon/refusal"
	"github.com/sanmon-gate/sanmon/web/csrf"
)

// deed is one change on the account page. It returns what the page then says.
type deed func(p *Portal, ctx context.Context, me own, v Visit, r *http.Request, f fields) (flash, error)

// accountAt maps the paths of the account page.
func accountAt(name string) (endpoint, bool) {
	switch name {
	case "account":
		return endpoint{[]string{"GET", "HEAD"}, (*Portal).account}, true
	case "account/totp":
		return endpoint{[]string{"GET", "HEAD", "POST"}, (*Portal).accountTOTP}, true
	case "account/passkey/options":
		return endpoint{[]string{"POST"}, (*Portal).accountPasskeyBegin}, true
	case "account/passkey/add":
		return endpoint{[]string{"POST"}, (*Portal).accountPasskeyAdd}, true
	}
	if do := deedAt(name); do != nil {
		return endpoint{[]string{"POST"}, func(p *Portal, w http.ResponseWriter, r *http.Request, v Visit) error { return p.change(w, r, v, do) }}, true
	}
	return endpoint{}, false
}

func deedAt(name string) deed {
	switch name {
	case "account/session/end":
		return endSession
	case "account/session/others":
		return endOthers
	case "account/passkey/rename":
		return renamePasskey
	case "account/passkey/remove":
		return removePasskey
	case "account/totp/remove":
		return removeTOTP
	case "account/recovery":
		return renewCodes
	case "account/provider/unlink":
		return unlinkProvider
	case "account/password":
		return changePassword
	case "account/key/create":
		return createKey
	case "account/key/rotate":
		return rotateKey
	case "account/key/revoke":
		return revokeKey
	}
	return nil
}

// change does one deed for somebody who is signed in, has the page's token, and has
// authenticated a moment ago; who has not is led to do it again, and back.
func (p *Portal) change(w http.ResponseWriter, r *http.Request, v Visit, do deed) error {
	me, err := p.me(r, v)
	if err != nil {
		return p.outside(w, v, err)
	}
	f, err := readFields(r, "scope")
	if err != nil {
		return err
	}
	if _, err := p.Tokens.Verify(f.token, csrf.Session, me.Bindings, "", v.Now); err != nil {
		return err
	}
	if err := p.recently(me); err != nil {
		return p.outside(w, v, err)
	}
	said, err := do(p, r.Context(), me, v, r, f)
	if err != nil {
		if fault := faultOf(err, "gone"); fault != nil {
			p.tell(r, v, refusal.From(err))
			said, err = *fault, nil
		}
	}
	if err != nil {
		return err
	}
	p.notify(r, v, me, said.Notice)
	return p.flash(w, v, me.SID, said)
}

// recently refuses whose authentication is not recent (RFC 9470, Section 3).
func (p *Portal) recently(me own) error {
	if me.fresh {
		return nil
	}
	no := refusal.New(refusal.StepUpRequired, "session %s changes its account and has not just authenticated (sign in again)", me.SID)
	no.Challenge = `Bearer error="insufficient_user_authentication", max_age=600`
	return no
}

// outside leads a person to sign in, and tells a program to.
func (p *Portal) outside(w http.ResponseWriter, v Visit, err error) error {
	switch refusal.From(err).Code {
	case refusal.LoginRequired, refusal.StepUpRequired:
		if v.Navigation {
			return seeOther(w, LoginURL(AccountPath))
		}
	}
	return err
}

// event is what the trail says of a change.
func (own own) event(v Visit, name audit.Name, detail string) audit.Event {
	ev := audit.Event{At: v.Now, Event: name, Subject: own.Subject, Actor: own.Subject, SID: own.SID, RequestID: v.RequestID, Detail: detail}
	if n := session.Network(v.Network); n.IsValid() {
		ev.Network = n.String()
	}
	return ev
}

func (own own) meta(v Visit) session.Meta {
	return session.Meta{From: v.Network, RequestID: v.RequestID, Actor: own.Subject}
}

// endSession ends one of the person's own sessions: nobody else's, whatever is sent.
func endSession(p *Portal, ctx context.Context, me own, v Visit, _ *http.Request, f fields) (flash, error) {
	all, err := p.Account.Store.Sessions(ctx, me.Subject, v.Now, maxSessions)
	if err != nil {
		return flash{}, err
	}
	for _, s := range all {
		if s.SID == f.get("sid") && s.SID != me.SID {
			_, err := p.Account.Sessions.End(ctx, s.SID, "account", me.meta(v), v.Now)
			return flash{Notice: "session_ended"}, err
		}
	}
	return flash{Error: "gone"}, nil
}

func endOthers(p *Portal, ctx context.Context, me own, v Visit, _ *http.Request, _ fields) (flash, error) {
	_, err := p.Account.Sessions.EndUser(ctx, me.Subject, me.SID, "account", me.meta(v), v.Now)
	return flash{Notice: "others_ended"}, err
}

// called is a name that a person gives; "" when it is none.
func called(name string) string {
	name = strings.TrimSpace(strings.ToValidUTF8(name, ""))
	for _, r := range name {
		if r < ' ' || r == 0x7f {
			return ""
		}
	}
	return name
}
