package portal

import (
	"context"
	"errors"
	"net/http"

	"github.com/sanmon-gate/sanmon/audit"
	"github.com/sanmon-gate/sanmon/identity/factor"
	"github.com/sanmon-gate/sanmon/identity/login"
	"github.com/sanmon-gate/sanmon/identity/passkey"
	"github.com/sanmon-gate/sanmon/identity/password"
	"github.com/sanmon-gate/sanmon/identity/session"
	"github.com/sanmon-gate/sanmon/identity/totp"
	"github.com/sanmon-gate/sanmon/refusal"
	"github.com/sanmon-gate/sanmon/secret"
	"github.com/sanmon-gate/sanmon/web/csrf"
)

const enrolPurpose = "account/totp"

// accountTOTP shows the secret of a new app, and takes a code of it. Until then the secret
// is nowhere but in the page, sealed for this session.
func (p *Portal) accountTOTP(w http.ResponseWriter, r *http.Request, v Visit) error {
	me, err := p.me(r, v)
	if err == nil {
		err = p.recently(me)
	}
	if err != nil {
		return p.outside(w, v, err)
	}
	if p.Account.SecondFactor == login.Off {
		return seeOther(w, AccountPath)
	}
	if r.Method == http.MethodPost {
		return p.confirmTOTP(w, r, v, me)
	}
	if enrolled, err := p.Account.Factors.Enrolled(r.Context(), me.Subject); enrolled || err != nil {
		if err != nil {
			return err
		}
		return seeOther(w, AccountPath)
	}
	key := totp.NewSecret()
	sealed, err := p.Account.Office.Issue(enrolPurpose, []byte(me.SID), key.Expose(), v.Now.Add(login.EnrolLife))
	if err != nil {
		return err
	}
	return p.enrolPage(w, r, v, me, key, sealed, nil)
}

func (p *Portal) enrolPage(w http.ResponseWriter, r *http.Request, v Visit, me own, key secret.Value, sealed string, why *refusal.Refusal) error {
	page, err := p.enrolView(key, me.Email)
	if err != nil {
		return err
	}
	page.Action, page.Cancel, page.Step = AccountPath+"/totp", AccountPath, sealed
	page.Token = p.Tokens.Issue(csrf.Session, me.Bindings[0], "", v.Now)
	var status int
	status, page.Code, page.Wait = formHeader(w.Header(), why, v.RequestID)
	p.Pages.views.Enrol(w, r, status, page)
	return nil
}

func (p *Portal) confirmTOTP(w http.ResponseWriter, r *http.Request, v Visit, me own) error {
	f, err := readFields(r)
	if err != nil {
		return err
	}
	if _, err := p.Tokens.Verify(f.token, csrf.Session, me.Bindings, "", v.Now); err != nil {
		return err
	}
	opened, err := p.Account.Office.Open(enrolPurpose, []byte(me.SID), f.get("step"), v.Now)
	if err != nil { // it has ended: begin again
		return seeOther(w, AccountPath+"/totp")
	}
	codes, err := p.Account.Factors.Confirm(r.Context(), me.Subject, opened.Payload, f.get("code"), me.event(v, audit.FactorAdded, ""), v.Now)
	if errors.Is(err, factor.ErrExists) {
		p.tell(r, v, refusal.From(err))
		return p.flash(w, v, me.SID, flash{Error: "totp_exists"})
	}
	if err != nil {
		why := refusal.From(err)
		if !v.Navigation || !repairable(why.Code) {
			return err
		}
		p.tell(r, v, why)
		return p.enrolPage(w, r, v, me, opened.Payload, f.get("step"), why)
	}
	p.notify(r, v, me, "totp_added")
	return p.flash(w, v, me.SID, flash{Notice: "totp_added", Secrets: expose(codes)})
}

func removeTOTP(p *Portal, ctx context.Context, me own, v Visit, _ *http.Request, _ fields) (flash, error) {
	if p.Account.SecondFactor == login.Required {
		return flash{}, refusal.New(refusal.PermissionMissing, "%s would go without the second factor that login.totp requires (ask the administrator)", me.Subject)
	}
	err := p.Account.Factors.Remove(ctx, me.Subject, me.event(v, audit.FactorRemoved, ""), v.Now)
	if errors.Is(err, factor.ErrNotFound) {
		return flash{Error: "gone"}, nil
	}
	return flash{Notice: "totp_removed"}, err
}

func renewCodes(p *Portal, ctx context.Context, me own, v Visit, _ *http.Request, _ fields) (flash, error) {
	codes, err := p.Account.Factors.Renew(ctx, me.Subject, me.event(v, audit.FactorAdded, ""), v.Now)
	if errors.Is(err, factor.ErrNotFound) {
		return flash{Error: "gone"}, nil
	}
	return flash{Notice: "recovery_renewed", Secrets: expose(codes)}, err
}

// changePassword asks for the present password even of who has just signed in.
func changePassword(p *Portal, ctx context.Context, me own, v Visit, r *http.Request, f fields) (flash, error) {
	if !p.Account.Password {
		return flash{}, refusal.New(refusal.PermissionMissing, "nobody signs in with a password here (login.password is false)")
	}
	next := f.get("password")
	switch {
	case next != f.get("again"):
		return flash{Error: "password_differs"}, nil
	case len(next) > maxPassword || len(f.get("former")) > maxPassword:
		return flash{Error: "password_weak"}, nil
	}
	a, err := p.visitor(r, v)
	if err != nil {
		return flash{}, err
	}
	err = p.Account.Logins.ChangePassword(ctx, p.Account.Store, login.Change{
		User: me.Subject, SID: me.SID, Password: secret.NewString(f.get("former")), Next: secret.NewString(next),
		Attempt: login.Attempt{Addr: v.Network, UserAgent: a.UserAgent, RequestID: v.RequestID, DeviceCookie: a.DeviceCookie},
	}, v.Now)
	switch {
	case errors.Is(err, password.ErrPolicy):
		return flash{Error: "password_weak"}, nil
	case err != nil && refusal.From(err).Code == refusal.LoginFailed:
		p.tell(r, v, refusal.From(err))
		return flash{Error: "password_wrong"}, nil
	}
	return flash{Notice: "password_changed"}, err
}

// accountPasskeyBegin begins to make a passkey.
func (p *Portal) accountPasskeyBegin(w http.ResponseWriter, r *http.Request, v Visit) error {
	me, _, err := p.ceremony(r, v)
	if err != nil {
		return err
	}
	have, err := p.Account.Store.Passkeys(r.Context(), me.Subject)
	if err != nil {
		return err
	}
	begun, err := p.Account.Passkeys.BeginRegistration(me.Subject, me.Email, have, []byte(me.SID), v.Now)
	if err != nil {
		return err
	}
	return writeJSON(w, r, begun)
}

// accountPasskeyAdd stores it.
func (p *Portal) accountPasskeyAdd(w http.ResponseWriter, r *http.Request, v Visit) error {
	me, c, err := p.ceremony(r, v)
	if err != nil {
		return err
	}
	made, err := p.Account.Passkeys.FinishRegistration(r.Context(), me.Subject, me.Email, []byte(me.SID), c.Ticket, c.Response, v.Now)
	if err != nil {
		return asInput(err)
	}
	if made.Name = called(c.Name); made.Name == "" || len(made.Name) > passkey.MaxName {
		made.Name = session.Device(r.Header.Get("User-Agent"))
	}
	err = p.Account.Store.AddPasskey(r.Context(), made, passkey.MaxPerUser, me.event(v, audit.FactorAdded, "factor=passkey handle="+made.Handle))
	if errors.Is(err, passkey.ErrExists) || errors.Is(err, passkey.ErrTooMany) {
		return refusal.New(refusal.InputInvalid, "add a passkey of %s: %v", me.Subject, err)
	}
	if err != nil {
		return err
	}
	p.notify(r, v, me, "passkey_added")
	if err := p.leave(w, v, me.SID, flash{Notice: "passkey_added"}); err != nil {
		return err
	}
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// asInput is for an answer of a browser that is not right: nobody's login has failed.
func asInput(err error) error {
	why := refusal.From(err)
	if why.Code != refusal.LoginFailed {
		return err
	}
	no := *why
	no.Code = refusal.InputInvalid
	return &no
}

// ceremony is who makes a passkey, and what the browser sent.
func (p *Portal) ceremony(r *http.Request, v Visit) (own, ceremony, error) {
	me, err := p.me(r, v)
	if err != nil {
		return me, ceremony{}, err
	}
	if p.Account.Passkeys == nil {
		return me, ceremony{}, noPasskeys()
	}
	if _, err := p.Tokens.Verify(r.Header.Get(csrf.HeaderName), csrf.Session, me.Bindings, "", v.Now); err != nil {
		return me, ceremony{}, err
	}
	if err := p.recently(me); err != nil {
		return me, ceremony{}, err
	}
	c, err := readCeremony(r)
	return me, c, err
}

func renamePasskey(p *Portal, ctx context.Context, me own, v Visit, _ *http.Request, f fields) (flash, error) {
	name := called(f.get("name"))
	if name == "" || len(name) > passkey.MaxName {
		return flash{Error: "name"}, nil
	}
	err := p.Account.Store.RenamePasskey(ctx, me.Subject, f.get("handle"), name, me.event(v, audit.FactorRenamed, "factor=passkey handle="+handleWord(f.get("handle"))))
	return passkeySaid("passkey_renamed", err)
}

func removePasskey(p *Portal, ctx context.Context, me own, v Visit, _ *http.Request, f fields) (flash, error) {
	err := p.Account.Store.RemovePasskey(ctx, me.Subject, f.get("handle"), me.event(v, audit.FactorRemoved, "factor=passkey handle="+handleWord(f.get("handle"))))
	return passkeySaid("passkey_removed", err)
}

func passkeySaid(notice string, err error) (flash, error) {
	if errors.Is(err, passkey.ErrNotFound) {
		return flash{Error: "gone"}, nil
	}
	return flash{Notice: notice}, err
}

// handleWord bounds what is written down of a handle; only one that exists is.
func handleWord(handle string) string { return handle[:min(len(handle), 32)] }
