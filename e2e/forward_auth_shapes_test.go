package e2e_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sanmon-gate/sanmon/e2e/harness"
)

// asked is a gate that anybody on this machine may ask about requests, by any convention.
func asked(t *testing.T, trusted string) *harness.Gate {
	t.Helper()
	app := harness.SharedBackend(t, harness.FastAPI)
	g := harness.StartGate(t, harness.Options{Upstream: app.URL, Top: "client_ip: { trusted_proxies: [" + trusted + "] }\n", Routes: askedRoutes})
	g.AddUser(t, writer, "writer")
	return g
}

// TestForwardAuthShapes: Traefik's and Envoy's questions, byte by byte, and those of
// strangers. Nothing but a yes is ever answered with a 2xx.
func TestForwardAuthShapes(t *testing.T) {
	g := asked(t, `"127.0.0.0/8"`)
	key := newKey(t, g, writer, "--role", "writer").Key
	host := publicHost(g)
	traefik := func(method, uri string, more ...string) string {
		return get(g, "/.sanmon/forward-auth", append([]string{"X-Forwarded-For: 198.51.100.9", "X-Forwarded-Host: " + host, "X-Forwarded-Method: " + method,
			"X-Forwarded-Port: 80", "X-Forwarded-Proto: http", "X-Forwarded-Server: edge", "X-Forwarded-Uri: " + uri, "X-Real-Ip: 198.51.100.9"}, more...)...)
	}
	envoy := func(method, path string, more ...string) string {
		return raw(g, method, "/.sanmon/forward-auth"+path, "", append([]string{"X-Forwarded-Proto: http", "X-Forwarded-For: 198.51.100.9", "X-Envoy-Internal: true", "Content-Length: 0"}, more...)...)
	}
	nginx := func(method, url string, more ...string) string {
		return get(g, "/.sanmon/forward-auth", append([]string{"X-Original-URL: " + url, "X-Original-Method: " + method, "X-Forwarded-For: 198.51.100.9"}, more...)...)
	}
	page := []string{"Sec-Fetch-Mode: navigate", "Sec-Fetch-Dest: document", "Accept: text/html"}
	bearer := "Authorization: Bearer " + key
	for _, tt := range []struct {
		name, request string
		status        int
		code          string // of Sanmon-Code
	}{
		{"traefik, public", traefik("GET", "/echo/x?a=b"), 200, ""},
		{"traefik, none", traefik("GET", "/private/x"), 401, "login_required"},
		{"traefik, key", traefik("GET", "/private/x", bearer), 200, ""},
		{"traefik, page", traefik("GET", "/private/x", page...), 303, "login_required"},
		{"traefik, other host", strings.Replace(traefik("GET", "/echo/x"), "X-Forwarded-Host: "+host, "X-Forwarded-Host: other.example", 1), 421, "host_unknown"},
		{"traefik, dots", traefik("GET", "/echo/../private/x"), 400, "target_ambiguous"},
		{"traefik, network", traefik("GET", "/page"), 403, "network_denied"},
		{"traefik, network that the proxy names", strings.Replace(traefik("GET", "/page"), "198.51.100.9", "203.0.113.9", 1), 200, ""},
		{"traefik, network, client not named", strings.Replace(traefik("GET", "/download"), "X-Forwarded-For: 198.51.100.9\r\n", "", 1), 403, "network_denied"},
		{"traefik, not a method", traefik("GET /", "/echo/x"), 400, "target_ambiguous"},
		{"traefik, absolute", traefik("GET", "http://evil.example/echo/x"), 400, "target_ambiguous"},
		{"traefik, our own", traefik("GET", "/.sanmon/login"), 404, "route_unknown"},
		{"traefik, identity", traefik("GET", "/echo/x", "Remote-User: mallory"), 400, "header_ambiguous"},
		{"envoy, public", envoy("GET", "/echo/x?a=b"), 200, ""},
		{"envoy, none", envoy("DELETE", "/private/x"), 401, "login_required"},
		{"envoy, key", envoy("DELETE", "/private/x", bearer), 200, ""},
		{"envoy, method", envoy("PUT", "/private/x", bearer), 405, "method_not_allowed"},
		{"envoy, spoofed", envoy("GET", "/private/x", "X-Forwarded-Uri: /echo/x"), 400, "target_ambiguous"},
		{"nginx, public", nginx("GET", "http://"+host+"/echo/x"), 200, ""},
		{"nginx, none", nginx("GET", "http://"+host+"/private/x"), 401, "login_required"},
		{"nginx, key", nginx("POST", "/notes", bearer), 200, ""},
		{"nginx, no route", nginx("GET", "/nothing"), 403, "route_unknown"},
		{"nginx, spoofed", nginx("GET", "/private/x", "X-Forwarded-Uri: /echo/x", "X-Forwarded-Method: GET"), 400, "target_ambiguous"},
		{"nobody's", get(g, "/.sanmon/forward-auth"), 400, "target_ambiguous"},
		{"by POST", raw(g, "POST", "/.sanmon/forward-auth", "x", "X-Forwarded-Method: GET", "X-Forwarded-Uri: /echo/x"), 405, "method_not_allowed"},
	} {
		a := harness.One(t, g.Raw(t, tt.request))
		if got := a.Header.Get("Sanmon-Code"); a.Status != tt.status || got != tt.code {
			t.Errorf("%s: %d %q, want %d %q\n%s", tt.name, a.Status, got, tt.status, tt.code, clip(a.Body))
		}
		if jwt := a.Header.Get("Sanmon-Assertion"); (jwt != "") != (tt.status == 200 && strings.Contains(tt.request, bearer)) {
			t.Errorf("%s: assertion %q", tt.name, jwt)
		}
		if a.Header.Get("X-Request-Id") == "" || a.Header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s: %v", tt.name, a.Header)
		}
	}
}

// TestForwardAuthStrangers: who is no trusted proxy is not answered, whatever it sends.
func TestForwardAuthStrangers(t *testing.T) {
	g := asked(t, `"192.0.2.0/24"`)
	for _, lines := range [][]string{
		{"X-Forwarded-Method: GET", "X-Forwarded-Uri: /echo/x", "X-Forwarded-For: 192.0.2.1"},
		{"X-Original-Method: GET", "X-Original-URL: /echo/x"},
		nil,
	} {
		want(t, "stranger", harness.One(t, g.Raw(t, get(g, "/.sanmon/forward-auth", lines...))), 403, "network_denied")
	}
	want(t, "below", harness.One(t, g.Raw(t, get(g, "/.sanmon/forward-auth/echo/x"))), 404, "route_unknown")
}

// TestForwardAuthDocument: the page shows the files that the tests run.
func TestForwardAuthDocument(t *testing.T) {
	docs := filepath.Join(harness.Root(), "docs")
	text, err := os.ReadFile(filepath.Join(docs, "forward-auth.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"nginx.conf", "Caddyfile", "traefik.yaml", "envoy.yaml"} {
		file, err := os.ReadFile(filepath.Join(docs, "forward-auth", name))
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(text), "\n"+string(file)+"```\n") {
			t.Errorf("docs/forward-auth.md does not show %s as it is", name)
		}
	}
}
