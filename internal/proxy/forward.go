package proxy

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"
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
		return b.failure(r, cb, wt, err)
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
	return b.respond(w, res, &out, wt, streams)
}

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
func (b *Backend) respond(w http.ResponseWriter, res *http.Response, out *Outgoing, wt *watch, streams bool) error {
	h := w.Header()
	moveHeader(h, res.Header)
	begun := b.lookAhead(res, out, h)
	if begun.buf != nil {
		defer b.ahead.Put(begun.buf)
	}
	var content Content
	if out.Release != nil {
		content = out.Release(res.StatusCode, h, begun.head, begun.whole)
	}
	if content.Refuse != nil {
		withdraw(h, res)
		content.discard()
		return content.Refuse
	}
	var trailers []string
	if len(res.Trailer) > 0 {
		trailers = announceTrailer(h, res.Trailer, content.Filter != nil || content.Decode != nil)
	}
	if begun.whole && content.Filter != nil && content.Decode == nil {
		out := b.filtered.Get().(*[]byte)
		defer b.keep(out)
		*out = begun.settle(&content, *out, h, len(trailers) > 0)
	}
	w.WriteHeader(res.StatusCode)
	if err := b.copyContent(w, begun.from(res.Body), content, wt, streams); err != nil {
		abort(out, res, err)
	}
	for _, name := range trailers {
		if values := res.Trailer[name]; len(values) > 0 {
			h[name] = values
		}
	}
	_ = res.Body.Close()
	return nil
}

// withdraw takes back an answer of which nothing was sent.
func withdraw(h http.Header, res *http.Response) {
	_ = res.Body.Close()
	for name := range h {
		if name != "Connection" { // ours: see closeAfterUnreadBody
			delete(h, name)
		}
	}
}

// abort makes a cut visible to the client.
func abort(out *Outgoing, res *http.Response, cause error) {
	_ = res.Body.Close()
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
