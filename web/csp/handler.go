package csp

import (
	"context"
	"crypto/rand"
	"net/http"

	"github.com/sanmon-gate/sanmon/exchange"
	"github.com/sanmon-gate/sanmon/refusal"
	"github.com/sanmon-gate/sanmon/web/headers"
)

type nonceKey struct{}

// NonceOf returns the nonce of the page that answers r, for the script elements of its
// template; "" outside of Handler. Never put it on markup that came from data.
func NonceOf(ctx context.Context) string {
	nonce, _ := ctx.Value(nonceKey{}).(string)
	return nonce
}

// Handler gives next's documents the policies of o, for programs without the gate. next
// finds the nonce by NonceOf. The floor of package headers goes around it:
//
//	headers.Handler(csp.Handler(next, o), floor, cookies)
func Handler(next http.Handler, o *Output) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		nonce := ""
		if o.Nonced() {
			var err error
			if nonce, err = NewNonce(rand.Reader); err != nil {
				refusal.From(err).ServeHTTP(w, r)
				return
			}
			r = r.WithContext(context.WithValue(r.Context(), nonceKey{}, nonce))
		}
		next.ServeHTTP(&writer{ResponseWriter: w, output: o, nonce: nonce}, r)
	})
}

// writer edits the header just before it is sent.
type writer struct {
	http.ResponseWriter
	output *Output
	nonce  string
	sent   bool
}

// Unwrap is for http.ResponseController.
func (w *writer) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// WriteHeader implements http.ResponseWriter.
func (w *writer) WriteHeader(status int) {
	if h := w.Header(); !w.sent && headers.Document(h.Get("Content-Type")) {
		edits, _ := w.output.Edits(Page{Nonce: w.nonce}, exchange.Header(h), nil)
		for _, e := range edits {
			e.Apply(h)
		}
	}
	w.sent = w.sent || status >= 200
	w.ResponseWriter.WriteHeader(status)
}

// Write implements http.ResponseWriter. A body without a type gets one first, so that
// browsers and this package take it for the same thing.
func (w *writer) Write(b []byte) (int, error) {
	if !w.sent {
		if w.Header().Get("Content-Type") == "" {
			w.Header().Set("Content-Type", http.DetectContentType(b))
		}
		w.WriteHeader(http.StatusOK)
	}
	return w.ResponseWriter.Write(b)
}

// Flush implements http.Flusher.
func (w *writer) Flush() {
	if !w.sent {
		w.WriteHeader(http.StatusOK)
	}
	_ = http.NewResponseController(w.ResponseWriter).Flush() // not every writer can
}
