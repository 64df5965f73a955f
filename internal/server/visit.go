package server

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"runtime/debug"
	"time"

	"github.com/sanmon-gate/sanmon"
	"github.com/sanmon-gate/sanmon/exchange"
	"github.com/sanmon-gate/sanmon/internal/coding"
	"github.com/sanmon-gate/sanmon/internal/portal"
	"github.com/sanmon-gate/sanmon/internal/proxy"
	"github.com/sanmon-gate/sanmon/internal/wire"
	"github.com/sanmon-gate/sanmon/refusal"
	"github.com/sanmon-gate/sanmon/secret"
	"github.com/sanmon-gate/sanmon/web/headers"
)

// visit is the memory of one request. It is pooled: nothing of it may be kept.
type visit struct {
	state   *State
	request exchange.Request
	asked   exchange.Request // by which another proxy asked about request
	passage sanmon.Passage
	body    prefixed
	edits   []headers.Edit
	record  Record
	ctx     context.Context // of the request
	hooks   hooks
}

// hooks are the methods of a visit that the forwarder calls. They are bound once for
// the life of the pooled visit, not anew for each request.
type hooks struct {
	alive   func() error
	aborted func(error)
	release func(int, http.Header, []byte, bool) proxy.Content
	ahead   func(int, http.Header, []byte) bool
	gather  func(bool) error
}

func newVisit() *visit {
	v := &visit{}
	v.hooks = hooks{v.alive, v.aborted, v.release, v.ahead, v.gather}
	return v
}

func (v *visit) end() {
	v.passage = sanmon.Passage{}
	v.request, v.asked = exchange.Request{}, exchange.Request{}
	v.state, v.ctx = nil, nil
	v.body.reset(nil, nil)
	v.edits = v.edits[:0]
	v.record = Record{}
}

func (v *visit) finish() *Record {
	v.record.Took = time.Since(v.record.Started)
	v.record.Request = &v.request
	return &v.record
}

func (v *visit) refuse(w http.ResponseWriter, r *http.Request, err error) {
	no := refusal.From(err)
	v.record.Refusal = no
	v.state.Gate.Standing(&v.passage)
	v.record.Status = v.state.Portal.Refuse(w, r, &v.passage, no)
}

func (v *visit) serve(w http.ResponseWriter, r *http.Request) {
	sw := statusWriter{ResponseWriter: w}
	v.record.Refusal = v.state.Portal.Serve(&sw, r, &v.passage)
	v.record.Status = sw.status
}

// forward hands the request to its backend and the answer to the client.
func (v *visit) forward(w http.ResponseWriter, r *http.Request) {
	p := &v.passage
	p.Begun = v.body.begun(r)
	backend := v.state.Backends[p.Route.Upstream]
	header := backend.Header()
	if err := v.state.Gate.Forward(p, header); err != nil {
		v.refuse(w, r, err)
		return
	}
	body, length := v.body.rest(r, p)
	err := backend.Forward(w, r, proxy.Outgoing{
		Method: r.Method, Target: p.ForwardTarget(), Host: p.Host, Header: header,
		Body: body, ContentLength: length, Timeout: v.state.Timeouts[p.Route.Upstream],
		Upgrade: p.Upgrade, Once: p.Writes, Owner: owner(p), Principal: p.Caller.Subject, Until: p.Caller.ExpiresAt, Trailer: headers.Forwardable,
		Alive: v.hooks.alive, Aborted: v.hooks.aborted, Release: v.hooks.release, Ahead: v.hooks.ahead, Gather: v.hooks.gather,
	})
	switch {
	case err == nil:
	case errors.Is(err, proxy.ErrClientGone):
		v.record.Gone = true
		panic(http.ErrAbortHandler) // else net/http says 200 to one who has only stopped sending
	default:
		v.refuse(w, r, err)
	}
}

// rescue turns a panic into a refusal, if nothing was written yet: the gate fails
// closed and goes on. It logs the type and the place, never the value, which may hold
// anything. An aborted answer is passed on: net/http cuts the connection then.
func (v *visit) rescue(w http.ResponseWriter, r *http.Request) {
	cause := recover()
	if cause == nil {
		return
	}
	if cause == http.ErrAbortHandler {
		panic(cause)
	}
	no := fault(cause)
	if v.record.Status != 0 {
		v.record.Refusal = no
		panic(http.ErrAbortHandler)
	}
	v.refuse(w, r, no)
}

// fault is the refusal that a panic becomes.
func fault(cause any) *refusal.Refusal {
	return &refusal.Refusal{Code: refusal.Internal, Reason: "a fault of the gate; please report it with this trace", Err: fmt.Errorf("panic of type %T\n%s", cause, debug.Stack())}
}

// alive judges the credential behind a connection that is about to stay open once more:
// it may have ended while the backend was asked.
func (v *visit) alive() error { return v.state.Gate.Again(v.ctx, &v.passage) }

func (v *visit) aborted(cause error) { v.record.Aborted = cause }

func (v *visit) gather(begin bool) error { return wire.Gather(v.ctx, begin) }

func (v *visit) ahead(status int, h http.Header, head []byte) bool {
	return v.state.Gate.Ahead(&v.passage, status, h, head)
}

func (v *visit) release(status int, h http.Header, head []byte, whole bool) proxy.Content {
	v.record.Status = status
	if err := v.state.Gate.Adopt(v.ctx, &v.passage, status, h, time.Now()); err != nil {
		return proxy.Content{Refuse: err}
	}
	next := v.renew(v.ctx) // before the page gets its tokens, which are bound to the secret
	var content sanmon.Content
	v.edits, content = v.state.Gate.Release(&v.passage, status, h, head, whole, v.edits)
	if !next.Empty() {
		h.Add("Set-Cookie", v.state.Cookies.Session(next).String())
		h.Set("Cache-Control", "no-store")
	}
	v.handOver(h)
	if content.Recode != "" {
		content.Filter = exchange.NewChain(content.Filter, coding.Encoder(content.Recode))
	}
	return proxy.Content{Decode: coding.Decoder(content.Coding), Filter: content.Filter, Refuse: content.Refuse}
}

// renew takes the session secret that the browser is to get with the answer; the empty one
// when it keeps what it has. If that fails, the one that it has still holds. The windows in
// which the old one is taken begin now, not when the request came: a slow backend must not
// use them up.
func (v *visit) renew(ctx context.Context) secret.Value {
	p := &v.passage
	if !p.Renew || p.Handover.Ended {
		return secret.Value{}
	}
	now := time.Now()
	next, err := v.state.Sessions.Renew(ctx, p.Cookie, p.Client(), now)
	if err != nil || next.Empty() {
		return secret.Value{}
	}
	v.state.Gate.Rebind(ctx, p, now)
	return next
}

// handOver gives the browser the cookies that follow from what its backend answered. Those
// of ours that a login replaces go with it.
func (v *visit) handOver(h http.Header) {
	given, cookies := &v.passage.Handover, v.state.Cookies
	if !given.Any() {
		return
	}
	if !given.Session.Empty() {
		h.Add("Set-Cookie", cookies.Session(given.Session).String())
		h.Add("Set-Cookie", portal.Cleared(cookies.Pre("")).String())
	}
	if given.Ended {
		h.Add("Set-Cookie", portal.Cleared(cookies.Session(secret.Value{})).String())
	}
	if given.Pre != "" {
		h.Add("Set-Cookie", cookies.Pre(given.Pre).String())
	}
	if given.Visiting && given.Visitor != "" {
		h.Add("Set-Cookie", cookies.Visitor(given.Visitor).String())
	} else if given.Visiting {
		h.Add("Set-Cookie", portal.Cleared(cookies.Visitor("")).String())
	}
	h.Set("Cache-Control", "no-store")
}

// owner names whose sockets a tunnel is, so that it can be cut when they are revoked.
func owner(p *sanmon.Passage) string {
	if p.Caller.SID != "" {
		return p.Caller.SID
	}
	return p.Caller.KeyID
}

func proto(r *http.Request) exchange.Proto {
	switch {
	case r.ProtoMajor == 2:
		return exchange.HTTP2
	case r.ProtoMajor == 1 && r.ProtoMinor == 0:
		return exchange.HTTP10
	}
	return exchange.HTTP11
}

// peer is the transport peer's address; the zero Addr, which is in no network, when
// there is none.
func peer(r *http.Request) netip.Addr {
	if addr := wire.Peer(r.Context()); addr.IsValid() {
		return addr
	}
	ap, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	return ap.Addr().Unmap().WithZone("")
}

// statusWriter remembers the status that the portal wrote.
type statusWriter struct {
	http.ResponseWriter
	status int
}

func (w *statusWriter) WriteHeader(status int) {
	if w.status == 0 {
		w.status = status
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *statusWriter) Write(b []byte) (int, error) {
	if w.status == 0 {
		w.status = http.StatusOK
	}
	return w.ResponseWriter.Write(b)
}

// Unwrap is for http.ResponseController.
func (w *statusWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }
