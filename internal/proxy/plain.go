package proxy

import (
	"io"
	"net/http"
	"strings"
	"sync/atomic"

	"github.com/sanmon-gate/sanmon/refusal"
)

// plain reports whether a request needs no context of its own: it has no body whose
// progress is watched, switches no protocol, and waits for its head as long as every
// request of this backend, which the transport itself bounds.
func (b *Backend) plain(out *Outgoing) bool {
	return (out.Body == nil || out.ContentLength == 0) && !out.Upgrade && b.timeout(out) == b.options.Timeout
}

// forwardPlain is Forward for most requests that our own engine does not take: to https
// backends. A context for each would cost a twenty-fifth of all CPU time; here the body of
// the answer is what is cut.
func (b *Backend) forwardPlain(w http.ResponseWriter, r *http.Request, out *Outgoing) error {
	req, _, err := b.request(r.Context(), r, out, nil)
	if err != nil {
		return err
	}
	res, err := b.transport.RoundTrip(req)
	if err != nil {
		return b.failure(r, out, nil, nil, err)
	}
	defer func() { _ = res.Body.Close() }() // of no effect after the end of the body
	if err := b.fit(res); err != nil {
		return err
	}
	streams := res.ContentLength < 0 || eventStream(res.Header)
	wt := b.watches.Get().(*watch)
	body := res.Body
	if streams && out.Owner != "" {
		severable := &severable{ReadCloser: res.Body, cut: func() { _ = body.Close() }}
		remove, err := b.register(out, func() { severable.sever(errCut) })
		if err != nil {
			b.watches.Put(wt)
			return err
		}
		defer remove()
		res.Body = severable
	}
	wt.begin(b.options.StreamIdle, func(error) { _ = body.Close() })
	defer func() {
		if wt.end() {
			b.watches.Put(wt)
		}
	}()
	moveHeader(w.Header(), res.Header)
	return b.respond(w, answerOf(res), out, wt, streams)
}

// fit refuses an answer that is none.
func (b *Backend) fit(res *http.Response) error {
	switch {
	case res.StatusCode == http.StatusSwitchingProtocols:
		return b.unreachable("switched protocols without being asked")
	case res.StatusCode < 200 || res.StatusCode > 599: // RFC 9110, Section 15
		return b.unreachable("answered with a status outside 200 to 599")
	case fields(res.Header) > maxResponseFields:
		return b.unreachable("answered with too many header fields")
	}
	return nil
}

// severable is a body that can be cut from outside, saying why.
type severable struct {
	io.ReadCloser
	cut   func() // ends a Read that waits
	cause atomic.Pointer[error]
}

func (s *severable) sever(cause error) {
	s.cause.Store(&cause)
	s.cut()
}

func (s *severable) Read(p []byte) (int, error) {
	n, err := s.ReadCloser.Read(p)
	if err != nil && err != io.EOF {
		if cause := s.cause.Load(); cause != nil {
			return n, *cause
		}
	}
	return n, err
}

// headTimeout reports whether the transport gave up waiting for a head. Its error has
// no type of its own.
func headTimeout(err error) bool {
	return isTimeout(err) && strings.Contains(err.Error(), "awaiting response headers")
}

func (b *Backend) timedOut(limit any) *refusal.Refusal {
	return refusal.New(refusal.UpstreamTimeout, "upstream %q (%s://%s) sent no response head within %s [look at what the backend is doing, or raise upstreams.%s.timeout]",
		b.options.Name, b.scheme, b.host, limit, b.options.Name)
}
