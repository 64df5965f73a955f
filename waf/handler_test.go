package waf

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// What is let through reaches the program whole, also what is longer than the window, if
// it is only observed.
func TestHandlerHandsTheBodyOn(t *testing.T) {
	long := "a=" + strings.Repeat("x", 2*MaxBody)
	for _, tt := range []struct {
		name, body   string
		observe      bool
		status, seen int
	}{
		{"clean", "a=b", false, 200, 0},
		{"attack", "a=<script>alert(1)</script>", false, 422, 0},
		{"attack observed", "a=<script>alert(1)</script>", true, 200, 1},
		{"long", long, false, 413, 0},
		{"long observed", long, true, 200, 1},
	} {
		seen, got := 0, ""
		var observe func(*http.Request, error)
		if tt.observe {
			observe = func(*http.Request, error) { seen++ }
		}
		h := engine(t).Handler(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			b, _ := io.ReadAll(r.Body)
			got = string(b)
		}), observe)
		r := httptest.NewRequest("POST", "/", strings.NewReader(tt.body))
		r.Header.Set("Content-Type", form)
		r.Header.Set("User-Agent", "test")
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code != tt.status || seen != tt.seen || (w.Code == 200) != (got == tt.body) {
			t.Errorf("%s: %d, observed %d times, %d bytes handed on", tt.name, w.Code, seen, len(got))
		}
		if w.Code != 200 && strings.Contains(w.Body.String(), "94") {
			t.Errorf("%s: the client learns a rule: %s", tt.name, w.Body)
		}
	}
}
