package headers

import (
	"net/http"
	"time"

	"github.com/sanmon-gate/sanmon/exchange"
	"github.com/sanmon-gate/sanmon/refusal"
)

// Handler applies Check, Classify, the floor and HardenCookie to next, for programs
// without the gate. Of the request, next does not see forgeable and ambiguous fields;
// fields of the connection stay, because next is the end of it.
func Handler(next http.Handler, floor *Floor, cookies CookieOptions) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := Check(exchange.Header(r.Header)); err != nil {
			refusal.From(err).ServeHTTP(w, r)
			return
		}
		clean := *r
		clean.Header = make(http.Header, len(r.Header))
		for name, values := range r.Header {
			if c := Classify(name); c == EndToEnd || c == HopByHop {
				clean.Header[name] = values
			}
		}
		next.ServeHTTP(&writer{ResponseWriter: w, floor: floor, cookies: cookies}, &clean)
	})
}

// writer edits the header just before it is sent.
type writer struct {
	http.ResponseWriter
	floor   *Floor
	cookies CookieOptions
	sent    bool
}

// Unwrap is for http.ResponseController.
func (w *writer) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// WriteHeader implements http.ResponseWriter.
func (w *writer) WriteHeader(status int) {
	if !w.sent {
		w.sent = status >= 200 || status == http.StatusSwitchingProtocols
		w.edit(status)
	}
	w.ResponseWriter.WriteHeader(status)
}

// Write implements http.ResponseWriter.
func (w *writer) Write(b []byte) (int, error) {
	if !w.sent {
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

func (w *writer) edit(status int) {
	h := w.Header()
	for _, e := range w.floor.At(time.Now()).Edits(status, h.Get("Content-Type"), exchange.Header(h), nil) {
		e.Apply(h)
	}
	kept := h["Set-Cookie"][:0:0]
	for _, line := range h["Set-Cookie"] {
		if line, keep := HardenCookie(line, w.cookies); keep {
			kept = append(kept, line)
		}
	}
	if len(kept) > 0 {
		h["Set-Cookie"] = kept
	} else {
		delete(h, "Set-Cookie")
	}
}
