package proxy

import (
	"net/http"

	"github.com/sanmon-gate/sanmon/internal/upstream"
)

// direct reports whether a request goes through our own engine: over plain HTTP/1.1, with
// a body that is small enough to be read first, or none. Everything else is for the
// standard library's transport.
func (b *Backend) direct(out *Outgoing) bool {
	return b.pool != nil && !out.Upgrade && (bodiless(out) || out.small())
}

func bodiless(out *Outgoing) bool { return out.Body == nil || out.ContentLength == 0 }

// small reports whether the body is sent together with the head.
func (o *Outgoing) small() bool {
	return o.ContentLength > 0 && o.ContentLength <= smallBody && len(o.Header["Expect"]) == 0
}

// forwardDirect is Forward on the calling goroutine alone.
func (b *Backend) forwardDirect(w http.ResponseWriter, r *http.Request, out *Outgoing) error {
	if err := checkTarget(out); err != nil {
		return err
	}
	q := upstream.Request{Method: out.Method, Target: out.Target, Host: out.Host, Header: out.Header, Repeat: repeats(out), Timeout: b.timeout(out), Idle: b.options.StreamIdle}
	if b.options.Host == Own {
		q.Host = b.host
	}
	if !bodiless(out) {
		var err error
		if q.Body, err = readSmall(out); err != nil {
			return err
		}
	}
	res, err := b.pool.Do(r.Context(), &q)
	b.reclaim(out)
	if err != nil {
		return b.failure(r, out, nil, nil, err)
	}
	defer func() { _ = res.Close() }() // of no effect after respond
	takeHeader(w.Header(), res)
	streams := res.Length < 0 && !res.Empty() || eventStream(w.Header())
	a := &answer{status: res.Status, body: res, trailer: res.Trailer, engine: res}
	if res.Empty() {
		a.body = http.NoBody
	}
	if streams && out.Owner != "" {
		severable := &severable{ReadCloser: res, cut: res.Cut}
		a.body = severable
		remove, err := b.register(out, func() { severable.sever(errCut) })
		if err != nil {
			clear(w.Header())
			return err
		}
		defer remove()
	}
	return b.respond(w, a, out, nil, streams)
}

// Header returns an empty header for an Outgoing of this backend. Forward takes it back
// when it is done with it.
func (b *Backend) Header() http.Header {
	if h, ok := b.headers.Get().(http.Header); ok {
		return h
	}
	return make(http.Header, 32) // what a browser sends and the gate adds
}

// reclaim keeps the header for another request. The engine keeps nothing of it.
func (b *Backend) reclaim(out *Outgoing) {
	h := out.Header
	out.Header = nil
	if n := len(h); n > 0 && n <= 64 {
		clear(h)
		b.headers.Put(h)
	}
}

// repeats reports whether a request may be sent again that has been written: as the
// standard library's transport takes it, and never one with an effect.
func repeats(out *Outgoing) bool {
	if bodiless(out) {
		return replayable(out) && !(out.Once && safe(out.Method))
	}
	return replayable(out) && !out.Once
}

// takeHeader fills dst with the header of an answer, without the fields that end at this
// hop (RFC 9110, Section 7.6.1).
func takeHeader(dst http.Header, res *upstream.Response) {
	n := res.Fields()
	backing := make([]string, n) // the values of all names but repeated ones
	for i := range n {
		name, value := res.Field(i)
		if hopByHop(name) {
			continue
		}
		if before, ok := dst[name]; ok {
			dst[name] = append(before, value)
			continue
		}
		backing[i] = value
		dst[name] = backing[i : i+1 : i+1]
	}
	if res.Listed {
		for i := range n {
			if name, value := res.Field(i); name == "Connection" {
				dropListed(dst, []string{value})
			}
		}
	}
	if res.Status == http.StatusNoContent {
		delete(dst, "Content-Length") // RFC 9110, Section 8.6
	}
}
