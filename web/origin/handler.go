package origin

import (
	"net/http"

	"github.com/sanmon-gate/sanmon/exchange"
	"github.com/sanmon-gate/sanmon/refusal"
)

// Handler lets a request with an effect pass only if a page of ours sent it, or if it
// carries no ambient credential and says nothing about its origin. It is Read and Admit
// for programs without the gate and without tokens.
func Handler(next http.Handler, p Policy) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		x := exchange.Request{Method: r.Method, Target: r.RequestURI, Host: r.Host, Fields: exchange.Header(r.Header)}
		v, err := p.Read(&x)
		if err == nil {
			err = v.Admit(Effectful(&x), Ambient(x.Fields))
		}
		if err != nil {
			refusal.From(err).ServeHTTP(w, r)
			return
		}
		next.ServeHTTP(w, r)
	})
}
