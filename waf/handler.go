package waf

import (
	"bytes"
	"io"
	"net/http"
	"net/netip"
	"time"

	"github.com/sanmon-gate/sanmon/exchange"
	"github.com/sanmon-gate/sanmon/refusal"
)

// Handler refuses what the engine refuses before next sees it, for programs without the
// gate. next can read the whole body. With observe not nil nothing is refused: observe is
// called instead, also when the engine failed.
func (e *Engine) Handler(next http.Handler, observe func(*http.Request, error)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		err := e.judge(r)
		switch {
		case err == nil:
		case observe != nil:
			observe(r, err)
		default:
			refusal.From(err).ServeHTTP(w, r)
			return
		}
		next.ServeHTTP(w, r)
	})
}

func (e *Engine) judge(r *http.Request) error {
	prefix, err := beginning(r, e.body+1)
	if err != nil {
		return refusal.New(refusal.InputInvalid, "read the body: it ended early")
	}
	peer, _ := netip.ParseAddrPort(r.RemoteAddr)
	version := exchange.HTTP11
	switch {
	case r.ProtoMajor == 2:
		version = exchange.HTTP2
	case r.ProtoMajor == 1 && r.ProtoMinor == 0:
		version = exchange.HTTP10
	}
	return e.Inspect(&exchange.Request{
		ID: r.Header.Get("X-Request-Id"), Method: r.Method, Target: r.RequestURI, Host: r.Host, Proto: version, Secure: r.TLS != nil,
		Peer: peer.Addr().Unmap(), Fields: exchange.Header(r.Header), Length: r.ContentLength, Now: time.Now(),
	}, r.RequestURI, prefix)
}

// beginning reads up to n bytes of the body and puts them back.
func beginning(r *http.Request, n int) ([]byte, error) {
	if r.Body == nil || r.Body == http.NoBody {
		return nil, nil
	}
	prefix, err := io.ReadAll(io.LimitReader(r.Body, int64(n)))
	r.Body = &body{io.MultiReader(bytes.NewReader(prefix), r.Body), r.Body}
	return prefix, err
}

type body struct {
	io.Reader
	io.Closer
}
