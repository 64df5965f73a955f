// Package server is the gate's HTTP face: it turns net/http requests into
// exchange.Request, asks the Gate, and does what the verdict says. It decides
// nothing itself.
package server

import (
	"context"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sanmon-gate/sanmon"
	"github.com/sanmon-gate/sanmon/exchange"
	"github.com/sanmon-gate/sanmon/identity/session"
	"github.com/sanmon-gate/sanmon/internal/portal"
	"github.com/sanmon-gate/sanmon/internal/proxy"
	"github.com/sanmon-gate/sanmon/internal/wire"
	"github.com/sanmon-gate/sanmon/refusal"
	"github.com/sanmon-gate/sanmon/secret"
	"github.com/sanmon-gate/sanmon/web/subrequest"
)

// State is everything that one configuration compiles to. A reload swaps the whole;
// requests under way finish with the one they began with.
type State struct {
	Gate     *sanmon.Gate
	Backends map[string]*proxy.Backend
	Timeouts map[string]time.Duration // by upstream: until the head of the answer
	Portal   Portal
	Sessions Renewer
	Cookies  portal.Cookies

	ForwardAuth subrequest.Profile // how other proxies ask; "": nobody is answered
	RenewAsked  bool               // answers to other proxies carry new session secrets
}

// Renewer gives a session another secret; identity/session's Keeper does.
type Renewer interface {
	// Renew returns the secret that the client shall hold from now on; empty to keep
	// what it has.
	Renew(ctx context.Context, cookie string, from session.Client, now time.Time) (secret.Value, error)
}

// Portal answers below the reserved prefix and writes refusals.
type Portal interface {
	// Serve answers a request to one of our own addresses, and returns the refusal
	// that it answered with, nil for none.
	Serve(w http.ResponseWriter, r *http.Request, p *sanmon.Passage) *refusal.Refusal
	// Refuse writes the answer to a refused request: problem+json, a page, or a
	// redirect to the login page. It returns the status that was written.
	Refuse(w http.ResponseWriter, r *http.Request, p *sanmon.Passage, no *refusal.Refusal) int
	// Deny answers a proxy that asked about a request which may not pass, and returns the
	// status that was written. asked is the request by which it asked.
	Deny(w http.ResponseWriter, asked *exchange.Request, p *sanmon.Passage, profile subrequest.Profile, no *refusal.Refusal) int
}

// Handler serves the public listener. It is safe for concurrent use.
type Handler struct {
	IDs     IDs
	Account func(*Record) // called once for every request, after the answer
	state   atomic.Pointer[State]
	visits  sync.Pool
	ahead   room // of bodies that are read before they are forwarded
}

// Use makes s the configuration of all requests that begin from now on, and returns
// the one before, nil at first.
func (h *Handler) Use(s *State) *State { return h.state.Swap(s) }

// State returns the configuration in use.
func (h *Handler) State() *State { return h.state.Load() }

// ServeHTTP implements http.Handler.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s := h.state.Load()
	v := h.enter(s, r)
	defer h.leave(v)
	if s.answers(&v.request) {
		v.answer(w)
		return
	}
	defer v.rescue(w, r)
	err := s.Gate.Judge(r.Context(), &v.request, &v.body, &v.passage)
	switch {
	case err != nil:
		v.refuse(w, r, err)
	case v.passage.Reserved:
		v.serve(w, r)
	default:
		v.forward(w, r)
	}
}

// enter fills a visit from what net/http read.
func (h *Handler) enter(s *State, r *http.Request) *visit {
	v := h.visit(s, r.Context(), exchange.Request{
		Method: r.Method, Target: r.RequestURI, Host: r.Host, Proto: proto(r),
		Secure: wire.Secure(r.Context()), Peer: peer(r),
		Fields: exchange.Header(r.Header), Length: r.ContentLength,
	})
	v.body.reset(wire.Body(r), &h.ahead) // never r.Body: it hides faults of the framing
	return v
}

// visit begins one, without a body.
func (h *Handler) visit(s *State, ctx context.Context, r exchange.Request) *visit {
	v, _ := h.visits.Get().(*visit)
	if v == nil {
		v = newVisit()
	}
	r.ID, r.Now = h.IDs.of(s.Gate, &r), time.Now()
	v.state, v.ctx, v.request = s, ctx, r
	v.record = Record{Passage: &v.passage, Started: r.Now}
	return v
}

// leave accounts for the visit and takes its memory back. It runs even when the
// forwarder aborts the connection, which it does by panicking.
func (h *Handler) leave(v *visit) {
	v.passage.Held.Release()
	if h.Account != nil {
		h.Account(v.finish())
	}
	v.end()
	h.visits.Put(v)
}
