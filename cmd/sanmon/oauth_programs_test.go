package main

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sanmon-gate/sanmon/identity/refresh"
	"github.com/sanmon-gate/sanmon/secret"
)

func basicAuth(id, secret string) []string {
	return []string{"Authorization", "Basic " + base64.StdEncoding.EncodeToString([]byte(id+":"+secret))}
}

// service makes a service, as its first key does.
func (g *runningGate) service(name string, roles ...string) {
	g.t.Helper()
	args := []string{"key", "create", "--owner", "service:" + name}
	for _, r := range roles {
		args = append(args, "--role", r)
	}
	g.command(args...)
}

// A client acts as a service: what the service may do counts at each request.
func TestClientCredentials(t *testing.T) {
	g := oauthGate(t, t.TempDir(), "")
	form := url.Values{"grant_type": {"client_credentials"}}
	auth := basicAuth("batch", batchSecret)
	g.wantError("the service is not there", g.post("token", form, auth...), 400, "unauthorized_client")
	g.service("batch", "reader")

	w := g.post("token", form, auth...)
	if w.status != 200 || w.TokenType != "Bearer" || w.RefreshToken != "" || w.IDToken != "" || w.Scope != "notes:read notes:write" {
		t.Fatalf("%d %s", w.status, w.raw)
	}
	g.wantReply("read", g.get(w.AccessToken), 200, "")
	g.wantReply("its role does not allow to write", g.ask("POST", "/notes", "Authorization", "Bearer "+w.AccessToken), 403, "permission_missing")
	g.wantReply("nobody authenticated", g.ask("GET", "/fresh", "Authorization", "Bearer "+w.AccessToken), 401, "step_up_required")
	if sid := claimsOf(t, w.AccessToken)["sid"]; claimsOf(t, g.post("token", form, auth...).AccessToken)["sid"] != sid {
		t.Error("a second token begins a second session")
	}
	g.command("service", "roles", "batch", "writer")
	soon(t, "a role that is given", func() bool { return g.ask("POST", "/notes", "Authorization", "Bearer "+w.AccessToken).status == 200 })
	g.command("service", "disable", "batch")
	soon(t, "a service that is disabled", func() bool { return g.get(w.AccessToken).status == 401 })
	g.wantError("disabled", g.post("token", form, auth...), 400, "unauthorized_client")
	g.command("service", "enable", "batch")

	// Each way to prove who it is, and each that proves nothing.
	posted := url.Values{"grant_type": {"client_credentials"}, "client_id": {"batch"}, "client_secret": {batchSecret}}
	if w := g.post("token", posted); w.status != 200 {
		t.Errorf("client_secret_post: %d %s", w.status, w.raw)
	}
	g.service("api", "reader")
	for name, header := range map[string][]string{"raw": basicAuth("api", apiSecret), "encoded": basicAuth("api", url.QueryEscape(apiSecret))} {
		if w := g.post("token", form, header...); w.status != 200 {
			t.Errorf("a secret with special characters, %s: %d %s", name, w.status, w.raw)
		}
	}
	with := func(more ...string) url.Values {
		v := url.Values{"grant_type": {"client_credentials"}}
		for i := 0; i < len(more); i += 2 {
			v.Set(more[i], more[i+1])
		}
		return v
	}
	for _, tt := range []struct {
		what   string
		form   url.Values
		header []string
		status int
		code   string
	}{
		{"wrong secret", form, basicAuth("batch", batchSecret+"x"), 401, "invalid_client"},
		{"no secret", with("client_id", "batch"), nil, 401, "invalid_client"},
		{"empty secret", form, basicAuth("batch", ""), 401, "invalid_client"},
		{"secret of another", form, basicAuth("batch", apiSecret), 401, "invalid_client"},
		{"unknown", form, basicAuth("nobody", batchSecret), 401, "invalid_client"},
		{"nobody", form, nil, 401, "invalid_client"},
		{"a public one with a secret", with("client_id", "mobile", "client_secret", "x"), nil, 401, "invalid_client"},
		{"no base64", form, []string{"Authorization", "Basic ÿ"}, 401, "invalid_client"},
		{"bearer", form, []string{"Authorization", "Bearer " + batchSecret}, 401, "invalid_client"},
		{"two ways", with("client_id", "batch", "client_secret", batchSecret), auth, 400, "invalid_request"},
		{"two ids", with("client_id", "api"), auth, 400, "invalid_request"},
		{"another grant type", with("client_id", "mobile"), nil, 400, "unauthorized_client"},
		{"refreshing, which it may not", with("grant_type", "refresh_token", "refresh_token", "x"), auth, 400, "unauthorized_client"},
		{"password", url.Values{"grant_type": {"password"}}, auth, 400, "unsupported_grant_type"},
		{"no grant type", url.Values{"x": {"y"}}, auth, 400, "invalid_request"},
		{"a scope too wide", with("scope", "notes:read admin"), auth, 400, "invalid_scope"},
		{"another resource", with("resource", "https://other.example"), auth, 400, "invalid_target"},
		{"assertion without type", with("client_assertion", "x"), nil, 400, "invalid_request"},
	} {
		got := g.post("token", tt.form, tt.header...)
		g.wantError(tt.what, got, tt.status, tt.code)
		if challenged := strings.HasPrefix(got.header.Get("Www-Authenticate"), "Basic "); challenged != (tt.status == 401 && len(tt.header) > 0) {
			t.Errorf("%s: challenge %q", tt.what, got.header.Get("Www-Authenticate"))
		}
	}
	if strings.Contains(g.log.String(), batchSecret[6:]) || strings.Contains(g.log.String(), apiSecret[9:]) {
		t.Error("a client secret is in the log")
	}
}

// private_key_jwt (RFC 7523): by the key, about itself, for us, young and once.
func TestClientAssertions(t *testing.T) {
	g := oauthGate(t, t.TempDir(), "")
	g.service("batch", "reader")
	key, now := signer(t, 1), time.Now().Unix()
	claims := func(aud string, iat, exp int64, jti string) string {
		return fmt.Sprintf(`{"iss":"signer","sub":"signer","aud":%s,"iat":%d,"exp":%d,"jti":%q}`, aud, iat, exp, jti)
	}
	const us, header = `"http://localhost:8080"`, `{"alg":"ES256"}`
	send := func(assertion string) words {
		return g.post("token", url.Values{"grant_type": {"client_credentials"}, "client_assertion": {assertion}, "client_assertion_type": {"urn:ietf:params:oauth:client-assertion-type:jwt-bearer"}})
	}
	good := signed(t, key, header, claims(us, now, now+60, "a"))
	if w := send(good); w.status != 200 {
		t.Fatalf("%d %s", w.status, w.raw)
	}
	if w := send(signed(t, key, header, claims(`"http://localhost:8080/.sanmon/oauth/token"`, now, now+60, "b"))); w.status != 200 {
		t.Errorf("for the token endpoint: %d %s", w.status, w.raw)
	}
	for what, bad := range map[string]string{
		"again": good, "for another server": signed(t, key, header, claims(`"https://other.example"`, now, now+60, "c")), "for others too": signed(t, key, header, claims(`["http://localhost:8080","https://other.example"]`, now, now+60, "d")),
		"over": signed(t, key, header, claims(us, now-120, now-60, "e")), "too long": signed(t, key, header, claims(us, now, now+3600, "f")), "no jti": signed(t, key, header, claims(us, now, now+60, "")), "another key": signed(t, signer(t, 2), header, claims(us, now, now+60, "g")),
		"about another": signed(t, key, header, strings.Replace(claims(us, now, now+60, "h"), `"sub":"signer"`, `"sub":"batch"`, 1)), "of another": signed(t, key, header, strings.Replace(claims(us, now, now+60, "i"), `"iss":"signer"`, `"iss":"batch"`, 1)), "alg none": signed(t, key, `{"alg":"none"}`, claims(us, now, now+60, "j")),
		"a proof": signed(t, key, `{"alg":"ES256","typ":"dpop+jwt"}`, claims(us, now, now+60, "k")), "garbage": "a.b.c", "dots": strings.Repeat(".", 900),
	} {
		g.wantError(what, send(bad), 401, "invalid_client")
	}
}

func TestRevokeAndIntrospect(t *testing.T) {
	g := oauthGate(t, t.TempDir(), "")
	f := g.flow("mobile", "com.example.app:/cb")
	api := basicAuth("api", apiSecret)
	ask := func(token string, header ...string) words {
		return g.post("introspect", url.Values{"token": {token}}, header...)
	}

	ada := g.person("ada", "reader")
	w := f.tokens(ada.cookie, "scope", "notes:read notes:write openid")
	about := ask(w.AccessToken, api...)
	var live struct {
		Scope, Sub, ClientID, Iss, Aud, SID string
		Exp                                 int64
	}
	_ = json.Unmarshal([]byte(about.raw), &live)
	if !about.Active || live.Scope != "notes:read openid" || live.Sub != ada.ID || about.ClientID != "mobile" || live.Iss != "http://localhost:8080" || live.Aud != live.Iss || live.Exp < time.Now().Unix() || about.header.Get("Cache-Control") != "no-store" {
		t.Errorf("about an access token, with what a reader may: %s", about.raw)
	}
	// What is none of the client's business looks like nothing.
	for what, r := range map[string]words{
		"a refresh token of another client": ask(w.RefreshToken, api...), "nothing": ask("x", api...), "another client that is no resource server": ask(w.AccessToken, basicAuth("batch", batchSecret)...), "an ID token": ask(w.IDToken, api...), "long": ask(strings.Repeat("x", 9000), api...),
	} {
		if r.status != 200 || strings.TrimSpace(r.raw) != `{"active":false}` {
			t.Errorf("%s: %d %s", what, r.status, r.raw)
		}
	}
	g.wantError("a public client", g.post("introspect", url.Values{"token": {w.AccessToken}, "client_id": {"mobile"}}), 401, "invalid_client")
	g.wantError("nobody", ask(w.AccessToken), 401, "invalid_client")
	g.wantError("no token", g.post("introspect", url.Values{}, api...), 400, "invalid_request")

	revoke := func(token, client string) words {
		return g.post("revoke", url.Values{"token": {token}, "client_id": {client}})
	}
	for what, r := range map[string]words{"of another client": revoke(w.RefreshToken, "other"), "the access token of another": revoke(w.AccessToken, "other"), "nothing": revoke("x", "mobile"), "the ID token": revoke(w.IDToken, "mobile")} {
		if r.status != 200 {
			t.Errorf("%s: %d %s", what, r.status, r.raw)
		}
	}
	g.wantReply("nothing was revoked", g.get(w.AccessToken), 200, "")
	g.wantError("no client", g.post("revoke", url.Values{"token": {w.RefreshToken}}), 401, "invalid_client")
	g.wantError("no token", revoke("", "mobile"), 400, "invalid_request")
	if r := revoke(w.RefreshToken, "mobile"); r.status != 200 {
		t.Errorf("revoke: %d %s", r.status, r.raw)
	}
	g.wantReply("revoked by the refresh token", g.get(w.AccessToken), 401, "token_revoked")
	if r := ask(w.AccessToken, api...); strings.TrimSpace(r.raw) != `{"active":false}` {
		t.Errorf("after it was revoked: %s", r.raw)
	}
	w = f.tokens(ada.cookie)
	revoke(w.AccessToken, "mobile")
	g.wantReply("revoked by the access token", g.get(w.AccessToken), 401, "token_revoked")
	g.wantError("its refresh token", f.refresh(w.RefreshToken), 400, "invalid_grant")
	g.wantReply("the login lives on", g.ask("GET", "/cookie", "Cookie", "sanmon="+ada.cookie), 200, "")
	if trail := g.command("audit", "export"); strings.Count(trail, `"event":"token.revoked"`) != 2 {
		t.Errorf("the trail has %d token.revoked", strings.Count(trail, `"event":"token.revoked"`))
	}
}

// What an ID token says, in its words (OpenID Connect Core, Section 2).
func TestIDToken(t *testing.T) {
	g := oauthGate(t, t.TempDir(), "")
	ada := g.person("ada", "reader")
	f := g.flow("mobile", "com.example.app:/cb")
	w := f.tokens(ada.cookie, "scope", "openid email", "nonce", `n "\ 守`)
	c := claimsOf(t, w.IDToken)
	sum := challengeOf(w.AccessToken) // the SHA-256 in base64url
	half, _ := base64.RawURLEncoding.DecodeString(sum)
	for name, want := range map[string]any{"iss": "http://localhost:8080", "sub": ada.ID, "aud": "mobile", "nonce": `n "\ 守`, "email": ada.Name, "at_hash": base64.RawURLEncoding.EncodeToString(half[:16])} {
		if c[name] != want {
			t.Errorf("%s is %v, want %v", name, c[name], want)
		}
	}
	if exp, iat, auth := c["exp"].(float64), c["iat"].(float64), c["auth_time"].(float64); exp-iat != 300 || auth > iat || auth < iat-60 {
		t.Errorf("times %v %v %v", exp, iat, auth)
	}
	g.wantReply("an ID token as an access token", g.get(w.IDToken), 401, "token_invalid")
	if w := f.tokens(ada.cookie, "scope", "notes:read", "nonce", "n"); w.IDToken != "" {
		t.Error("an ID token without openid")
	}
}

func TestMetadata(t *testing.T) {
	g := oauthGate(t, t.TempDir(), "")
	for path, openid := range map[string]bool{"/.well-known/oauth-authorization-server": false, "/.well-known/openid-configuration": true} {
		r := g.ask("GET", path)
		var m map[string]any
		if err := json.Unmarshal([]byte(r.body), &m); err != nil || r.status != 200 {
			t.Fatalf("%s: %d %v", path, r.status, err)
		}
		for name, want := range map[string]string{"issuer": "http://localhost:8080", "authorization_endpoint": "http://localhost:8080/.sanmon/oauth/authorize", "token_endpoint": "http://localhost:8080/.sanmon/oauth/token",
			"revocation_endpoint": "http://localhost:8080/.sanmon/oauth/revoke", "introspection_endpoint": "http://localhost:8080/.sanmon/oauth/introspect", "jwks_uri": "http://localhost:8080/.sanmon/jwks.json"} {
			if m[name] != want {
				t.Errorf("%s: %s is %v", path, name, m[name])
			}
		}
		if fmt.Sprint(m["response_types_supported"], m["code_challenge_methods_supported"], m["authorization_response_iss_parameter_supported"], m["dpop_signing_alg_values_supported"]) != "[code] [S256] true [ES256]" {
			t.Errorf("%s: %s", path, r.body)
		}
		if _, has := m["id_token_signing_alg_values_supported"]; has != openid {
			t.Errorf("%s: OpenID members: %v", path, has)
		}
		g.wantReply(path+" as POST", g.ask("POST", path), 405, "method_not_allowed")
	}
	// Without clients these paths are the backend's.
	bare := startGate(t, t.TempDir(), "step_up")
	bare.wantReply("no clients", bare.ask("GET", "/.well-known/openid-configuration"), 404, "route_unknown")
	bare.wantReply("no clients", bare.ask("GET", "/.sanmon/oauth/authorize?x"), 404, "route_unknown")

	var clients []struct {
		ID, Type, Proof string
		Grants          []string
	}
	if err := json.Unmarshal([]byte(g.command("client", "list", "--json")), &clients); err != nil || len(clients) != 6 || clients[3].ID != "batch" || clients[3].Proof != "secret" || clients[0].Type != "public" || !slices.Equal(clients[0].Grants, []string{"authorization_code", "refresh_token"}) {
		t.Errorf("client list: %v %+v", err, clients)
	}
	if table := g.command("client", "list"); !strings.Contains(table, "mobile") || strings.Contains(table, batchSecret) {
		t.Error(table)
	}
}

// Floods and garbage at the endpoints: an answer in the words of OAuth, never a 5xx, and no
// statement in the store for a token that nobody made.
func TestTokenEndpointUnderFire(t *testing.T) {
	g := oauthGate(t, t.TempDir(), "")
	ada := g.person("ada", "reader")
	f := g.flow("mobile", "com.example.app:/cb")
	const form = "application/x-www-form-urlencoded"
	for what, tt := range map[string]struct {
		body, media string
		status      int
	}{
		"JSON": {`{"grant_type":"refresh_token"}`, "application/json", 415}, "no type": {"grant_type=refresh_token", "", 415}, "multipart": {"x", "multipart/form-data; boundary=x", 415},
		"twice": {"grant_type=refresh_token&grant_type=refresh_token", form, 400}, "unknown twice": {"x=1&x=2&client_id=mobile", form, 400}, "bad encoding": {"grant_type=%zz", form, 400}, "NUL": {"client_id=a%00b", form, 400}, "not UTF-8": {"client_id=%ff", form, 400},
		"many": {strings.Repeat("a=&", 1000), form, 400}, "large": {"x=" + strings.Repeat("a", 1<<20), form, 413}, "name": {strings.Repeat("n", 1000) + "=1", form, 400}, "empty": {"", form, 401}, "only =": {"=&=", form, 400},
	} {
		w := g.postRaw("token", tt.body, "Content-Type", tt.media)
		if w.status != tt.status || w.Error == "" || w.header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s: %d %s", what, w.status, w.raw)
		}
	}
	if w := g.postRaw("token?client_id=mobile", "grant_type=refresh_token", "Content-Type", form); w.status != 422 || w.Error != "invalid_request" {
		t.Errorf("in the query: %d %s", w.status, w.raw)
	}
	if w := g.post("token", url.Values{"grant_type": {"refresh_token"}}, "Authorization", "Basic YTpi", "Authorization", "Basic YTpi"); w.status != 400 {
		t.Errorf("Authorization twice: %d %s", w.status, w.raw)
	}
	w := f.tokens(ada.cookie)
	good := w.RefreshToken
	for i := range len(good) {
		bad := good[:i] + string("0A"[btoi(good[i] == '0')]) + good[i+1:]
		if bad == good {
			continue
		}
		if r := f.refresh(bad); r.status != 400 && r.status != 429 || r.RefreshToken != "" {
			t.Fatalf("byte %d: %d %s", i, r.status, r.raw)
		}
	}
	if r := f.refresh(good); r.status != 200 {
		t.Errorf("the good one: %d %s", r.status, r.raw)
	}
	if r := f.exchange("smc_" + secret.Random62(43)); r.status != 400 {
		t.Errorf("a guessed code: %d", r.status)
	}
	for _, token := range []string{"", "smr_", "smr_" + secret.Random62(refresh.Size-4), strings.Repeat("x", 9000)} {
		if r := f.refresh(token); r.status != 400 {
			t.Errorf("%.20q: %d %s", token, r.status, r.raw)
		}
	}
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}
