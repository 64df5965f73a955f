package server

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/sanmon-gate/sanmon"
	"github.com/sanmon-gate/sanmon/caller"
	"github.com/sanmon-gate/sanmon/exchange"
	"github.com/sanmon-gate/sanmon/internal/portal"
	"github.com/sanmon-gate/sanmon/refusal"
	"github.com/sanmon-gate/sanmon/web/origin"
	"github.com/sanmon-gate/sanmon/web/subrequest"
)

// ForwardAuthPath is where other proxies ask whether a request may pass.
const ForwardAuthPath = portal.Prefix + "forward-auth"

// asks reports whether a request-target is a question of a proxy.
func asks(target string) bool {
	rest, ok := strings.CutPrefix(target, ForwardAuthPath)
	return ok && (rest == "" || rest[0] == '/' || rest[0] == '?')
}

// answers reports whether r is a question of a proxy that is answered.
func (s *State) answers(r *exchange.Request) bool {
	return asks(r.Target) && s.ForwardAuth != "" && s.Gate.Clients.Trusts(r.Peer)
}

// InPlace answers questions for the wire, without net/http. It implements wire.InPlace, for
// targets that begin with ForwardAuthPath.
func (h *Handler) InPlace(ctx context.Context, r *exchange.Request, dst []byte) ([]byte, bool) {
	s := h.state.Load()
	if !s.answers(r) {
		return dst, false
	}
	v := h.visit(s, ctx, *r)
	defer h.leave(v)
	w := reply{header: make(http.Header, 8)}
	v.answer(&w)
	return w.append(dst, v.asked.Now), true
}

// answer gives a trusted proxy the verdict on the request that it describes. It is the
// same verdict that the request would get in line, but for its body, which is not here.
func (v *visit) answer(w http.ResponseWriter) {
	s := v.state
	v.asked = v.request
	profile := s.ForwardAuth
	defer v.failClosed(w, &profile)
	q, err := s.ForwardAuth.Read(&v.request, ForwardAuthPath)
	profile = q.Profile
	if err == nil {
		v.request, v.passage.Unseen = q.Request, true
		if err = s.Gate.Judge(v.ctx, &v.request, nil, &v.passage); err == nil && v.passage.Reserved {
			err = refusal.New(refusal.RouteUnknown, "forward-auth: %.100q belongs to Sanmon (let the proxy send it here instead of asking)", v.passage.Target.Path)
		}
	} else {
		v.passage.Request = &v.request
	}
	if err == nil {
		err = v.named()
	}
	if err == nil {
		err = v.vouch(w)
	}
	if err != nil {
		v.deny(w, profile, err)
	}
}

// named refuses a question that does not say who the client is where that decides: the
// address that is left, the proxy's own, may well be on the list.
func (v *visit) named() error {
	g, p := v.state.Gate, &v.passage
	if len(g.Networks.Allow)+len(p.Route.Networks.Allow) == 0 || g.Clients.Header == "" || len(v.request.Fields.Values(g.Clients.Header)) > 0 {
		return nil
	}
	return refusal.New(refusal.NetworkDenied, "forward-auth: route %q is for some networks, and %s does not say who the client is (let it send %s)", p.Route.ID, v.request.Peer, g.Clients.Header)
}

// vouch answers that the request may pass, and who is calling. The proxy copies the fields
// onto the request, and Set-Cookie onto the answer.
func (v *visit) vouch(w http.ResponseWriter) error {
	h := w.Header()
	if err := v.state.Gate.Vouch(&v.passage, h); err != nil {
		return err
	}
	if v.state.RenewAsked {
		if next := v.renew(v.ctx); !next.Empty() {
			h.Add("Set-Cookie", v.state.Cookies.Session(next).String())
		}
	}
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Length", "0")
	v.record.Status = http.StatusOK
	w.WriteHeader(http.StatusOK)
	return nil
}

func (v *visit) deny(w http.ResponseWriter, p subrequest.Profile, err error) {
	no := refusal.From(err)
	v.record.Refusal = no
	v.state.Gate.Standing(&v.passage)
	v.record.Status = v.state.Portal.Deny(w, &v.asked, &v.passage, p, no)
}

// failClosed turns a panic into a refusal.
func (v *visit) failClosed(w http.ResponseWriter, p *subrequest.Profile) {
	cause := recover()
	if cause == nil {
		return
	}
	no := fault(cause)
	if v.record.Status != 0 || cause == http.ErrAbortHandler {
		v.record.Refusal = no
		panic(http.ErrAbortHandler)
	}
	v.deny(w, *p, no)
}

// Deny implements Portal. No answer of it is a 2xx, which proxies take for a yes. nginx
// takes 401 and 403 for a no and nothing else: it gets these, and the rest as fields.
func (f *Front) Deny(w http.ResponseWriter, asked *exchange.Request, p *sanmon.Passage, profile subrequest.Profile, no *refusal.Refusal) int {
	h := w.Header()
	for _, name := range []string{"Sanmon-Assertion", "Remote-User", "Remote-Email", "Remote-Groups", "Set-Cookie"} {
		h.Del(name)
	}
	f.common(h, p)
	for name, value := range p.RateFields() {
		h[name] = []string{value} // as written: Set would spell it Ratelimit
	}
	h.Set("Sanmon-Code", string(no.Code))
	navigation := origin.Navigation(p.Request)
	to, status := "", 0
	if navigation {
		to, status = f.leadTo(p, no)
	}
	if profile == subrequest.Nginx {
		return f.denyNginx(w, asked, p, no, to)
	}
	if to != "" {
		return redirect(w, status, to)
	}
	w = denial{w}
	f.Portal.Pages.WriteRefusal(w, described(asked, p), no, p.Request.ID, navigation)
	return max(no.Status(), http.StatusBadRequest)
}

// denyNginx answers 401, for which a configuration may show the login page, or 403.
func (f *Front) denyNginx(w http.ResponseWriter, asked *exchange.Request, p *sanmon.Passage, no *refusal.Refusal, to string) int {
	h := w.Header()
	h.Set("Sanmon-Status", strconv.Itoa(no.Status()))
	if to != "" {
		h.Set("Sanmon-Location", to)
	}
	status := http.StatusForbidden
	if no.Status() == http.StatusUnauthorized {
		status = http.StatusUnauthorized
	}
	f.Portal.Pages.WriteRefusal(fixed{w, status}, described(asked, p), no, p.Request.ID, false)
	return status
}

// leadTo is where a person's browser is better sent than told: to HTTPS, or to the login
// page. "" for nowhere. The address is a whole one: the host in front may be another.
func (f *Front) leadTo(p *sanmon.Passage, no *refusal.Refusal) (to string, status int) {
	m := p.Request.Method
	switch no.Code {
	case refusal.HTTPSRequired:
		return f.PublicURL + p.Target.Raw, http.StatusPermanentRedirect
	case refusal.LoginRequired, refusal.SessionExpired, refusal.StepUpRequired:
		if (m == http.MethodGet || m == http.MethodHead) && p.Route != nil && p.Route.Boundary.Takes(caller.Session) && p.Caller.Kind != caller.Key {
			return f.PublicURL + portal.LoginURL(p.Target.Raw), http.StatusSeeOther
		}
	}
	return "", 0
}

// described is the request that the text of a refusal is for, in the shape that pages are
// written for.
func described(asked *exchange.Request, p *sanmon.Passage) *http.Request {
	r := &http.Request{Method: asked.Method, Host: asked.Host, Header: http.Header{}, URL: &url.URL{Path: "/"}, RequestURI: asked.Target}
	for name, values := range asked.Fields.All() {
		r.Header[name] = values
	}
	if u, err := url.ParseRequestURI(p.Target.Raw); err == nil && p.Target.Raw != "" {
		r.URL = u
	}
	if p.Unseen && p.Request.Method != http.MethodHead { // the answer to a GET about a HEAD has its body
		r.Method = p.Request.Method
	}
	return r
}

// fixed writes one status, whatever it is told.
type fixed struct {
	http.ResponseWriter
	status int
}

func (w fixed) WriteHeader(int) { w.ResponseWriter.WriteHeader(w.status) }

// denial never says yes.
type denial struct{ http.ResponseWriter }

func (w denial) WriteHeader(status int) {
	if status < http.StatusMultipleChoices {
		status = http.StatusForbidden
	}
	w.ResponseWriter.WriteHeader(status)
}
