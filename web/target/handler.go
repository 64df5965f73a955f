package target

import (
	"net/http"

	"github.com/sanmon-gate/sanmon/refusal"
)

// Handler lets only requests pass whose target has one meaning. It is Parse and Admit
// for programs without the gate. Note that next sees net/http's own reading of the
// target; for what Parse accepts the two agree.
func Handler(next http.Handler, o Options) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		t, err := Parse(r.Method, r.RequestURI)
		if err == nil {
			err = t.Admit(o)
		}
		if err != nil {
			refusal.From(err).ServeHTTP(w, r)
			return
		}
		next.ServeHTTP(w, r)
	})
}
