package csrf

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

func TestGuard(t *testing.T) {
	g := &Guard{Tokens: newTokens(), Now: func() time.Time { return noon }}
	var token, body string
	var length int64
	h := g.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		token, body, length = Token(r), string(b), r.ContentLength
		if r.URL.Path == "/login" {
			g.Renew(w)
		}
	}))
	serve := func(method, path, cookie, header, kind, body string) *httptest.ResponseRecorder {
		r := httptest.NewRequest(method, path, strings.NewReader(body))
		r.Header.Set("Content-Type", kind)
		r.Header.Set("Cookie", cookie)
		if header != "" {
			r.Header.Set("X-Sanmon-Csrf", header)
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		return w
	}
	w := serve("GET", "/", "", "", "", "")
	set := w.Header().Get("Set-Cookie")
	jar, attributes, _ := strings.Cut(set, ";")
	if !strings.HasPrefix(jar, "__Host-csrf=") || attributes != " Path=/; HttpOnly; Secure; SameSite=Lax" {
		t.Fatalf("Set-Cookie %q", set)
	}
	good := token
	for _, c := range []struct {
		name, method, cookie, header, kind, body string
		status                                   int
		rest                                     string
	}{
		{"field", "POST", jar, "", form, "a=1&_sanmon=" + good + "&b=2", 200, "a=1&b=2"},
		{"header", "PUT", jar, good, "application/json", "{}", 200, "{}"},
		{"header and field", "POST", jar, good, form, "_sanmon=" + good + "&a=1", 200, "a=1"},
		{"large body", "POST", jar, good, "application/octet-stream", strings.Repeat("x", Window+9), 200, strings.Repeat("x", Window+9)},
		{"read", "HEAD", "", "", "", "", 200, ""},
		{"no token", "POST", jar, "", form, "a=1", 403, ""},
		{"no cookie", "POST", "", good, form, "a=1", 403, ""},
		{"other cookie", "POST", "__Host-csrf=0123456789012345678901", good, form, "a=1", 403, ""},
		{"two cookies", "POST", "__Host-csrf=0123456789012345678901; " + jar, good, form, "a=1", 403, ""},
		{"twice", "POST", jar, "", form, "_sanmon=" + good + "&_sanmon=" + good, 403, ""},
		{"unknown method", "FROB", jar, "", form, "a=1", 403, ""},
	} {
		body = ""
		if w := serve(c.method, "/x", c.cookie, c.header, c.kind, c.body); w.Code != c.status || body != c.rest {
			t.Errorf("%s: %d with %.50q, want %d with %.50q", c.name, w.Code, body, c.status, c.rest)
		} else if w.Code == 200 && c.method != "HEAD" && length != int64(len(c.rest)) {
			t.Errorf("%s: Content-Length %d for %d bytes", c.name, length, len(c.rest))
		}
	}
	w = serve("POST", "/login", jar, good, form, "")
	renewed, _, _ := strings.Cut(w.Header().Get("Set-Cookie"), ";")
	if w := serve("POST", "/x", renewed, good, form, ""); renewed == jar || w.Code != 403 {
		t.Errorf("a token from before the login still holds: %d", w.Code)
	}
	if Token(httptest.NewRequest("GET", "/", nil)) != "" {
		t.Error("a token outside a guard")
	}
}
