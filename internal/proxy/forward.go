package proxy

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/sanmon-gate/sanmon/internal/upstream"
)

// Forward sends out to the backend and its answer to w. r is the client's request
// as net/http gave it; only its context, method, protocol and trailers are read.
//
// An error means that nothing was written to w: a *refusal.Refusal of
// upstream_unreachable, upstream_timeout, body_too_large or whatever the body's
// reader refused with, or ErrClientGone. When the backend or the client fails after
// the head was sent, Forward panics with http.ErrAbortHandler, so that the client
// sees a cut connection and not a complete answer: account in a defer.
func (b *Backend) Forward(w http.ResponseWriter, r *http.Request, out Outgoing) error {
	if b.direct(&out) {
		return b.forwardDirect(w, r, &out)
	}
	if b.plain(&out) {
		return b.forwardPlain(w, r, &out)
	}
	ctx, cancel := context.WithCancelCause(r.Context())
	wt := b.watches.Get().(*watch)
	wt.begin(b.timeout(&out), cancel)
	var cb *clientBody
	defer func() {
		cancel(nil)
		if wt.end() && cb == nil { // the transport may read a streamed body to the end of its days
			b.watches.Put(wt)
		}
	}()

	var req *http.Request
	var err error
	req, cb, err = b.request(ctx, r, &out, wt)
	if err != nil {
		return err
	}
	if cb != nil {
		fullDuplex(w)
	}
	res, err := b.transport.RoundTrip(req)
	closeAfterUnreadBody(w, r, cb)
	if err != nil {
		return b.failure(r, &out, cb, wt, err)
	}
	if res.StatusCode == http.StatusSwitchingProtocols {
		wt.end()
		return b.tunnel(w, req, res, &out)
	}
	if err := b.fit(res); err != nil {
		return err
	}
	streams := res.ContentLength < 0 || eventStream(res.Header)
	if streams && out.Owner != "" {
		remove, err := b.register(&out, func() { cancel(errCut) })
		if err != nil {
			return err
		}
		defer remove()
	}
	wt.relimit(b.options.StreamIdle)
	moveHeader(w.Header(), res.Header)
	return b.respond(w, answerOf(res), &out, wt, streams)
}

// answer is a response of the backend whose header was moved to the client's.
type answer struct {
	status  int
	body    io.ReadCloser
	trailer http.Header        // announced names; their values come with the end of the body
	engine  *upstream.Response // the same as body when our own engine brought it; else nil
}

func answerOf(res *http.Response) *answer {
	return &answer{status: res.StatusCode, body: res.Body, trailer: res.Trailer}
}

// whole returns what is left of the body if all of it has come; nil when not. It is valid
// until the body is closed.
func (a *answer) whole() []byte {
	if a.engine == nil {
		return nil
	}
	return a.engine.Whole()
}

// here reports whether the first bytes of the body have come for certain.
func (a *answer) here() bool { return a.engine != nil && a.body != http.NoBody && a.engine.Here() }

func (b *Backend) timeout(out *Outgoing) time.Duration {
	if out.Timeout > 0 {
		return out.Timeout
	}
	return b.options.Timeout
}

// fullDuplex lets the answer begin while the body still comes. Only HTTP/1 needs
// to be told; a writer that cannot is one that already does.
func fullDuplex(w http.ResponseWriter) { _ = http.NewResponseController(w).EnableFullDuplex() }

// closeAfterUnreadBody makes an HTTP/1 answer that begins before the request body
// has ended the last one of its connection. In full duplex net/http does not look
// whether a body broke off, and would read what is left of it as the next request.
func closeAfterUnreadBody(w http.ResponseWriter, r *http.Request, cb *clientBody) {
	if cb != nil && r.ProtoMajor == 1 && !cb.ended.Load() {
		w.Header()["Connection"] = []string{"close"}
	}
}

// respond sends head, body and trailers. It panics when that fails half way; an error
// means that nothing was sent.
func (b *Backend) respond(w http.ResponseWriter, res *answer, out *Outgoing, wt *watch, streams bool) error {
	h := w.Header()
	begun := b.lookAhead(res, out, h)
	if begun.buf != nil {
		defer b.ahead.Put(begun.buf)
	}
	var content Content
	if out.Release != nil {
		content = out.Release(res.status, h, begun.head, begun.whole)
	}
	if content.Refuse != nil {
		withdraw(h, res)
		content.discard()
		return content.Refuse
	}
	var trailers []string
	if len(res.trailer) > 0 {
		trailers = announceTrailer(h, res.trailer, content.Filter != nil || content.Decode != nil)
	}
	if begun.whole && content.Filter != nil && content.Decode == nil {
		out := b.filtered.Get().(*[]byte)
		defer b.keep(out)
		*out = begun.settle(&content, *out, h, len(trailers) > 0)
	}
	w.WriteHeader(res.status)
	if err := b.sendBody(client{w, out.Gather, wt, streams, len(begun.head) > 0 || res.here()}, res, &begun, content); err != nil {
		abort(out, res, err)
	}
	for _, name := range trailers {
		if values := res.trailer[name]; len(values) > 0 {
			h[name] = values
		}
	}
	_ = res.body.Close()
	return nil
}

// sendBody moves a body as content says. One that is there and stays as it is leaves in
// one write, without a copy.
func (b *Backend) sendBody(c client, res *answer, begun *beginning, content Content) error {
	if content.Filter == nil && content.Decode == nil && !c.streams {
		if len(begun.head) == 0 && !begun.whole {
			begun.head = res.whole()
			begun.whole = begun.head != nil
		}
		if begun.whole {
			return c.send(begun.head, true)
		}
	}
	return b.copyContent(c, begun.from(res.body), content)
}

// withdraw takes back an answer of which nothing was sent.
func withdraw(h http.Header, res *answer) {
	_ = res.body.Close()
	for name := range h {
		if name != "Connection" { // ours: see closeAfterUnreadBody
			delete(h, name)
		}
	}
}

// abort makes a cut visible to the client.
func abort(out *Outgoing, res *answer, cause error) {
	_ = res.body.Close()
	if out.Aborted != nil {
		out.Aborted(cause)
	}
	panic(http.ErrAbortHandler)
}

func flush(w http.ResponseWriter) error {
	if f, ok := w.(interface{ FlushError() error }); ok {
		return f.FlushError()
	}
	if err := http.NewResponseController(w).Flush(); !errors.Is(err, http.ErrNotSupported) {
		return err
	}
	return nil
}

func eventStream(h http.Header) bool {
	v := h["Content-Type"]
	return len(v) > 0 && strings.HasPrefix(v[0], "text/event-stream")
}
