package main

import (
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A cookie that was carried to a strange network makes no grant that lasts for weeks.
func TestNoGrantFromAStrangeNetwork(t *testing.T) {
	g := oauthGate(t, t.TempDir(), "")
	ada := g.person("ada", "reader")
	f := g.flow("mobile", "com.example.app:/cb")
	q := url.Values{"response_type": {"code"}, "client_id": {"mobile"}, "redirect_uri": {f.redirect}, "code_challenge": {challengeOf(verifier)}, "code_challenge_method": {"S256"}}
	res := g.navigate("/.sanmon/oauth/authorize?"+q.Encode(), ada.cookie, "X-Forwarded-For", "198.51.100.9")
	if to := res.Header.Get("Location"); res.StatusCode != 303 || !strings.HasPrefix(to, "/.sanmon/login?next=") {
		t.Errorf("%d to %q", res.StatusCode, to)
	}
	q.Set("prompt", "none")
	if v := f.response(g.navigate("/.sanmon/oauth/authorize?"+q.Encode(), ada.cookie, "X-Forwarded-For", "198.51.100.9")); v.Get("error") != "login_required" {
		t.Errorf("without a page: %v", v)
	}
	if v := f.response(f.authorize(ada.cookie)); v.Get("code") == "" {
		t.Errorf("from home: %v", v)
	}
}

// A network that asks too often waits; one that guesses is told to wait as well, and its
// good credentials still work.
func TestOAuthLimits(t *testing.T) {
	dir := t.TempDir()
	g := oauthGate(t, dir, "")
	g.service("batch", "reader")
	edit(t, dir, "failures: { rate: 10000/s, burst: 10000 }", "failures: { rate: 3/10m, burst: 3 }")
	form := url.Values{"grant_type": {"client_credentials"}}
	guess := func() words { return g.post("token", form, basicAuth("batch", "wrong")...) }
	soon(t, "failures are counted", func() bool { return guess().status == 429 })
	w := guess()
	g.wantError("guessing", w, 429, "temporarily_unavailable")
	if w.header.Get("Retry-After") == "" {
		t.Error("no Retry-After")
	}
	if w := g.post("token", form, basicAuth("batch", batchSecret)...); w.status != 200 {
		t.Errorf("the good one: %d %s", w.status, w.raw)
	}
	flooded := false
	for range 5000 {
		if w := g.postRaw("token", "", "Content-Type", "text/plain"); w.status == 429 {
			flooded = w.Error == "temporarily_unavailable" && w.header.Get("Retry-After") != ""
			break
		}
	}
	if !flooded {
		t.Error("a network may ask as often as it likes")
	}
	g.wantReply("routes are not touched", g.ask("GET", "/"), 200, "")
}

// edit changes the configuration of a running gate.
func edit(t *testing.T, dir, old, new string) {
	t.Helper()
	path := filepath.Join(dir, "sanmon.yaml")
	text, err := os.ReadFile(path)
	if err != nil || !strings.Contains(string(text), old) {
		t.Fatalf("%q is not in the configuration: %v", old, err)
	}
	if err := os.WriteFile(path+".new", []byte(strings.Replace(string(text), old, new, 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		t.Fatal(err)
	}
}

// A client comes, is narrowed and goes while the server runs.
func TestClientsFollowTheConfiguration(t *testing.T) {
	dir := t.TempDir()
	g := oauthGate(t, dir, "")
	ada := g.person("ada", "writer")
	f := g.flow("mobile", "com.example.app:/cb")
	w := f.tokens(ada.cookie, "scope", "notes:read notes:write")
	edit(t, dir, `scopes: ["notes:read", "notes:write", openid, email]`, `scopes: ["notes:read"]`)
	soon(t, "a client that may ask for less", func() bool {
		next := f.refresh(w.RefreshToken)
		if next.status != 200 {
			t.Fatalf("refresh: %d %s", next.status, next.raw)
		}
		w = next
		return w.Scope == "notes:read"
	})
	g.wantReply("what is left", g.get(w.AccessToken), 200, "")
	g.wantReply("what is gone", g.ask("POST", "/notes", "Authorization", "Bearer "+w.AccessToken), 403, "permission_missing")
	edit(t, dir, "id: mobile,", "id: renamed,")
	soon(t, "a client that is gone", func() bool { return f.refresh(w.RefreshToken).Error == "invalid_client" })
	if res := f.authorize(ada.cookie); res.StatusCode != 422 || res.Header.Get("Location") != "" {
		t.Errorf("authorize: %d", res.StatusCode)
	}
	if res := g.flow("renamed", f.redirect).authorize(ada.cookie); res.StatusCode != http.StatusSeeOther {
		t.Errorf("the new one: %d", res.StatusCode)
	}
}

// A store that does not answer costs nobody a token: the client keeps what it has.
func TestOAuthWithoutAStore(t *testing.T) {
	g := oauthGate(t, t.TempDir(), "")
	ada := g.person("ada", "reader")
	f := g.flow("mobile", "com.example.app:/cb")
	w := f.tokens(ada.cookie)
	code := f.response(f.authorize(ada.cookie)).Get("code")
	if err := g.layers.store.Close(); err != nil {
		t.Fatal(err)
	}
	for what, r := range map[string]words{
		"refresh": f.refresh(w.RefreshToken), "exchange": f.exchange(code), "revoke": g.post("revoke", url.Values{"token": {w.RefreshToken}, "client_id": {"mobile"}}),
		"client credentials": g.post("token", url.Values{"grant_type": {"client_credentials"}}, basicAuth("batch", batchSecret)...),
	} {
		if r.status != 503 || r.Error != "temporarily_unavailable" || r.header.Get("Retry-After") == "" {
			t.Errorf("%s: %d %s", what, r.status, r.raw)
		}
	}
	g.wantError("forged, which needs no store", f.refresh(forged(w.RefreshToken)), 400, "invalid_grant")
}

// forged is a token with another letter in its middle.
func forged(token string) string {
	at, letter := len(token)/2, "A"
	if token[at] == 'A' {
		letter = "B"
	}
	return token[:at] + letter + token[at+1:]
}
