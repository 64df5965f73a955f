package portal

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/sanmon-gate/sanmon/identity/dbsc"
	"github.com/sanmon-gate/sanmon/identity/session"
	"github.com/sanmon-gate/sanmon/refusal"
)

// The paths of the protocol, below Prefix.
const (
	dbscRegister = "dbsc/register"
	dbscRefresh  = "dbsc/refresh"
)

// DBSC binds sessions to keys that browsers keep (Device Bound Session Credentials).
type DBSC struct {
	Binder *dbsc.Binder
	Keeper DBSCKeeper
	Origin string // public origin
}

// DBSCKeeper keeps what sessions are bound to; identity/session's Keeper does.
type DBSCKeeper interface {
	// Binding returns what the session of a cookie is bound to, without a proof.
	Binding(ctx context.Context, cookie string, from session.Client, now time.Time) (sid string, kind session.BindKind, key []byte, err error)
	// Bind binds a session that is not bound yet; refusal.InputInvalid when it is.
	Bind(ctx context.Context, sid string, kind session.BindKind, key []byte, m session.Meta, now time.Time) error
}

func dbscAt(name string) (endpoint, bool) {
	switch name {
	case dbscRegister:
		return endpoint{[]string{"POST"}, (*Portal).registerKey}, true
	case dbscRefresh:
		return endpoint{[]string{"POST"}, (*Portal).refreshBound}, true
	}
	return endpoint{}, false
}

// offerBinding asks the browser to register a key for the session that has just begun. It is
// for https only; browsers that know nothing of it ignore the field. A session that was bound
// before its step-up keeps its key: another one would be made in vain, and refused.
func (p *Portal) offerBinding(w http.ResponseWriter, r *http.Request, v Visit, g Grant) {
	if p.DBSC.Keeper == nil || p.Cookies.Insecure || g.SID == "" {
		return
	}
	if bound, err := Read(r, p.Cookies.BoundName()); err == nil {
		if _, already := p.DBSC.Binder.Bound(g.SID, bound, v.Now); already {
			return
		}
	}
	w.Header().Set(dbsc.RegistrationField, dbsc.Offer(Prefix+dbscRegister, p.DBSC.Binder.Registration(g.SID, v.Now)))
}

func (v Visit) client() session.Client { return session.Client{Addr: v.Network, Agent: v.Agent} }

// bindable reads the session of a request of the protocol.
func (p *Portal) bindable(r *http.Request, v Visit) (sid string, kind session.BindKind, key []byte, err error) {
	if p.DBSC.Keeper == nil {
		return "", "", nil, refusal.New(refusal.RouteUnknown, "sessions are not bound to keys here (dbsc is off)")
	}
	cookie, err := Read(r, p.Cookies.SessionName())
	if err == nil && cookie == "" {
		err = refusal.New(refusal.LoginRequired, "a message about a bound session came without session")
	}
	if err != nil {
		return "", "", nil, err
	}
	return p.DBSC.Keeper.Binding(r.Context(), cookie, v.client(), v.Now)
}

// registerKey takes the key that a browser has made for its session.
func (p *Portal) registerKey(w http.ResponseWriter, r *http.Request, v Visit) error {
	sid, _, _, err := p.bindable(r, v)
	if err != nil {
		return err
	}
	response, ok := dbsc.Text(r.Header.Values(dbsc.ResponseField))
	if !ok {
		return refusal.New(refusal.InputInvalid, "a registration without %s, or with one that is no string", dbsc.ResponseField)
	}
	key, err := p.DBSC.Binder.Register(sid, response, v.Now)
	if err != nil {
		return &refusal.Refusal{Code: refusal.InputInvalid, Err: err, Reason: "session " + sid + ": a key was not registered (the browser goes on without)"}
	}
	if err := p.DBSC.Keeper.Bind(r.Context(), sid, session.DBSC, key, session.Meta{From: v.Network, RequestID: v.RequestID}, v.Now); err != nil {
		return err
	}
	return p.instruct(w, sid, v)
}

// refreshBound gives the next short-lived cookie to a browser that proves its key. One that
// sends no proof, or a stale one, is given a challenge with a 403, as the protocol has it;
// every other 4xx ends the binding in the browser.
func (p *Portal) refreshBound(w http.ResponseWriter, r *http.Request, v Visit) error {
	id, named := dbsc.Text(r.Header.Values(dbsc.IDField))
	if !named { // what tells other sites nothing about who is signed in
		return refusal.New(refusal.InputInvalid, "a refresh without %s", dbsc.IDField)
	}
	sid, kind, key, err := p.bindable(r, v)
	if err != nil {
		return err
	}
	if kind != session.DBSC || id != sid {
		return refusal.New(refusal.LoginRequired, "session %s is not bound, or the refresh is for another one", sid)
	}
	response, ok := dbsc.Text(r.Header.Values(dbsc.ResponseField))
	if !ok && len(r.Header.Values(dbsc.ResponseField)) > 0 {
		return refusal.New(refusal.InputInvalid, "a refresh whose %s is no string", dbsc.ResponseField)
	}
	if ok {
		err = p.DBSC.Binder.Refresh(sid, key, response, v.Now)
	}
	if !ok || errors.Is(err, dbsc.ErrChallenge) {
		h := w.Header()
		h.Set(dbsc.ChallengeField, dbsc.Ask(p.DBSC.Binder.Challenge(sid, v.Now), sid))
		p.alone(h)
		w.WriteHeader(http.StatusForbidden)
		return nil
	}
	if err != nil {
		return &refusal.Refusal{Code: refusal.LoginRequired, Err: err, Reason: "session " + sid + ": a refresh was not signed by the key that it is bound to (somebody may have copied the cookie: sanmon session revoke)"}
	}
	return p.instruct(w, sid, v)
}

// instruct answers with the short-lived cookie and what the browser binds to it.
func (p *Portal) instruct(w http.ResponseWriter, sid string, v Visit) error {
	body, err := dbsc.Site{Origin: p.DBSC.Origin, Refresh: Prefix + dbscRefresh, Cookie: p.Cookies.BoundName(), Attributes: BoundAttributes}.Instructions(sid)
	if err != nil {
		return err
	}
	http.SetCookie(w, p.Cookies.Bound(p.DBSC.Binder.Cookie(sid, v.Now)))
	h := w.Header()
	h.Set("Content-Type", "application/json")
	p.alone(h)
	_, _ = w.Write(body) // a browser that left asks again
	return nil
}

// alone keeps an answer to the browser that asked.
func (p *Portal) alone(h http.Header) {
	h.Set("Cache-Control", "no-store")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
}
