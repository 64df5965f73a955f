package refusal

import (
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// problem is the body of a refusal (RFC 9457, Section 3.1, with two extension members).
type problem struct {
	Type      string `json:"type"`
	Title     string `json:"title"`
	Status    int    `json:"status"`
	Detail    string `json:"detail,omitempty"`
	Code      Code   `json:"code"`
	RequestID string `json:"request_id,omitempty"`
}

// ServeHTTP answers with the client's half of the refusal as application/problem+json.
// It is for the thin handlers that stand beside the decisions; the gate has pages too.
// The request id is taken from the response's X-Request-Id.
func (r *Refusal) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	h := w.Header()
	h.Set("Content-Type", "application/problem+json")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "no-store")
	if r.RetryAfter > 0 {
		h.Set("Retry-After", strconv.FormatInt(int64((r.RetryAfter+time.Second-1)/time.Second), 10))
	}
	if r.Challenge != "" {
		h.Set("Www-Authenticate", r.Challenge)
	}
	if r.Status() == http.StatusMethodNotAllowed { // RFC 9110, Section 15.5.6: MUST send Allow
		h.Set("Allow", strings.Join(r.Allow, ", "))
	}
	body, err := json.Marshal(problem{"about:blank", r.Title(), r.Status(), r.Detail, r.Code, h.Get("X-Request-Id")})
	if err != nil { // cannot happen: plain strings and a number
		body = nil
	}
	w.WriteHeader(r.Status())
	_, _ = w.Write(body)
}
