package main

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sanmon-gate/sanmon/audit"
	"github.com/sanmon-gate/sanmon/identity/principal"
	"github.com/sanmon-gate/sanmon/identity/refresh"
	"github.com/sanmon-gate/sanmon/identity/session"
	"github.com/sanmon-gate/sanmon/identity/token"
	"github.com/sanmon-gate/sanmon/internal/config"
	"github.com/sanmon-gate/sanmon/keys/source"
	"github.com/sanmon-gate/sanmon/refusal"
	"github.com/sanmon-gate/sanmon/secret"
)

const tokenYAML = `version: 1
public_url: http://localhost:8080
listen: { public: "127.0.0.1:0", admin: "off" }
client_ip: { trusted_proxies: ["127.0.0.0/8"], header: x-forwarded-for }
store: sqlite:./sanmon.db
master_key: file:./master.key
upstreams: { app: { url: "%s" } }
session: { network: %s }
roles: { reader: ["notes:read"], writer: ["notes:read", "notes:write"] }
routes:
  - { id: home,  match: { path: "/" }, boundary: public }
  - { id: read,  match: { path: "/notes", methods: [GET] }, boundary: [session, token], require: ["notes:read"] }
  - { id: write, match: { path: "/notes", methods: [POST] }, boundary: [token], require: ["notes:write"] }
  - { id: fresh, match: { path: "/fresh" }, boundary: [token], require: ["notes:read"], fresh: 10m }
  - { id: cookie, match: { path: "/cookie" }, boundary: [session] }
limits: { network: { rate: 10000/s, burst: 10000 }, failures: { rate: 10000/s, burst: 10000 } }
`

// runningGate is a whole running gate with a backend that says what it was sent.
type runningGate struct {
	t testing.TB
	*node
	dir    string
	log    *lockedBuffer
	public string
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}
func (b *lockedBuffer) String() string { b.mu.Lock(); defer b.mu.Unlock(); return b.b.String() }

func echoHeader(w http.ResponseWriter, r *http.Request) { _ = json.NewEncoder(w).Encode(r.Header) }

// startGate runs a gate over the store in dir, which is made where it is empty.
func startGate(t testing.TB, dir, network string) *runningGate {
	t.Helper()
	return startGateWith(t, dir, network, "")
}

// startGateWith is startGate with more configuration.
func startGateWith(t testing.TB, dir, network, more string) *runningGate {
	t.Helper()
	path := filepath.Join(dir, "sanmon.yaml")
	if _, err := os.Stat(path); err != nil {
		backend := httptest.NewServer(http.HandlerFunc(echoHeader))
		t.Cleanup(backend.Close)
		if err := source.WriteMaster(filepath.Join(dir, "master.key")); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, append(fmt.Appendf(nil, tokenYAML, backend.URL, network), more...), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	c, err := config.Load(path)
	if err != nil {
		t.Fatal(err)
	}
	g := &runningGate{t: t, dir: dir, log: &lockedBuffer{}}
	ctx, stop := context.WithCancel(context.Background())
	ready, ended := make(chan *node, 1), make(chan error, 1)
	go func() { ended <- serve(ctx, c, g.log, func(n *node) { ready <- n }) }()
	select {
	case g.node = <-ready:
	case err := <-ended:
		t.Fatalf("serve: %v\n%s", err, g.log)
	}
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Errorf("serve: %v", err)
		}
	})
	g.public = "http://" + g.node.public.Addr().String()
	return g
}

// command runs a command line on the gate's store, as another process would.
func (g *runningGate) command(args ...string) string {
	g.t.Helper()
	var out, errs bytes.Buffer
	if code := run(g.t.Context(), append([]string{"-c", filepath.Join(g.dir, "sanmon.yaml")}, args...), strings.NewReader(""), &out, &errs); code != 0 {
		g.t.Fatalf("sanmon %s: %d\n%s", strings.Join(args, " "), code, &errs)
	}
	return out.String()
}

// person is somebody with a login and a grant of it.
type person struct {
	principal.Record
	cookie, login, grant string // secret and sid of the login, sid of the grant
	client               string
}

const home = "203.0.113.9"

// person adds somebody and what he allowed a client.
func (g *runningGate) person(name string, roles ...string) person {
	g.t.Helper()
	ctx, now, from := g.t.Context(), time.Now(), netip.MustParseAddr(home)
	r := principal.Record{ID: secret.NewID("usr_"), Kind: principal.User, Name: name + "@example.com", Roles: roles, CreatedAt: now}
	if err := g.layers.store.CreatePrincipal(ctx, r, audit.Event{At: now, Event: audit.UserAdded}); err != nil {
		g.t.Fatal(err)
	}
	cookie, login, err := g.layers.keeper.Begin(ctx, r, session.Meta{From: from, Device: "test"}, now)
	if err != nil {
		g.t.Fatal(err)
	}
	issued, err := g.layers.grants.Begin(ctx, refresh.Grant{User: r.ID, Parent: login.SID, Client: "mobile", Scope: []string{"notes:read", "notes:write"}, AuthTime: now, From: from, Now: now})
	if err != nil {
		g.t.Fatal(err)
	}
	return person{r, string(cookie.Expose()), login.SID, issued.Family.SID, "mobile"}
}

// token mints an access token of a person's grant.
func (g *runningGate) token(p person, change ...func(*token.Grant)) string {
	g.t.Helper()
	grant := token.Grant{Subject: p.ID, ClientID: p.client, SID: p.grant, Scope: "notes:read notes:write", AuthTime: time.Now(), ACR: "aal1", AMR: []string{"pwd"}}
	for _, f := range change {
		f(&grant)
	}
	m, err := g.layers.issuer.Mint(grant, time.Now())
	if err != nil {
		g.t.Fatal(err)
	}
	return string(m.Token.Expose())
}

type reply struct {
	status    int
	code      string
	challenge string
	body      string
}

func (g *runningGate) ask(method, path string, header ...string) reply {
	g.t.Helper()
	req, err := http.NewRequestWithContext(g.t.Context(), method, g.public+path, nil)
	if err != nil {
		g.t.Fatal(err)
	}
	req.Host = "localhost:8080"
	req.Header.Set("X-Forwarded-For", home)
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	res, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		g.t.Fatal(err)
	}
	defer res.Body.Close()
	body, _ := io.ReadAll(res.Body)
	var problem struct{ Code string }
	_ = json.Unmarshal(body, &problem)
	return reply{res.StatusCode, problem.Code, res.Header.Get("Www-Authenticate"), string(body)}
}

func (g *runningGate) get(tok string) reply {
	return g.ask("GET", "/notes", "Authorization", "Bearer "+tok)
}

// soon waits for what another process changed: a running server notices it within a
// quarter of a second, and a loaded machine is given longer.
func soon(t *testing.T, what string, yes func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if yes() {
			return
		}
	}
	t.Errorf("%s: it does not come about", what)
}

func (g *runningGate) wantReply(what string, r reply, status int, code string) {
	g.t.Helper()
	if r.status != status || r.code != code {
		g.t.Errorf("%s: %d %s, want %d %s", what, r.status, r.code, status, code)
	}
}

// What a good token opens, and what the backend and the client see of it.
func TestTokenRoutes(t *testing.T) {
	g := startGate(t, t.TempDir(), "step_up")
	ada := g.person("ada", "writer")
	tok := g.token(ada)
	got := g.get(tok)
	g.wantReply("read", got, 200, "")
	var seen http.Header
	_ = json.Unmarshal([]byte(got.body), &seen)
	if seen.Get("Authorization") != "" || strings.Contains(got.body, tok[len(tok)-40:]) {
		t.Error("the backend is given the access token")
	}
	claims := claimsOf(t, seen.Get("Sanmon-Assertion"))
	if claims["sub"] != ada.ID || claims["sid"] != ada.grant || claims["client_id"] != "mobile" || claims["scope"] != "notes:read notes:write" {
		t.Errorf("asserted: %v", claims)
	}
	g.wantReply("write, without any CSRF token", g.ask("POST", "/notes", "Authorization", "Bearer "+tok), 200, "")
	g.wantReply("scheme in lower case", g.ask("GET", "/notes", "Authorization", "bearer "+tok), 200, "")
	g.wantReply("fresh", g.ask("GET", "/fresh", "Authorization", "Bearer "+tok), 200, "")
	g.wantReply("a route without tokens", g.ask("GET", "/cookie", "Authorization", "Bearer "+tok), 401, "login_required")
	g.wantReply("beside a cookie", g.ask("GET", "/notes", "Authorization", "Bearer "+tok, "Cookie", "sanmon="+ada.cookie), 400, "credential_ambiguous")
	g.wantReply("as X-Api-Key", g.ask("GET", "/notes", "X-Api-Key", tok), 401, "key_invalid")
	g.wantReply("as a cookie", g.ask("GET", "/notes", "Cookie", "sanmon="+tok), 401, "login_required")
	g.wantReply("in the address", g.ask("GET", "/notes?access_token="+tok), 400, "credential_in_url")
	g.wantReply("in the address, by another name", g.ask("GET", "/notes?t="+tok), 400, "credential_in_url")
	g.wantReply("in the path", g.ask("GET", "/"+tok), 400, "credential_in_url")
	g.wantReply("as DPoP", g.ask("GET", "/notes", "Authorization", "DPoP "+tok), 401, "token_invalid")
	g.wantReply("an assertion as a token", g.get(seen.Get("Sanmon-Assertion")), 401, "token_invalid")
	bound := g.token(ada, func(x *token.Grant) { x.Thumbprint = strings.Repeat("A", 43) })
	g.wantReply("bound to a key, as Bearer", g.get(bound), 401, "token_invalid")

	narrow := g.token(ada, func(x *token.Grant) { x.Scope = "notes:read" })
	g.wantReply("inside a narrow scope", g.get(narrow), 200, "")
	r := g.ask("POST", "/notes", "Authorization", "Bearer "+narrow)
	g.wantReply("beyond a narrow scope", r, 403, "permission_missing")
	if r.challenge != `Bearer error="insufficient_scope", scope="notes:write"` { // RFC 6750, Section 3.1
		t.Errorf("challenge %s", r.challenge)
	}
	wide := g.token(g.person("bo", "reader"))
	g.wantReply("beyond the person's rights", g.ask("POST", "/notes", "Authorization", "Bearer "+wide), 403, "permission_missing")
	old := g.token(ada, func(x *token.Grant) { x.AuthTime = time.Now().Add(-time.Hour) })
	r = g.ask("GET", "/fresh", "Authorization", "Bearer "+old)
	g.wantReply("not fresh", r, 401, "step_up_required")
	if !strings.HasPrefix(r.challenge, `Bearer error="insufficient_user_authentication"`) { // RFC 9470, Section 3
		t.Errorf("challenge %s", r.challenge)
	}
	if r := g.get("x"); r.challenge != `Bearer error="invalid_token"` {
		t.Errorf("challenge %s", r.challenge)
	}

	// Public routes: ours is taken away, a token of the backend's own is not.
	for value, kept := range map[string]bool{"Bearer " + tok: false, "Token token=\"" + tok + "\"": false, "Bearer backends-own": true} {
		var seen http.Header
		_ = json.Unmarshal([]byte(g.ask("GET", "/", "Authorization", value).body), &seen)
		if got := seen.Get("Authorization") != ""; got != kept {
			t.Errorf("public route, %.12s…: forwarded %v, want %v", value, got, kept)
		}
	}
	if log := g.log.String(); strings.Contains(log, tok[len(tok)-40:]) || strings.Contains(log, wide[len(wide)-40:]) {
		t.Error("an access token is in the log")
	}
}

func claimsOf(t *testing.T, jwt string) (claims map[string]any) {
	t.Helper()
	parts := strings.Split(jwt, ".")
	if len(parts) != 3 {
		t.Fatalf("no assertion: %q", jwt)
	}
	raw, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil || json.Unmarshal(raw, &claims) != nil {
		t.Fatal(err)
	}
	return claims
}

// forger signs any header and claims with the key that signs access tokens.
func (g *runningGate) forger() func(header, claims string) string {
	g.t.Helper()
	var current secret.Key
	for _, k := range g.layers.rings[secret.PurposeToken].All() {
		if !k.ActiveAt.IsZero() {
			current = k
		}
	}
	private, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), current.Value.Expose())
	if err != nil {
		g.t.Fatal(err)
	}
	b64 := base64.RawURLEncoding
	return func(header, claims string) string {
		signing := b64.EncodeToString([]byte(header)) + "." + b64.EncodeToString([]byte(claims))
		sum := sha256.Sum256([]byte(signing))
		r, s, _ := ecdsa.Sign(rand.Reader, private, sum[:])
		return signing + "." + b64.EncodeToString(append(r.FillBytes(make([]byte, 32)), s.FillBytes(make([]byte, 32))...))
	}
}

// Every hostile token at the listener: 401, never a 5xx, and the next good one is served.
func TestHostileTokensAtTheGate(t *testing.T) {
	g := startGate(t, t.TempDir(), "step_up")
	ada := g.person("ada", "writer")
	tok := g.token(ada)
	parts := strings.Split(tok, ".")
	payload, _ := base64.RawURLEncoding.DecodeString(parts[1])
	b64, forge := base64.RawURLEncoding, g.forger()
	rawHeader, _ := b64.DecodeString(parts[0])
	header, claims := string(rawHeader), string(payload)
	g.wantReply("the same bytes, signed again", g.get(forge(header, claims)), 200, "")
	swap := func(old, new string) string { return strings.Replace(claims, old, new, 1) }
	for name, bad := range map[string]string{
		"alg none": b64.EncodeToString([]byte(`{"alg":"none","typ":"at+jwt"}`)) + "." + parts[1] + ".", "no signature": parts[0] + "." + parts[1] + ".", "zeros": parts[0] + "." + parts[1] + "." + strings.Repeat("A", 86),
		"typ JWT": forge(strings.Replace(header, "at+jwt", "JWT", 1), claims), "jku": forge(strings.TrimSuffix(header, "}")+`,"jku":"https://evil.example"}`, claims), "crit": forge(strings.TrimSuffix(header, "}")+`,"crit":[]}`, claims), "spaces": forge(header, strings.ReplaceAll(claims, `,"`, `, "`)),
		"sub twice": forge(header, swap(`"sub"`, `"sub":"usr_x","sub"`)), "SUB": forge(header, swap(`"sub"`, `"SUB"`)), "of another session": forge(header, swap(ada.ID, "usr_x")), "no sid": forge(header, swap(`"sid":"`+ada.grant+`",`, "")), "ten years": forge(header, swap(`"exp":`, `"exp":2`)), "issuer": forge(header, swap("http://localhost:8080", "http://localhost:8081")), "more claims": forge(header, strings.TrimSuffix(claims, "}")+`,"roles":["admin"]}`),
		"padding": tok + "=", "four parts": tok + ".x", "dots": strings.Repeat(".", 4000), "long": strings.Repeat("A", 6000), "refresh token": "snr1.AAAA", "basic": "dXNlcjpwYXNz", "half": tok[:len(tok)/2], "another server": forge(strings.Replace(header, `"kid":"`, `"kid":"A`, 1), claims),
	} {
		r := g.get(bad)
		g.wantReply(name, r, 401, "token_invalid")
		if strings.Contains(r.body, "issuer") || strings.Contains(r.body, "signature") {
			t.Errorf("%s: the client is told why: %s", name, r.body)
		}
	}
	g.wantReply("the good one", g.get(tok), 200, "")
}

// Double evaluation: what happens to the person or the session happens to the token, in
// the very next request on this node, and within a moment on another one.
func TestTokensDieWithWhatTheyRestOn(t *testing.T) {
	dir := t.TempDir()
	g := startGate(t, dir, "step_up")
	other := startGate(t, dir, "step_up")
	for _, tt := range []struct {
		what   string
		do     func(p person)
		method string
		status int
		code   string
	}{
		{"logout", func(p person) {
			if _, err := g.layers.keeper.End(t.Context(), p.login, session.ReasonLogout, session.Meta{}, time.Now()); err != nil {
				t.Fatal(err)
			}
		}, "GET", 401, "token_revoked"},
		{"sanmon session revoke", func(p person) { g.command("session", "revoke", p.grant) }, "GET", 401, "token_revoked"},
		{"sanmon session revoke of the login", func(p person) { g.command("session", "revoke", p.login) }, "GET", 401, "token_revoked"},
		{"sanmon user disable", func(p person) { g.command("user", "disable", p.Name) }, "GET", 401, "token_revoked"},
		{"sanmon user roles", func(p person) { g.command("user", "roles", p.Name, "reader") }, "POST", 403, "permission_missing"},
	} {
		p := g.person(strings.ReplaceAll(tt.what, " ", "-"), "writer")
		tok := g.token(p)
		ask := func(g *runningGate) reply { return g.ask(tt.method, "/notes", "Authorization", "Bearer "+tok) }
		g.wantReply(tt.what+", before", ask(g), 200, "")
		soon(t, tt.what+", before, on another node", func() bool { return ask(other).status == 200 })
		tt.do(p)
		if tt.what == "logout" { // on this node: at once
			g.wantReply(tt.what, ask(g), tt.status, tt.code)
		}
		for _, node := range []*runningGate{g, other} {
			soon(t, tt.what, func() bool { r := ask(node); return r.status == tt.status && r.code == tt.code })
		}
	}
	// A good token of a dead session is a signal of its own: in the log and counted.
	if log := g.log.String(); !strings.Contains(log, `"code":"token_revoked"`) || !strings.Contains(log, `"credential_grants":true,"principal_grants":false`) {
		t.Error("the disagreement of token and session is not in the log")
	}
	w := httptest.NewRecorder()
	g.metrics.Handler().ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	if !strings.Contains(w.Body.String(), `sanmon_rights_disagreements_total{route="read",side="credential"}`) {
		t.Error("the disagreement is not counted")
	}
}

// The keys of access tokens over a rotation, a drop and an emergency, on two nodes.
func TestKeysOfTokensTurn(t *testing.T) {
	dir := t.TempDir()
	g := startGate(t, dir, "step_up")
	other := startGate(t, dir, "step_up")
	ada := g.person("ada", "writer")
	kid := func(tok string) string { head, _, _ := strings.Cut(tok, "."); return head }
	published := func(g *runningGate) (kids []string) {
		var set struct{ Keys []struct{ Kid, D string } }
		if err := json.Unmarshal([]byte(g.ask("GET", "/.sanmon/jwks.json").body), &set); err != nil {
			t.Fatal(err)
		}
		for _, k := range set.Keys {
			if kids = append(kids, k.Kid); k.D != "" {
				t.Error("a private key is published")
			}
		}
		return kids
	}
	kidOf := func(tok string) string {
		raw, _ := base64.RawURLEncoding.DecodeString(kid(tok))
		var h struct{ Kid string }
		_ = json.Unmarshal(raw, &h)
		return h.Kid
	}
	first := g.token(ada)
	before := published(g)
	if len(before) != 4 || !slices.Contains(before, kidOf(first)) {
		t.Errorf("published %v, want one key that signs and one that is next of both purposes", before)
	}
	g.command("keyset", "rotate", "token")
	soon(t, "rotated", func() bool { return kid(g.token(ada)) != kid(first) && kid(other.token(ada)) != kid(first) })
	second := g.token(ada)
	if !slices.Contains(before, kidOf(second)) {
		t.Error("the key that signs now was not published before")
	}
	for _, node := range []*runningGate{g, other} {
		node.wantReply("of the key before", node.get(first), 200, "")
		node.wantReply("of the new key", node.get(second), 200, "")
	}
	var listed []serverKeyView
	if err := json.Unmarshal([]byte(g.command("keyset", "list", "--json")), &listed); err != nil {
		t.Fatal(err)
	}
	var states []string
	for _, k := range listed {
		if k.Purpose == "token" {
			states = append(states, fmt.Sprintln(k.Version, k.State, k.Current))
		}
	}
	if want := []string{"1 retiring false\n", "2 active true\n", "3 next false\n"}; !slices.Equal(states, want) {
		t.Errorf("listed %v, want %v", states, want)
	}

	g.command("keyset", "drop", "token", "1")
	for _, node := range []*runningGate{g, other} {
		soon(t, "dropped", func() bool { return node.get(first).code == "token_invalid" })
		node.wantReply("of the other key", node.get(second), 200, "")
	}
	if slices.Contains(published(g), kidOf(first)) {
		t.Error("a dropped key is published")
	}
	g.command("keyset", "rotate", "token", "--now")
	for _, node := range []*runningGate{g, other} {
		soon(t, "replaced", func() bool { return node.get(second).code == "token_invalid" })
		soon(t, "replaced, a new token", func() bool { return node.get(node.token(ada)).status == 200 })
	}
	g.command("keyset", "rotate") // both purposes, by the contract's short form
	var errs bytes.Buffer
	if code := run(t.Context(), []string{"-c", filepath.Join(dir, "sanmon.yaml"), "keyset", "drop", "audit", "1"}, nil, io.Discard, &errs); code != exitUsage {
		t.Errorf("keyset drop audit: %d %s", code, &errs)
	}
	soon(t, "the trail has it", func() bool { return strings.Count(g.command("audit", "export"), `"keyset.rotated"`) >= 4 })
}

// A network that the grant does not know, under each policy.
func TestTokensInAStrangeNetwork(t *testing.T) {
	const away = "198.51.100.1"
	for policy, want := range map[string][2]reply{
		"observe": {{status: 200}, {status: 200}},
		"step_up": {{status: 200}, {status: 401, code: "step_up_required"}},
		"strict":  {{status: 401, code: "token_invalid"}, {status: 401, code: "token_invalid"}},
	} {
		g := startGate(t, t.TempDir(), policy)
		tok := g.token(g.person("ada", "writer"))
		for i, path := range []string{"/notes", "/fresh"} {
			g.wantReply(policy+" "+path+" at home", g.ask("GET", path, "Authorization", "Bearer "+tok), 200, "")
			g.wantReply(policy+" "+path+" away", g.ask("GET", path, "Authorization", "Bearer "+tok, "X-Forwarded-For", away), want[i].status, want[i].code)
		}
	}
}

// A token that is over says so, and its session is not asked.
func TestExpiredTokensAtTheGate(t *testing.T) {
	g := startGate(t, t.TempDir(), "step_up")
	ada := g.person("ada", "writer")
	parts := strings.Split(g.token(ada), ".")
	header, _ := base64.RawURLEncoding.DecodeString(parts[0])
	claims, _ := base64.RawURLEncoding.DecodeString(parts[1])
	var times struct{ Iat, Exp int64 }
	if err := json.Unmarshal(claims, &times); err != nil {
		t.Fatal(err)
	}
	earlier := strings.NewReplacer(fmt.Sprint(times.Iat), fmt.Sprint(times.Iat-600), fmt.Sprint(times.Exp), fmt.Sprint(times.Exp-600))
	r := g.get(g.forger()(string(header), earlier.Replace(string(claims))))
	g.wantReply("over", r, 401, "token_expired")
	if r.challenge != `Bearer error="invalid_token"` {
		t.Errorf("challenge %s", r.challenge)
	}
}

// While the feed is behind, keys are read from the store, and a store that is down
// refuses: a key that was dropped must not go on in memory.
func TestKeysWhileTheFeedIsBehind(t *testing.T) {
	var stale, down bool
	reads := 0
	b := &believed{stale: func() bool { return stale }, load: func(context.Context) error {
		if reads++; down {
			return errors.New("connection refused")
		}
		return nil
	}}
	for _, tt := range []struct {
		what        string
		stale, down bool
		code        refusal.Code
		reads       int
	}{
		{"current", false, true, "", 0}, {"behind, and down", true, true, refusal.Busy, 1}, {"still down", true, true, refusal.Busy, 2}, {"back", true, false, "", 3}, {"read just now", true, true, "", 3}, {"current again", false, true, "", 3},
	} {
		stale, down = tt.stale, tt.down
		if err := b.check(t.Context()); (err == nil) != (tt.code == "") || err != nil && refusal.From(err).Code != tt.code || reads != tt.reads {
			t.Errorf("%s: %v, %d reads", tt.what, err, reads)
		}
	}
}
