package headers_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/sanmon-gate/sanmon/web/headers"
)

func TestHandler(t *testing.T) {
	app := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/stream":
			w.Header().Set("Content-Type", "text/event-stream")
			if err := http.NewResponseController(w).Flush(); err != nil {
				t.Error(err)
			}
		case "/early":
			w.Header().Set("Link", "</a.css>; rel=preload")
			w.WriteHeader(http.StatusEarlyHints)
			w.Header().Set("Content-Type", "text/html")
			w.WriteHeader(http.StatusTeapot)
			w.WriteHeader(http.StatusOK) // superfluous: changes nothing
		case "/cookies":
			w.Header()["Set-Cookie"] = []string{"a=b", "sanmon=x", "c=d"}
		}
		fmt.Fprintf(w, "%s|%s|%s", strings.Join(append(r.Header["X-Forwarded-For"], r.Header["X_forwarded_for"]...), ","), r.Header.Get("Connection"), r.Header.Get("Accept"))
	})
	srv := httptest.NewServer(headers.Handler(app, newFloor(t, https), headers.CookieOptions{}))
	defer srv.Close()
	get := func(path string, edit func(http.Header)) (*http.Response, string) {
		t.Helper()
		r, err := http.NewRequest("GET", srv.URL+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		if edit != nil {
			edit(r.Header)
		}
		res, err := srv.Client().Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		body, err := io.ReadAll(res.Body)
		if err != nil {
			t.Fatal(err)
		}
		return res, string(body)
	}

	res, body := get("/", func(h http.Header) {
		h["X_Forwarded_For"], h["X-Forwarded-For"], h["Accept"], h["Connection"] = []string{"1"}, []string{"2"}, []string{"a/b"}, []string{"close"}
	})
	if body != "|close|a/b" || res.Header.Get("Content-Type") != "application/octet-stream" || res.Header.Get("X-Content-Type-Options") != "nosniff" {
		t.Errorf("%q %v", body, res.Header)
	}
	if res, _ := get("/stream", nil); res.Header.Get("Referrer-Policy") == "" || res.Header.Get("Content-Security-Policy") != "" {
		t.Errorf("stream: %v", res.Header)
	}
	if res, _ := get("/early", nil); res.StatusCode != 418 || len(res.Header["Content-Security-Policy"]) != 1 || res.Header.Get("X-Frame-Options") != "SAMEORIGIN" {
		t.Errorf("early hints: %d %v", res.StatusCode, res.Header)
	}
	if res, _ := get("/cookies", nil); strings.Join(res.Header["Set-Cookie"], " | ") != "a=b; SameSite=Lax | c=d; SameSite=Lax" {
		t.Errorf("cookies: %q", res.Header["Set-Cookie"])
	}
	if res, body := get("/", func(h http.Header) { h["Origin"] = []string{"https://a", "https://b"} }); res.StatusCode != 400 || !strings.Contains(body, `"code":"header_ambiguous"`) {
		t.Errorf("two Origin: %d %s", res.StatusCode, body)
	}
}
