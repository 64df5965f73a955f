package e2e_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/sanmon-gate/sanmon/e2e/harness"
)

// forged is the value that must never reach a backend under a trusted name.
const forged = "mallory-was-here"

// trusted lists the fields that backends believe in. Sources: DESIGN §7 and the research
// list C2; the products are Authelia, oauth2-proxy, Pomerium, Google IAP, Cloudflare,
// Tailscale, authentik, Apache, nginx, Traefik and IIS.
var trusted = []string{
	"Sanmon-Assertion", "Sanmon-Csp-Nonce", "Sanmon-User", "X-Sanmon-User", "X-Sanmon-Csrf", "X-Request-Id",
	"Remote-User", "Remote-Email", "Remote-Groups", "Remote-Name", "X-Remote-User",
	"X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Forwarded-Port", "X-Forwarded-Prefix", "X-Forwarded-Uri", "X-Forwarded-Method", "X-Forwarded-Server",
	"X-Forwarded-User", "X-Forwarded-Email", "X-Forwarded-Groups", "X-Forwarded-Preferred-Username", "X-Forwarded-Access-Token", "X-Forwarded-Ssl", "X-Forwarded-Scheme",
	"Forwarded", "X-Real-Ip", "X-Client-Ip", "True-Client-Ip", "Cf-Connecting-Ip", "X-Cluster-Client-Ip",
	"X-Http-Method-Override", "X-Original-Url", "X-Rewrite-Url", "X-Original-Uri", "X-Original-Method", "X-Method-Override", "X-Http-Method",
	"X-Auth-Request-User", "X-Auth-Request-Email", "X-Pomerium-Jwt-Assertion", "X-Goog-Iap-Jwt-Assertion", "X-Goog-Authenticated-User-Email",
	"Cf-Access-Jwt-Assertion", "Cf-Access-Authenticated-User-Email", "Tailscale-User-Login", "X-Authentik-Username", "X-Authenticated-User", "X-Webauth-User",
	"Proxy", "Proxy-Authorization", "Script-Name", "Path-Info",
}

// spellings are the ways to write a name that some backend folds onto it.
func spellings(name string) map[string]string {
	return map[string]string{
		"as it is":         name + ": " + forged,
		"lower case":       strings.ToLower(name) + ": " + forged,
		"upper case":       strings.ToUpper(name) + ": " + forged,
		"underscores":      strings.ReplaceAll(name, "-", "_") + ": " + forged,
		"upper underscore": strings.ToUpper(strings.ReplaceAll(name, "-", "_")) + ": " + forged,
		"dots":             strings.ReplaceAll(name, "-", ".") + ": " + forged,
		"first underscore": strings.Replace(name, "-", "_", 1) + ": " + forged,
		"trailing space":   name + " : " + forged,
		"leading space":    " " + name + ": " + forged,
		"trailing tab":     name + "\t: " + forged,
		"twice":            name + ": " + forged + "\r\n" + name + ": " + forged,
		"both spellings":   name + ": " + forged + "\r\n" + strings.ReplaceAll(name, "-", "_") + ": " + forged,
		"connection":       "Connection: " + name + "\r\n" + name + ": " + forged,
		"folded":           "X-Harmless: a\r\n " + name + ": " + forged,
		"bare LF":          "X-Harmless: a\n" + name + ": " + forged,
		"bare CR":          "X-Harmless: a\r" + name + ": " + forged,
		"NUL":              name + "\x00: " + forged,
		"quoted":           "\"" + name + "\": " + forged,
	}
}

// TestIdentityFieldsNeverArriveForged: no spelling brings a client's value to a backend
// that folds names as CGI does (gunicorn runs here with every tolerance switched on).
func TestIdentityFieldsNeverArriveForged(t *testing.T) {
	for _, kind := range []string{harness.FastAPI, harness.Django, harness.Flask} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			g, _ := areas(t, kind)
			served, refused := 0, 0
			for _, name := range trusted {
				for how, lines := range spellings(name) {
					a := harness.One(t, g.Raw(t, get(g, "/open/x", "X-Control: arrives", lines)))
					if a.Status >= 400 && a.Status < 500 {
						refused++
						continue
					}
					if a.Status != http.StatusOK {
						t.Errorf("%s, %s: status %d", name, how, a.Status)
						continue
					}
					served++
					s := echoed(t, a)
					if s.value("X-Control") != "arrives" {
						t.Errorf("%s, %s: an ordinary field did not arrive", name, how)
					}
					if where := forgedIn(s, "X-Harmless"); where != "" {
						t.Errorf("%s, %s: arrives as %s", name, how, where)
					}
					if s.Area != "other" || s.Path != "/open/x" {
						t.Errorf("%s, %s: served as %q %q", name, how, s.Area, s.Path)
					}
				}
			}
			if served < 100 || refused < 100 {
				t.Errorf("%d served, %d refused: the test does not tell them apart", served, refused)
			}
		})
	}
}

// forgedIn names the field or variable that carries the forged value, except one that
// the client owns.
func forgedIn(s served, except string) string {
	for _, h := range s.Headers {
		if strings.Contains(h[1], forged) && !strings.EqualFold(h[0], except) {
			return h[0]
		}
	}
	for k, v := range s.Environ {
		if strings.Contains(v, forged) && k != "HTTP_"+strings.ToUpper(strings.ReplaceAll(except, "-", "_")) {
			return k
		}
	}
	return ""
}

// TestForwardingFieldsAreRebuilt: what a backend learns about the client is what the gate
// saw, one value each.
func TestForwardingFieldsAreRebuilt(t *testing.T) {
	g, _ := areas(t, harness.FastAPI)
	s := echoed(t, harness.One(t, g.Raw(t, get(g, "/open/x", "X-Forwarded-For: 9.9.9.9", "X-Forwarded-Host: evil.example", "X-Forwarded-Proto: https", "Forwarded: for=9.9.9.9", "X-Real-IP: 9.9.9.9"))))
	for name, wanted := range map[string]string{"X-Forwarded-For": "127.0.0.1", "X-Forwarded-Proto": "http", "X-Forwarded-Host": publicHost(g), "Host": publicHost(g)} {
		if got := s.value(name); got != wanted {
			t.Errorf("%s arrives as %q, want %q", name, got, wanted)
		}
	}
	if got := s.value("X-Request-Id"); got == "" {
		t.Error("X-Request-Id does not arrive")
	}
	if s.Client != "127.0.0.1" {
		t.Errorf("the backend believes client %q", s.Client)
	}
}

// TestRequestIDIsOurs: a client that is no trusted proxy does not choose it, and answer
// and backend have the same.
func TestRequestIDIsOurs(t *testing.T) {
	g, _ := areas(t, harness.FastAPI)
	a := harness.One(t, g.Raw(t, get(g, "/open/x", "X-Request-Id: "+forged)))
	s := echoed(t, a)
	id := a.Header.Get("X-Request-Id")
	if id == "" || strings.Contains(id, forged) || s.value("X-Request-Id") != id {
		t.Errorf("answer has X-Request-Id %q, backend got %q", id, s.value("X-Request-Id"))
	}
	if again := harness.One(t, g.Raw(t, get(g, "/open/x"))).Header.Get("X-Request-Id"); again == id {
		t.Errorf("two requests have the id %q", id)
	}
}

// TestConnectionCannotNameOurFieldsAway: RT 35, 36.
func TestConnectionCannotNameOurFieldsAway(t *testing.T) {
	g, key := areas(t, harness.FastAPI)
	for _, names := range []string{"sanmon-assertion", "close, Sanmon-Assertion", "x-forwarded-for", "X-Request-Id, X-Forwarded-Proto", "host", "Sanmon-Assertion\r\nConnection: x-request-id"} {
		request := "GET /echo/x HTTP/1.1\r\nHost: " + publicHost(g) + "\r\nX-Api-Key: " + key + "\r\nConnection: " + names + "\r\nConnection: close\r\n\r\n"
		a := harness.One(t, g.Raw(t, request))
		if a.Status >= 400 && a.Status < 500 {
			continue
		}
		s := echoed(t, a)
		for _, name := range []string{"Sanmon-Assertion", "X-Forwarded-For", "X-Forwarded-Proto", "X-Request-Id", "Host"} {
			if len(s.values(name)) != 1 {
				t.Errorf("Connection: %q: %s arrives %d times", names, name, len(s.values(name)))
			}
		}
	}
}

// TestOurCredentialsStayHere: session cookie and keys never reach the backend; the
// backend's own cookies do.
func TestOurCredentialsStayHere(t *testing.T) {
	g := notes(t)
	c := signedIn(t, g, writer)
	key := newKey(t, g, writer, "--role", "writer")
	secret := c.Cookie(t)
	for _, path := range []string{"/private/x", "/echo/x"} {
		a := c.Get(t, path, "Cookie", g.CookieName()+"="+secret+"; theme=dark; other="+"1")
		s := echoed(t, a)
		if strings.Contains(string(a.Body), secret) {
			t.Errorf("%s: the session cookie reaches the backend", path)
		}
		if got := s.value("Cookie"); !strings.Contains(got, "theme=dark") || !strings.Contains(got, "other=1") {
			t.Errorf("%s: Cookie arrives as %q", path, got)
		}
	}
	for _, field := range []string{"X-Api-Key: " + key.Key, "Authorization: Bearer " + key.Key} {
		for _, path := range []string{"/private/x", "/echo/x"} {
			a := harness.One(t, g.Raw(t, get(g, path, field)))
			if echoed(t, a); strings.Contains(string(a.Body), key.Key) {
				t.Errorf("%s: %.14s… reaches the backend", path, field)
			}
		}
	}
	// The backend's own Authorization on a public route is none of ours.
	s := echoed(t, harness.One(t, g.Raw(t, get(g, "/echo/x", "Authorization: Basic dXNlcjpwYXNz"))))
	if got := s.value("Authorization"); got != "Basic dXNlcjpwYXNz" {
		t.Errorf("a foreign Authorization arrives as %q", got)
	}
}

// TestHTTP2FieldsNeverArriveForged: names are lower case on the wire there and take the
// same way.
func TestHTTP2FieldsNeverArriveForged(t *testing.T) {
	g := secure(t)
	c := g.Client(t)
	for _, name := range trusted {
		for _, spelt := range []string{strings.ToLower(name), strings.ToLower(strings.ReplaceAll(name, "-", "_")), strings.ToLower(strings.ReplaceAll(name, "-", "."))} {
			a := c.Get(t, "/echo/x", spelt, forged)
			if a.Proto != "HTTP/2.0" {
				t.Fatalf("answered over %s", a.Proto)
			}
			if a.Status >= 400 && a.Status < 500 {
				continue
			}
			if where := forgedIn(echoed(t, a), ""); where != "" {
				t.Errorf("%s arrives as %s", spelt, where)
			}
		}
	}
}

// TestAmbiguousFieldsAreRefused: fields that must not be repeated, DESIGN §2 step 1.
func TestAmbiguousFieldsAreRefused(t *testing.T) {
	g, _ := areas(t, harness.FastAPI)
	for _, lines := range []string{
		"Origin: " + g.URL + "\r\nOrigin: https://evil.example", "Authorization: Bearer a\r\nAuthorization: Bearer b", "X-Api-Key: a\r\nX-Api-Key: b",
		"Content-Type: text/plain\r\nContent-Type: application/json", "Sec-Fetch-Site: same-origin\r\nSec-Fetch-Site: cross-site", "Host: evil.example",
		"Sec-Fetch-Site: same-origin, cross-site", "Origin: " + g.URL + ", https://evil.example", "X-Sanmon-Csrf: a\r\nX-Sanmon-Csrf: b",
	} {
		a := harness.One(t, g.Raw(t, get(g, "/open/x", lines)))
		var p struct{ Code, Type, Title, RequestID string }
		_ = json.Unmarshal(a.Body, &p)
		if a.Status != 400 || (p.Code != "header_ambiguous" && p.Code != "credential_ambiguous") {
			t.Errorf("%q = %d %q, want 400 header_ambiguous", lines, a.Status, p.Code)
		}
	}
}
