package e2e_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sanmon-gate/sanmon/e2e/harness"
	"github.com/sanmon-gate/sanmon/refusal"
)

// unreachable lists codes that nothing outside can provoke yet, each with its reason.
var unreachable = map[refusal.Code]string{
	refusal.TokenExpired: "no access tokens are issued by this version",
	refusal.TokenRevoked: "no access tokens are issued by this version",
	refusal.Internal:     "an error that no layer declared: provoking it would be a bug to mend",
}

// TestEveryRefusalFromOutside provokes every code of the contract through the built
// binary, and checks the form that each has: DESIGN §4.
func TestEveryRefusalFromOutside(t *testing.T) {
	g := notes(t)
	c := signedIn(t, g, writer)
	r := signedIn(t, g, reader)
	key := g.AddKey(t, writer, "--role", "writer")
	old := g.AddKey(t, writer, "--role", "writer")
	g.CLI(t, "", "key", "revoke", old.ID)
	time.Sleep(250 * time.Millisecond)
	once := c.Session(t, "POST /echo-once").CSRFToken
	want(t, "once", c.Post(t, "/echo-once", urlencoded, "", "X-Sanmon-Csrf", once), 200, "")
	for range 3 {
		want(t, "inside the limit", c.Get(t, "/limited-net"), 200, "")
	}
	session := "Cookie: " + g.CookieName() + "=" + c.Cookie(t)

	provoked := map[refusal.Code]func(*testing.T) harness.Answer{
		refusal.TargetAmbiguous: func(t *testing.T) harness.Answer { return harness.One(t, g.Raw(t, get(g, "/a/../b"))) },
		refusal.HeaderAmbiguous: func(t *testing.T) harness.Answer {
			return harness.One(t, g.Raw(t, get(g, "/", "Origin: a", "Origin: b")))
		},
		refusal.CredentialAmbiguous: func(t *testing.T) harness.Answer {
			return harness.One(t, g.Raw(t, get(g, "/notes", session, "X-Api-Key: "+key.Key)))
		},
		refusal.CredentialInURL: func(t *testing.T) harness.Answer {
			return harness.One(t, g.Raw(t, get(g, "/notes?api_key="+key.Key)))
		},
		refusal.LoginRequired:  func(t *testing.T) harness.Answer { return g.Client(t).Get(t, "/notes") },
		refusal.LoginFailed:    func(t *testing.T) harness.Answer { return g.Client(t).TryLogin(t, writer, "wrong password 123") },
		refusal.SessionExpired: func(t *testing.T) harness.Answer { return expired(t) },
		refusal.TokenInvalid: func(t *testing.T) harness.Answer {
			return g.Client(t).Get(t, "/token", "Authorization", "Bearer eyJhbGciOiJub25lIn0.e30.")
		},
		refusal.KeyInvalid: func(t *testing.T) harness.Answer { return g.Client(t).Get(t, "/notes", "X-Api-Key", old.Key) },
		refusal.StepUpRequired: func(t *testing.T) harness.Answer {
			time.Sleep(1200 * time.Millisecond)
			return c.Get(t, "/fresh")
		},
		refusal.OriginForeign: func(t *testing.T) harness.Answer {
			return c.PostJSON(t, "/notes", "x", "Origin", "https://evil.example")
		},
		refusal.HTTPSRequired:     func(t *testing.T) harness.Answer { return clearText(t) },
		refusal.NetworkDenied:     func(t *testing.T) harness.Answer { return c.Get(t, "/lan") },
		refusal.CSRFMissing:       func(t *testing.T) harness.Answer { return c.PostJSON(t, "/notes", "x", "X-Sanmon-Csrf", "") },
		refusal.CSRFInvalid:       func(t *testing.T) harness.Answer { return c.PostJSON(t, "/notes", "x", "X-Sanmon-Csrf", "x") },
		refusal.PermissionMissing: func(t *testing.T) harness.Answer { return r.PostJSON(t, "/notes", map[string]string{"title": "x"}) },
		refusal.RouteUnknown:      func(t *testing.T) harness.Answer { return c.Get(t, "/nowhere") },
		refusal.MethodNotAllowed:  func(t *testing.T) harness.Answer { return c.Do(t, c.Request(t, "PUT", "/notes", nil)) },
		refusal.CSRFSpent: func(t *testing.T) harness.Answer {
			return c.Post(t, "/echo-once", urlencoded, "", "X-Sanmon-Csrf", once)
		},
		refusal.BodyTooLarge: func(t *testing.T) harness.Answer {
			return c.PostJSON(t, "/notes", map[string]string{"title": strings.Repeat("x", 70<<10)})
		},
		refusal.TypeNotAllowed: func(t *testing.T) harness.Answer { return c.Post(t, "/notes", "text/csv", "a,b") },
		refusal.HostUnknown: func(t *testing.T) harness.Answer {
			return harness.One(t, g.Raw(t, "GET / HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n"))
		},
		refusal.InputInvalid:        func(t *testing.T) harness.Answer { return c.Post(t, "/.sanmon/login", "application/json", "{") },
		refusal.RateLimited:         func(t *testing.T) harness.Answer { return c.Get(t, "/limited-net") },
		refusal.UpstreamUnreachable: func(t *testing.T) harness.Answer { return c.Get(t, "/dead/x") },
		refusal.UpstreamTimeout:     func(t *testing.T) harness.Answer { return c.Get(t, "/slow?s=3") },
		refusal.Busy:                func(t *testing.T) harness.Answer { return busy(t) },
	}
	all := refusal.Codes()
	for _, code := range slices.Sorted(maps.Keys(all)) {
		provoke := provoked[code]
		if provoke == nil && unreachable[code] == "" {
			t.Errorf("%s: nothing provokes it", code)
		}
		if provoke == nil {
			continue
		}
		t.Run(string(code), func(t *testing.T) { checkRefusal(t, provoke(t), statusOf[code], string(code)) })
	}
}

// statusOf is DESIGN §4, typed again.
var statusOf = map[refusal.Code]int{
	"target_ambiguous": 400, "header_ambiguous": 400, "credential_ambiguous": 400, "credential_in_url": 400,
	"login_required": 401, "login_failed": 401, "session_expired": 401, "token_invalid": 401, "token_expired": 401, "token_revoked": 401, "key_invalid": 401, "step_up_required": 401,
	"origin_foreign": 403, "https_required": 403, "network_denied": 403, "csrf_missing": 403, "csrf_invalid": 403, "permission_missing": 403,
	"route_unknown": 404, "method_not_allowed": 405, "csrf_spent": 409, "body_too_large": 413, "type_not_allowed": 415, "host_unknown": 421, "input_invalid": 422,
	"rate_limited": 429, "internal": 500, "upstream_unreachable": 502, "busy": 503, "upstream_timeout": 504,
}

// checkRefusal holds an answer to the form of RFC 9457 and DESIGN §4.
func checkRefusal(t *testing.T, a harness.Answer, status int, code string) {
	t.Helper()
	var p struct {
		Type, Title, Code string
		Status            int
		RequestID         string `json:"request_id"`
	}
	if ct := a.Header.Get("Content-Type"); a.Status != status || ct != "application/problem+json" {
		t.Fatalf("%d %q, want %d application/problem+json\n%s", a.Status, ct, status, clip(a.Body))
	}
	a.JSON(t, &p)
	if p.Type == "" || p.Title == "" || p.Status != status || p.Code != code || p.RequestID == "" || p.RequestID != a.Header.Get("X-Request-Id") {
		t.Errorf("problem %+v, X-Request-Id %q", p, a.Header.Get("X-Request-Id"))
	}
	if cc := a.Header.Get("Cache-Control"); !strings.Contains(cc, "no-store") {
		t.Errorf("Cache-Control %q", cc)
	}
	if a.Header.Get("X-Content-Type-Options") != "nosniff" {
		t.Error("no nosniff")
	}
	for name, on := range map[string]int{"WWW-Authenticate": 401, "Retry-After": 429, "Allow": 405} {
		if status == on && a.Header.Get(name) == "" {
			t.Errorf("%d without %s", status, name)
		}
	}
}

// expired is the answer to a session that was idle for too long.
func expired(t *testing.T) harness.Answer {
	app := harness.SharedBackend(t, harness.FastAPI)
	g := harness.StartGate(t, harness.Options{Upstream: app.URL, Top: "session: { idle: 2s, absolute: 1h }",
		Routes: "  - { id: all, match: { path: \"/{rest...}\" }, boundary: [session] }\n"})
	g.AddUser(t, writer, "writer")
	c := signedIn(t, g, writer)
	for range 3 { // use keeps it alive
		time.Sleep(900 * time.Millisecond)
		want(t, "in use", c.Get(t, "/private/x"), 200, "")
	}
	time.Sleep(2500 * time.Millisecond)
	return c.Get(t, "/private/x")
}

// clearText is the answer to a fetch that a trusted proxy took over plain HTTP.
func clearText(t *testing.T) harness.Answer {
	app := harness.SharedBackend(t, harness.FastAPI)
	g := harness.NewGate(t, harness.Options{Upstream: app.URL})
	g.WriteConfig(t, strings.Replace(g.Render(harness.Options{Upstream: app.URL,
		Top:    "tls: { behind_proxy: true }\nclient_ip: { trusted_proxies: [\"127.0.0.0/8\"], header: x-forwarded-for }",
		Routes: "  - { id: all, match: { path: \"/{rest...}\" }, boundary: public }\n"}), "public_url: http://", "public_url: https://", 1))
	g.Start(t)
	a := harness.One(t, g.Raw(t, get(g, "/x", "X-Forwarded-Proto: https", "X-Forwarded-For: 192.0.2.7")))
	if s := echoed(t, a); s.value("X-Forwarded-For") == "" || s.value("X-Forwarded-Proto") != "https" || a.Header.Get("Strict-Transport-Security") == "" {
		t.Errorf("behind a proxy over https: X-Forwarded-For %q, X-Forwarded-Proto %q, HSTS %q", s.value("X-Forwarded-For"), s.value("X-Forwarded-Proto"), a.Header.Get("Strict-Transport-Security"))
	}
	navigation := harness.One(t, g.Raw(t, get(g, "/x?y=z", "X-Forwarded-Proto: http", "Sec-Fetch-Mode: navigate", "Accept: text/html")))
	if navigation.Status != 308 || navigation.Header.Get("Location") != strings.Replace(g.URL, "http://", "https://", 1)+"/x?y=z" {
		t.Errorf("a navigation over plain http = %d to %q", navigation.Status, navigation.Header.Get("Location"))
	}
	return harness.One(t, g.Raw(t, get(g, "/x", "X-Forwarded-Proto: http")))
}

// busy is the answer when the store does not: PostgreSQL is stopped under the gate.
func busy(t *testing.T) harness.Answer {
	app := harness.SharedBackend(t, harness.FastAPI)
	url, password, cluster := harness.PostgresURL(t)
	g := harness.StartGate(t, harness.Options{Upstream: app.URL, Store: fmt.Sprintf("{ url: %q, password: env:SANMON_TEST_PG }", url), Env: []string{"SANMON_TEST_PG=" + password},
		Routes: "  - { id: home, match: { path: \"/\" }, boundary: public }\n  - { id: private, match: { path: \"/private/{rest...}\" }, boundary: [session, key] }\n"})
	g.AddUser(t, writer, "writer")
	c := signedIn(t, g, writer)
	want(t, "with the store", c.Get(t, "/private/x"), 200, "")
	cluster.Kill()
	want(t, "a public route without the store", c.Get(t, "/"), 200, "")
	stranger := g.Client(t)
	a := stranger.Get(t, "/private/x", "Cookie", g.CookieName()+"="+strings.Repeat("A", 43))
	if ready := g.AdminGet(t, "/readyz"); ready.Status != 503 {
		t.Errorf("/readyz without the store = %d", ready.Status)
	}
	want(t, "login without the store", stranger.TryLogin(t, writer, harness.Password), 503, "busy")
	return a
}

// TestRefusalsForBrowsers: a navigation gets a page that says the same, in its language.
func TestRefusalsForBrowsers(t *testing.T) {
	g := notes(t)
	c := signedIn(t, g, reader)
	for language, title := range map[string]string{"en": "There is nothing at this address.", "ja": ""} {
		a := c.Get(t, "/nowhere", "Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "document", "Accept", "text/html", "Accept-Language", language)
		if ct := a.Header.Get("Content-Type"); a.Status != 404 || !strings.HasPrefix(ct, "text/html") {
			t.Errorf("%s: %d %s", language, a.Status, ct)
		}
		body := string(a.Body)
		if !strings.Contains(body, `lang="`+language+`"`) || !strings.Contains(body, title) || !strings.Contains(body, a.Header.Get("X-Request-Id")) {
			t.Errorf("%s: the page lacks its language, title or request id:\n%s", language, clip(a.Body))
		}
	}
	a := c.Do(t, c.Request(t, "HEAD", "/nowhere", nil))
	if a.Status != 404 || len(a.Body) != 0 {
		t.Errorf("HEAD /nowhere = %d with %d bytes", a.Status, len(a.Body))
	}
	fetch := g.Client(t).Get(t, "/notes")
	if fetch.Status != 401 || fetch.Header.Get("Location") != "" {
		t.Errorf("a fetch without a session = %d to %q, want 401", fetch.Status, fetch.Header.Get("Location"))
	}
}

// TestClientAndOperatorReadDifferentTexts: the log says which key failed and why, the
// client does not learn it, and neither shows the key.
func TestClientAndOperatorReadDifferentTexts(t *testing.T) {
	g := notes(t)
	k := g.AddKey(t, writer, "--role", "writer")
	g.CLI(t, "", "key", "revoke", k.ID)
	time.Sleep(250 * time.Millisecond)
	never := k.Key[:9] + flip(k.Key[9:])
	for what, presented := range map[string]string{"revoked": k.Key, "never issued": never, "wrong environment": strings.Replace(k.Key, "smk_live_", "smk_test_", 1), "cut": k.Key[:40]} {
		a := g.Client(t).Get(t, "/notes", "X-Api-Key", presented)
		want(t, what, a, 401, "key_invalid")
		if body := string(a.Body); strings.Contains(body, "revoked") || strings.Contains(body, k.ID) || strings.Contains(body, writer) {
			t.Errorf("%s: the client reads %s", what, body)
		}
		line := g.LogWith(t, 3*time.Second, map[string]any{"request_id": a.Header.Get("X-Request-Id")})
		if what == "revoked" && !strings.Contains(fmt.Sprint(line), "revoked") {
			t.Errorf("the operator does not learn that the key was revoked: %v", line)
		}
	}
	if strings.Contains(g.Output(), k.Key) {
		t.Error("the log shows a key")
	}
}
