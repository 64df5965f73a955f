package e2e_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/sanmon-gate/sanmon/e2e/harness"
)

const askedRoutes = `
  - { id: echo, match: { path: "/echo/{rest...}", methods: [GET, POST, DELETE] }, boundary: public, ` + open + ` }
  - { id: private, match: { path: "/private/{rest...}", methods: [GET, POST, DELETE] }, boundary: [session, key], require: ["notes:read"] }
  - { id: write, match: { path: "/notes", methods: [POST] }, boundary: [session, key], require: ["notes:write"] }
  - { id: judged, match: { path: "/form", methods: [POST] }, boundary: [session], fields: { title: text } }
  - { id: once, match: { path: "/danger", methods: [GET] }, effect: write, boundary: [session], csrf: once }
  - { id: limited, match: { path: "/limited", methods: [GET] }, boundary: [session, key], limit: { rate: 10/h, burst: 3 } }
  - { id: lan, match: { path: "/page", methods: [GET] }, boundary: public, network: ["203.0.113.0/24"] }
  - { id: near, match: { path: "/download", methods: [GET] }, boundary: public, network: ["127.0.0.0/8"] }
`

// behindFront is a gate that nginx or Caddy asks, with a FastAPI application beside it. Its
// URL is the front's.
func behindFront(t *testing.T, kind, top string) *harness.Gate {
	t.Helper()
	app := harness.SharedBackend(t, harness.FastAPI)
	port, err := harness.FreePort()
	if err != nil {
		t.Fatal(err)
	}
	site := fmt.Sprintf("localhost:%d", port)
	g := harness.StartGate(t, harness.Options{Upstream: app.URL, Config: `version: 1
public_url: https://` + site + `
listen: { public: "{PUBLIC}", admin: "{ADMIN}" }
tls: { behind_proxy: true }
client_ip: { trusted_proxies: ["127.0.0.0/8"] }
forward_auth: { profile: ` + kind + ` }
store: sqlite:./data/sanmon.db
master_key: file:./data/master.key
limits: { network: { rate: 100000/s, burst: 100000 }, failures: { rate: 100000/10m, burst: 100000 } }
upstreams: { app: { url: "{UPSTREAM}" } }
` + top + `roles: { reader: ["notes:read"], writer: ["notes:read", "notes:write"] }
routes:
` + askedRoutes})
	g.AddUser(t, reader, "reader")
	g.AddUser(t, writer, "writer")
	harness.StartFront(t, kind, port, g.Direct(), app.URL)
	g.URL, g.Addr, g.Secure = "https://"+site, "127.0.0.1:"+fmt.Sprint(port), true
	return g
}

// TestForwardAuth: the same verdicts as in line, through the real proxies and the very
// configurations of docs/forward-auth.
func TestForwardAuth(t *testing.T) {
	for _, kind := range []string{harness.Nginx, harness.Caddy} {
		t.Run(kind, func(t *testing.T) {
			g := behindFront(t, kind, "")
			nobody, ada := g.Client(t), signedIn(t, g, writer)
			rin := signedIn(t, g, reader)
			key := newKey(t, g, writer, "--role", "reader").Key
			t.Run("verdicts", func(t *testing.T) { askVerdicts(t, nobody, ada, rin, key) })
			t.Run("identity", func(t *testing.T) { askIdentity(t, kind, nobody, ada, key) })
			t.Run("limits", func(t *testing.T) { askLimits(t, ada) })
			t.Run("paths and methods", func(t *testing.T) { askTricks(t, g, nobody) })
		})
	}
}

func askVerdicts(t *testing.T, nobody, ada, rin *harness.Client, key string) {
	note := `{"title":"a","body":"b"}`
	want(t, "public", nobody.Get(t, "/echo/x?q=1"), 200, "")
	want(t, "no credential", nobody.Get(t, "/private/x"), 401, "login_required")
	want(t, "session", ada.Get(t, "/private/x"), 200, "")
	want(t, "key", nobody.Get(t, "/private/x", "Authorization", "Bearer "+key), 200, "")
	want(t, "bad key", nobody.Get(t, "/private/x", "X-Api-Key", flip(key)), 401, "key_invalid")
	want(t, "session and key", ada.Get(t, "/private/x", "X-Api-Key", key), 400, "credential_ambiguous")
	want(t, "no route", nobody.Get(t, "/nothing"), 404, "route_unknown")
	want(t, "no method", nobody.Do(t, nobody.Request(t, "PUT", "/echo/x", nil)), 405, "method_not_allowed")
	want(t, "other network", nobody.Get(t, "/page"), 403, "network_denied")
	want(t, "key in the address", nobody.Get(t, "/echo/x?k="+key), 400, "credential_in_url")
	want(t, "written", ada.Post(t, "/notes", "application/json", note), 201, "")
	want(t, "no right", rin.Post(t, "/notes", "application/json", note), 403, "permission_missing")
	want(t, "no token", ada.Post(t, "/notes", "application/json", note, "X-Sanmon-Csrf", ""), 403, "csrf_missing")
	want(t, "wrong token", ada.Post(t, "/notes", "application/json", note, "X-Sanmon-Csrf", rin.CSRF), 403, "csrf_invalid")
	want(t, "other site", ada.Post(t, "/notes", "application/json", note, "Origin", "https://evil.example", "Sec-Fetch-Site", "cross-site"), 403, "origin_foreign")
	want(t, "body that is judged", ada.Post(t, "/form", "application/x-www-form-urlencoded", "title=a"), 422, "input_invalid")
	want(t, "effectful GET without a token", ada.Get(t, "/danger", "Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "document", "Accept", "text/html"), 403, "")
	want(t, "WebSocket of another site", ada.Get(t, "/private/x", "Connection", "Upgrade", "Upgrade", "websocket", "Sec-WebSocket-Version", "13",
		"Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==", "Origin", "https://evil.example", "Sec-Fetch-Site", "cross-site"), 403, "origin_foreign")
	want(t, "clients do not ask", nobody.Get(t, "/.sanmon/forward-auth", "X-Forwarded-Uri", "/echo/x", "X-Forwarded-Method", "GET"), 404, "")
	want(t, "clients do not ask below", nobody.Get(t, "/.sanmon/forward-auth/echo/x"), 404, "")
	want(t, "our own pages", nobody.Get(t, "/.sanmon/jwks.json"), 200, "")

	a := nobody.Get(t, "/private/x?y=1", "Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "document", "Accept", "text/html")
	if to := a.Header.Get("Location"); a.Status != 303 || !strings.HasSuffix(to, "/.sanmon/login?next=%2Fprivate%2Fx%3Fy%3D1") {
		t.Errorf("navigation without a session: %d to %q, want 303 to the login page", a.Status, to)
	}
}

// askIdentity: the backend hears of the caller what the gate says, whatever the client
// says. Either the field is gone, or the request is refused.
func askIdentity(t *testing.T, kind string, nobody, ada *harness.Client, key string) {
	s := echoed(t, ada.Get(t, "/private/x"))
	if jwt := s.value("Sanmon-Assertion"); strings.Count(jwt, ".") != 2 {
		t.Errorf("the backend got the assertion %q", jwt)
	}
	if c := s.value("Cookie"); strings.Contains(c, "sanmon") {
		t.Errorf("the backend sees the session: %q", c)
	}
	if id := s.value("X-Request-Id"); len(id) != 26 {
		t.Errorf("the backend got the request id %q", id)
	}
	for _, name := range []string{"Sanmon-Assertion", "sanmon_assertion", "Remote-User", "REMOTE_USER", "Remote-Groups", "X-Remote-User", "X_Remote_User", "X-Forwarded-User",
		"X-Auth-Request-User", "X-Authentik-Username", "X-Original-URL", "X-Original-Method", "X-Rewrite-URL", "X-HTTP-Method-Override", "X-Forwarded-Uri", "X-Forwarded-Method", "X-Forwarded-Host"} {
		for _, path := range []string{"/echo/x", "/private/x"} {
			a := nobody.Get(t, path, "X-Api-Key", map[bool]string{true: key}[path == "/private/x"], name, "mallory")
			if a.Status >= 400 && a.Status < 500 {
				continue
			}
			s := echoed(t, a)
			for _, h := range s.Headers {
				if strings.Contains(h[1], "mallory") && !strings.HasPrefix(strings.ToLower(h[0]), "x-forwarded-") {
					t.Errorf("%s: %s: %s reached the backend as %s: %s", kind, path, name, h[0], h[1])
				}
			}
		}
	}
	// The client's address is the proxy's word.
	if a := nobody.Get(t, "/page", "X-Forwarded-For", "203.0.113.7"); a.Status != 403 {
		t.Errorf("an address that the client claims opens a route: %d", a.Status)
	}
}

func askLimits(t *testing.T, ada *harness.Client) {
	for i := range 3 {
		a := ada.Get(t, "/limited")
		if a.Status == 429 || a.Status == 403 {
			t.Fatalf("request %d: %d %s", i+1, a.Status, a.Body)
		}
	}
	a := ada.Get(t, "/limited")
	want(t, "fourth of three", a, 429, "rate_limited")
	if a.Header.Get("Retry-After") == "" || a.Header.Get("RateLimit") == "" {
		t.Errorf("429 without Retry-After or RateLimit: %v", a.Header)
	}
}

func askTricks(t *testing.T, g *harness.Gate, nobody *harness.Client) {
	for _, path := range []string{"/echo/../private/x", "/echo/%2e%2e/private/x", "//private/x", "/private//x", "/echo;/../private/x", "/echo/%2fprivate", "/private/x%00", "/%70rivate/x", "/private/./x", "/.sanmon/../private/x", "/echo/..%2fprivate/x"} {
		req, err := http.NewRequest("GET", g.URL, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.URL.Opaque = path
		if strings.HasPrefix(path, "//") {
			req.URL.Opaque = "//" + req.URL.Host + path
		}
		a := nobody.Do(t, req)
		if a.Status < 400 && a.Status/100 != 3 {
			t.Errorf("%s: %d %s", path, a.Status, clip(a.Body))
		}
	}
	for _, method := range []string{"PUT", "TRACE", "PROPFIND", "get", "GETS"} {
		req := nobody.Request(t, "GET", "/private/x", nil)
		req.Method = method
		if a, err := nobody.Try(req); err == nil && a.Status < 400 {
			t.Errorf("method %s: %d", method, a.Status)
		}
	}
	want(t, "head", nobody.Do(t, nobody.Request(t, "HEAD", "/private/x", nil)), 401, "")
}

// TestForwardAuthRenews: a session that gets a new secret through the proxy goes on.
func TestForwardAuthRenews(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{harness.Nginx, harness.Caddy} {
		t.Run(kind, func(t *testing.T) {
			g := behindFront(t, kind, "session: { rotate: 1s }\n")
			ada := signedIn(t, g, writer)
			first := ada.Cookie(t)
			for end := time.Now().Add(20 * time.Second); ada.Cookie(t) == first; time.Sleep(100 * time.Millisecond) {
				want(t, "before", ada.Get(t, "/private/x"), 200, "")
				if time.Now().After(end) {
					t.Fatal("no new secret came through the proxy")
				}
			}
			want(t, "with the new secret", ada.Get(t, "/private/x"), 200, "")
		})
	}
}
