package e2e_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/sanmon-gate/sanmon/e2e/harness"
)

// TestDeclaredCrossSite: a provider of another site posts people back to one declared
// route, and nowhere else; each such request is counted.
func TestDeclaredCrossSite(t *testing.T) {
	app := harness.SharedBackend(t, harness.FastAPI)
	g := harness.StartGate(t, harness.Options{Upstream: app.URL, Routes: `
  - { id: acs, match: { path: "/echo/acs", methods: [GET, POST] }, boundary: public, ` + open + `, input: { types: [application/x-www-form-urlencoded] }, cross_site: { reason: "the identity provider posts people back", cookies: [sessionid] } }
  - { id: echo, match: { path: "/echo/other", methods: [POST] }, boundary: public, ` + open + ` }
  - { id: cookies, match: { path: "/cookies/{name}" }, boundary: public }
`})
	c := g.Client(t)
	foreign := []string{"Origin", "https://idp.example", "Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "document"}
	want(t, "the provider's answer", c.Post(t, "/echo/acs", urlencoded, "SAMLResponse=x", foreign...), 200, "")
	want(t, "from a page without an origin", c.Post(t, "/echo/acs", urlencoded, "a=b", "Origin", "null", "Sec-Fetch-Site", "cross-site"), 200, "")
	want(t, "our own page", c.Post(t, "/echo/acs", urlencoded, "a=b"), 200, "")
	want(t, "a link of another site", c.Get(t, "/echo/acs", "Sec-Fetch-Site", "cross-site"), 200, "")
	want(t, "another type", c.Post(t, "/echo/acs", "application/json", "{}", "Origin", "https://idp.example", "Sec-Fetch-Site", "cross-site"), 415, "type_not_allowed")
	want(t, "another route", c.Post(t, "/echo/other", urlencoded, "a=b", "Origin", "https://idp.example", "Sec-Fetch-Site", "cross-site"), 403, "origin_foreign")
	a := harness.One(t, g.Raw(t, get(g, "/echo/acs", "Origin: https://evil.example", "Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==")))
	if a.Status < 400 {
		t.Errorf("a WebSocket of another site = %d", a.Status)
	}
	if n := g.Metric(t, `sanmon_cross_site_total{route="acs"}`); n != 2 {
		t.Errorf("%v requests of other sites counted, want 2", n)
	}
	out := g.CLI(t, "", "check")
	if want := "open to other sites, as declared:\n  acs (GET,HEAD,POST /echo/acs)\n"; !strings.Contains(out, want) {
		t.Errorf("check does not say %q:\n%s", want, out)
	}
	// The backend's cookies sessionid and csrftoken; neither says SameSite.
	for name, lax := range map[string]bool{"session": false, "csrf": true} {
		lines := c.Get(t, "/cookies/"+name).Header["Set-Cookie"]
		if len(lines) == 0 {
			t.Fatalf("no cookie %s", name)
		}
		k, err := http.ParseSetCookie(lines[0])
		if err != nil || (k.SameSite == http.SameSiteLaxMode) != lax {
			t.Errorf("%s: %q %v, want Lax %t", name, lines[0], err, lax)
		}
	}
}

// TestIsolationOfARoute: what a site chooses for COOP and CORP reaches browsers, and HSTS
// ramps over https.
func TestIsolationOfARoute(t *testing.T) {
	app := harness.SharedBackend(t, harness.FastAPI)
	g := harness.StartGate(t, harness.Options{Upstream: app.URL, TLS: "{ self_signed: true, hsts: { ramp: 2100-01-01 } }", Routes: `
  - { id: widget, match: { path: "/form" }, boundary: public, output: { coop: same-origin, corp: { cross_origin: "a widget that other sites embed" } } }
  - { id: rest, match: { path: "/page" }, boundary: public }
`})
	c := g.Client(t)
	for path, want := range map[string][2]string{"/form": {"same-origin", "cross-origin"}, "/page": {"same-origin-allow-popups", "same-origin"}} {
		a := c.Get(t, path)
		if got := [2]string{strings.Join(a.Header["Cross-Origin-Opener-Policy"], "|"), strings.Join(a.Header["Cross-Origin-Resource-Policy"], "|")}; got != want {
			t.Errorf("%s: %q, want %q", path, got, want)
		}
		if got := a.Header.Get("Strict-Transport-Security"); got != "max-age=86400" {
			t.Errorf("%s: HSTS %q", path, got)
		}
	}
	if got := c.Get(t, "/.sanmon/login").Header.Get("Strict-Transport-Security"); got != "max-age=86400" {
		t.Errorf("our own page: HSTS %q", got)
	}
	if out := g.CLI(t, "", "check"); !strings.Contains(out, "max-age=86400 until 2100-01-08T00:00:00Z, then max-age=2592000") {
		t.Errorf("check does not say where HSTS stands:\n%s", out)
	}
}
