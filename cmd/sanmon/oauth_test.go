package main

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

const clientsYAML = `clients:
  - { id: mobile, redirect_uris: ["com.example.app:/cb", "http://127.0.0.1/cb"], scopes: ["notes:read", "notes:write", openid, email] }
  - { id: other, redirect_uris: ["com.example.other:/cb"], scopes: ["notes:read"] }
  - { id: bound, redirect_uris: ["com.example.bound:/cb"], scopes: ["notes:read"], dpop: required }
  - { id: batch, type: confidential, secret: "file:./batch.secret", grants: [client_credentials], service: batch, scopes: ["notes:read", "notes:write"] }
  - { id: api, type: confidential, secret: "file:./api.secret", grants: [client_credentials], service: api, scopes: ["notes:read"], introspect: true }
  - { id: signer, type: confidential, jwks: "file:./signer.jwks", grants: [client_credentials], service: batch, scopes: ["notes:read"] }
`

const batchSecret, apiSecret = "batch-0123456789abcdef0123456789abcdef", "api+/%20-0123456789abcdef0123456789abcdef"

// oauthGate is a running gate with clients.
func oauthGate(t testing.TB, dir, more string) *runningGate {
	t.Helper()
	path := filepath.Join(dir, "sanmon.yaml")
	if _, err := os.Stat(path); err != nil {
		for name, text := range map[string]string{"batch.secret": batchSecret, "api.secret": apiSecret, "signer.jwks": signerKeys(t)} {
			if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	return startGateWith(t, dir, "step_up", clientsYAML+more)
}

// flow is a client on its way through the authorization code.
type flow struct {
	*runningGate
	client, redirect, verifier string
}

const verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk" // RFC 7636, Appendix B

func (g *runningGate) flow(client, redirect string) flow {
	return flow{g, client, redirect, verifier}
}

func challengeOf(verifier string) string {
	sum := sha256.Sum256([]byte(verifier))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// ask sends an authorization request; change is pairs of parameters, "" to leave one out.
func (f flow) authorize(cookie string, change ...string) *http.Response {
	f.t.Helper()
	v := url.Values{"response_type": {"code"}, "client_id": {f.client}, "redirect_uri": {f.redirect}, "scope": {"notes:read"}, "state": {"st ate&x"},
		"code_challenge": {challengeOf(f.verifier)}, "code_challenge_method": {"S256"}}
	for i := 0; i < len(change); i += 2 {
		if v.Set(change[i], change[i+1]); change[i+1] == "" {
			v.Del(change[i])
		}
	}
	return f.navigate("/.sanmon/oauth/authorize?"+v.Encode(), cookie)
}

func (g *runningGate) navigate(path, cookie string, header ...string) *http.Response {
	g.t.Helper()
	req, err := http.NewRequestWithContext(g.t.Context(), "GET", g.public+path, nil)
	if err != nil {
		g.t.Fatal(err)
	}
	req.Host = "localhost:8080"
	req.Header.Set("X-Forwarded-For", home)
	if cookie != "" {
		req.Header.Set("Cookie", "sanmon="+cookie)
	}
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	res, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		g.t.Fatal(err)
	}
	body, _ := io.ReadAll(res.Body)
	_ = res.Body.Close()
	res.Body = io.NopCloser(strings.NewReader(string(body)))
	return res
}

// response reads the parameters of a redirect to the client.
func (f flow) response(res *http.Response) url.Values {
	f.t.Helper()
	to := res.Header.Get("Location")
	rest, ok := strings.CutPrefix(to, f.redirect+"?")
	if !ok || res.StatusCode != http.StatusSeeOther {
		f.t.Fatalf("%d, Location %q", res.StatusCode, to)
	}
	v, err := url.ParseQuery(rest)
	if err != nil {
		f.t.Fatal(err)
	}
	return v
}

// words is the answer of an endpoint for programs.
type words struct {
	status int
	header http.Header
	raw    string

	Error        string `json:"error"`
	AccessToken  string `json:"access_token"`
	RefreshToken string `json:"refresh_token"`
	IDToken      string `json:"id_token"`
	TokenType    string `json:"token_type"`
	ExpiresIn    int    `json:"expires_in"`
	Scope        string `json:"scope"`
	Active       bool   `json:"active"`
	Sub          string `json:"sub"`
	ClientID     string `json:"client_id"`
}

func (g *runningGate) post(endpoint string, form url.Values, header ...string) (w words) {
	g.t.Helper()
	return g.postRaw(endpoint, form.Encode(), append([]string{"Content-Type", "application/x-www-form-urlencoded"}, header...)...)
}

func (g *runningGate) postRaw(endpoint, body string, header ...string) (w words) {
	g.t.Helper()
	req, err := http.NewRequestWithContext(g.t.Context(), "POST", g.public+"/.sanmon/oauth/"+endpoint, strings.NewReader(body))
	if err != nil {
		g.t.Fatal(err)
	}
	req.Host = "localhost:8080"
	req.Header.Set("X-Forwarded-For", home)
	for i := 0; i < len(header); i += 2 {
		req.Header.Add(header[i], header[i+1])
	}
	res, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		g.t.Fatal(err)
	}
	defer res.Body.Close()
	raw, _ := io.ReadAll(res.Body)
	_ = json.Unmarshal(raw, &w)
	w.status, w.header, w.raw = res.StatusCode, res.Header, string(raw)
	return w
}

func (g *runningGate) wantError(what string, w words, status int, code string) {
	g.t.Helper()
	if w.status != status || w.Error != code || w.header.Get("Cache-Control") != "no-store" || w.AccessToken != "" {
		g.t.Errorf("%s: %d %q (%s), want %d %q", what, w.status, w.Error, w.raw, status, code)
	}
}

func (f flow) exchange(code string, change ...string) words {
	f.t.Helper()
	v := url.Values{"grant_type": {"authorization_code"}, "code": {code}, "redirect_uri": {f.redirect}, "client_id": {f.client}, "code_verifier": {f.verifier}}
	for i := 0; i < len(change); i += 2 {
		if v.Set(change[i], change[i+1]); change[i+1] == "" {
			v.Del(change[i])
		}
	}
	return f.post("token", v)
}

// sign in and get tokens.
func (f flow) tokens(cookie string, change ...string) words {
	f.t.Helper()
	w := f.exchange(f.response(f.authorize(cookie, change...)).Get("code"))
	if w.status != 200 || w.AccessToken == "" || w.RefreshToken == "" {
		f.t.Fatalf("tokens: %d %s", w.status, w.raw)
	}
	return w
}

func (f flow) refresh(token string, change ...string) words {
	f.t.Helper()
	v := url.Values{"grant_type": {"refresh_token"}, "refresh_token": {token}, "client_id": {f.client}}
	for i := 0; i < len(change); i += 2 {
		v.Set(change[i], change[i+1])
	}
	return f.post("token", v)
}

// The whole way of a native app: code, access token, refresh, and the end of it all.
func TestAuthorizationCode(t *testing.T) {
	g := oauthGate(t, t.TempDir(), "")
	ada := g.person("ada", "writer")
	f := g.flow("mobile", "com.example.app:/cb")

	res := f.authorize("")
	if to := res.Header.Get("Location"); res.StatusCode != 303 || !strings.HasPrefix(to, "/.sanmon/login?next=%2F.sanmon%2Foauth%2Fauthorize%3F") {
		t.Fatalf("nobody signed in: %d to %q", res.StatusCode, to)
	}
	v := f.response(f.authorize(ada.cookie))
	if v.Get("state") != "st ate&x" || v.Get("iss") != "http://localhost:8080" || len(v) != 3 {
		t.Errorf("response %v", v)
	}
	w := f.exchange(v.Get("code"))
	if w.status != 200 || w.TokenType != "Bearer" || w.Scope != "notes:read" || w.ExpiresIn < 200 || w.ExpiresIn > 300 || w.header.Get("Cache-Control") != "no-store" || w.IDToken != "" {
		t.Fatalf("exchange: %d %s", w.status, w.raw)
	}
	g.wantReply("read", g.get(w.AccessToken), 200, "")
	g.wantReply("beyond the scope", g.ask("POST", "/notes", "Authorization", "Bearer "+w.AccessToken), 403, "permission_missing")

	again := f.refresh(w.RefreshToken)
	if again.status != 200 || again.RefreshToken == "" || again.RefreshToken == w.RefreshToken {
		t.Fatalf("refresh: %d %s", again.status, again.raw)
	}
	g.wantReply("refreshed", g.get(again.AccessToken), 200, "")
	g.wantError("another client", g.flow("other", "").refresh(again.RefreshToken), 400, "invalid_grant")
	g.wantError("a wider scope", f.refresh(again.RefreshToken, "scope", "notes:read notes:write"), 400, "invalid_scope")
	third := f.refresh(again.RefreshToken, "scope", "notes:read")
	if third.status != 200 {
		t.Fatalf("after a refused one: %d %s", third.status, third.raw)
	}

	// The code again: what it gave ends.
	g.wantError("code replayed", f.exchange(v.Get("code")), 400, "invalid_grant")
	g.wantReply("after the replay", g.get(third.AccessToken), 401, "token_revoked")
	g.wantError("refresh after the replay", f.refresh(third.RefreshToken), 400, "invalid_grant")

	for _, secret := range []string{w.AccessToken, w.RefreshToken, v.Get("code"), again.RefreshToken} {
		if strings.Contains(g.log.String(), secret[len(secret)-30:]) {
			t.Error("a credential is in the log")
		}
	}
}

// What a logout, a role and a theft do to a client's tokens, at once.
func TestGrantsDieWithTheirLogin(t *testing.T) {
	g := oauthGate(t, t.TempDir(), "")
	f := g.flow("mobile", "com.example.app:/cb")

	bo := g.person("bo", "writer")
	w := f.tokens(bo.cookie)
	g.command("user", "roles", bo.Name)
	soon(t, "a role that is taken", func() bool { return g.get(w.AccessToken).code == "permission_missing" })

	cy := g.person("cy", "reader")
	w = f.tokens(cy.cookie)
	info := g.navigate("/.sanmon/session", cy.cookie)
	var me struct {
		Token string `json:"csrf_token"`
	}
	_ = json.NewDecoder(info.Body).Decode(&me)
	if r := g.ask("POST", "/.sanmon/logout", "Cookie", "sanmon="+cy.cookie, "X-Sanmon-Csrf", me.Token, "Origin", "http://localhost:8080"); r.status != 204 {
		t.Fatalf("logout: %d %s", r.status, r.body)
	}
	g.wantReply("after logout", g.get(w.AccessToken), 401, "token_revoked")
	g.wantError("refresh after logout", f.refresh(w.RefreshToken), 400, "invalid_grant")

	di := g.person("di", "reader")
	w = f.tokens(di.cookie)
	second := f.refresh(w.RefreshToken)
	third := f.refresh(second.RefreshToken)
	g.wantError("a spent refresh token", f.refresh(w.RefreshToken), 400, "invalid_grant")
	g.wantReply("after theft", g.get(third.AccessToken), 401, "token_revoked")
	g.wantError("refresh after theft", f.refresh(third.RefreshToken), 400, "invalid_grant")
	g.wantReply("the login after theft", g.ask("GET", "/cookie", "Cookie", "sanmon="+di.cookie), 401, "login_required")
}

// TestAuthorizeRefuses: what goes to a page, and what to the client.
func TestAuthorizeRefuses(t *testing.T) {
	g := oauthGate(t, t.TempDir(), "")
	ada := g.person("ada", "writer")
	f := g.flow("mobile", "com.example.app:/cb")
	for name, change := range map[string][]string{
		"unknown client": {"client_id", "nobody"}, "no client": {"client_id", ""}, "no redirect": {"redirect_uri", ""}, "another redirect": {"redirect_uri", "https://evil.example/cb"},
		"longer": {"redirect_uri", "com.example.app:/cb/x"}, "query": {"redirect_uri", "com.example.app:/cb?x=1"}, "case": {"redirect_uri", "com.example.app:/CB"}, "of another client": {"redirect_uri", "com.example.other:/cb"},
		"loopback by name": {"redirect_uri", "http://localhost:9/cb"}, "loopback path": {"redirect_uri", "http://127.0.0.1:9/cbx"}, "loopback user": {"redirect_uri", "http://127.0.0.1:9@evil.example/cb"}, "loopback port": {"redirect_uri", "http://127.0.0.1:99999/cb"},
	} {
		res := f.authorize(ada.cookie, change...)
		if res.StatusCode != 422 || res.Header.Get("Location") != "" || res.Header.Get("Refresh") != "" {
			t.Errorf("%s: %d to %q", name, res.StatusCode, res.Header.Get("Location"))
		}
	}
	for _, tt := range []struct {
		code   string
		change []string
	}{
		{"unsupported_response_type", []string{"response_type", "token"}}, {"unsupported_response_type", []string{"response_type", "code id_token"}}, {"invalid_request", []string{"response_type", ""}},
		{"invalid_request", []string{"code_challenge", ""}}, {"invalid_request", []string{"code_challenge_method", ""}}, {"invalid_request", []string{"code_challenge_method", "plain"}}, {"invalid_request", []string{"code_challenge", "short"}},
		{"invalid_scope", []string{"scope", "admin"}}, {"invalid_scope", []string{"scope", "notes:read notes:read"}}, {"invalid_scope", []string{"scope", "notes:read  notes:write"}}, {"invalid_scope", []string{"scope", "*"}},
		{"invalid_request", []string{"response_mode", "fragment"}}, {"request_not_supported", []string{"request", "x"}}, {"request_uri_not_supported", []string{"request_uri", "https://a.example"}}, {"invalid_target", []string{"resource", "https://a.example"}},
		{"invalid_request", []string{"prompt", "none login"}}, {"invalid_request", []string{"max_age", "x"}}, {"invalid_request", []string{"dpop_jkt", "x"}}, {"invalid_request", []string{"state", "", "nonce", strings.Repeat("n", 600)}},
	} {
		v := f.response(f.authorize(ada.cookie, tt.change...))
		if v.Get("error") != tt.code || v.Get("code") != "" || v.Get("iss") == "" {
			t.Errorf("%v: %v", tt.change, v)
		}
	}
	if v := f.response(f.authorize("", "prompt", "none")); v.Get("error") != "login_required" {
		t.Errorf("prompt=none: %v", v)
	}
	if res := g.navigate("/.sanmon/oauth/authorize?client_id=mobile&client_id=mobile", ada.cookie); res.StatusCode != 422 || res.Header.Get("Location") != "" {
		t.Errorf("twice: %d", res.StatusCode)
	}
	any := g.flow("mobile", "http://127.0.0.1:54321/cb")
	if w := any.tokens(ada.cookie); w.status != 200 {
		t.Errorf("any port of loopback: %s", w.raw)
	}
}

// A login that is asked for is asked for once.
func TestAuthorizeAsksForALogin(t *testing.T) {
	g := oauthGate(t, t.TempDir(), "")
	ada := g.person("ada", "writer")
	f := g.flow("mobile", "com.example.app:/cb")
	for _, change := range [][]string{{"prompt", "login"}, {"max_age", "0"}, {"prompt", "select_account"}} {
		res := f.authorize(ada.cookie, change...)
		next, _ := url.ParseQuery(strings.TrimPrefix(res.Header.Get("Location"), "/.sanmon/login?"))
		back := next.Get("next")
		if res.StatusCode != 303 || !strings.HasPrefix(back, "/.sanmon/oauth/authorize?") {
			t.Fatalf("%v: %d to %q", change, res.StatusCode, res.Header.Get("Location"))
		}
		// The session is young enough for who comes back.
		if v := f.response(g.navigate(back, ada.cookie)); v.Get("code") == "" || v.Get("state") != "st ate&x" {
			t.Errorf("%v: back: %v", change, v)
		}
		q, _ := url.ParseQuery(strings.TrimPrefix(back, "/.sanmon/oauth/authorize?"))
		q.Set("sanmon_after", fmt.Sprint(time.Now().Unix()+60))
		if res := g.navigate("/.sanmon/oauth/authorize?"+q.Encode(), ada.cookie); !strings.HasPrefix(res.Header.Get("Location"), "/.sanmon/login?") {
			t.Errorf("%v: an older session: to %q", change, res.Header.Get("Location"))
		}
	}
	if v := f.response(f.authorize(ada.cookie, "max_age", "3600")); v.Get("code") == "" {
		t.Errorf("max_age: %v", v)
	}
	// From our own form the browser leaves by a page.
	q := url.Values{"response_type": {"code"}, "client_id": {"mobile"}, "redirect_uri": {f.redirect}, "code_challenge": {challengeOf(verifier)}, "code_challenge_method": {"S256"}}
	res := g.navigate("/.sanmon/oauth/authorize?"+q.Encode(), ada.cookie, "Sec-Fetch-Site", "same-origin", "Sec-Fetch-Mode", "navigate")
	page, _ := io.ReadAll(res.Body)
	if res.StatusCode != 200 || !strings.HasPrefix(res.Header.Get("Refresh"), "0; url=com.example.app:/cb?code=smc_") || !strings.Contains(string(page), `href="com.example.app:/cb?code=smc_`) {
		t.Errorf("page: %d %q", res.StatusCode, res.Header.Get("Refresh"))
	}
}
