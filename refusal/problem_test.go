package refusal_test

import (
	"net/http/httptest"
	"testing"
	"time"

	"github.com/sanmon-gate/sanmon/refusal"
)

// The client sees its half only: title, status, code, request id, and the fields that the
// status demands.
func TestServeHTTP(t *testing.T) {
	for _, tt := range []struct {
		r          *refusal.Refusal
		status     int
		body       string
		name, want string // one field of the answer
	}{
		{&refusal.Refusal{Code: refusal.OriginForeign, Reason: "for the operator"}, 403,
			`{"type":"about:blank","title":"This request was sent by another site.","status":403,"code":"origin_foreign","request_id":"r1"}`, "Content-Type", "application/problem+json"},
		{&refusal.Refusal{Code: refusal.RateLimited, RetryAfter: 1500 * time.Millisecond, Detail: "Wait."}, 429,
			`{"type":"about:blank","title":"Too many requests. Please wait a moment.","status":429,"detail":"Wait.","code":"rate_limited","request_id":"r1"}`, "Retry-After", "2"},
		{&refusal.Refusal{Code: refusal.MethodNotAllowed, Allow: []string{"GET", "HEAD"}}, 405,
			`{"type":"about:blank","title":"This address does not take this method.","status":405,"code":"method_not_allowed","request_id":"r1"}`, "Allow", "GET, HEAD"},
		{&refusal.Refusal{Code: refusal.CSRFMissing, Challenge: `Bearer realm="x"`}, 403,
			`{"type":"about:blank","title":"The form's security token is missing. Reload the page and try again.","status":403,"code":"csrf_missing","request_id":"r1"}`, "Www-Authenticate", `Bearer realm="x"`},
	} {
		w := httptest.NewRecorder()
		w.Header().Set("X-Request-Id", "r1")
		tt.r.ServeHTTP(w, nil)
		if w.Code != tt.status || w.Body.String() != tt.body || w.Header().Get(tt.name) != tt.want || w.Header().Get("Cache-Control") != "no-store" {
			t.Errorf("%s: %d %s %v", tt.r.Code, w.Code, w.Body, w.Header())
		}
	}
}
