package e2e_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/base32"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib"

	"github.com/sanmon-gate/sanmon/e2e/harness"
)

// The failures of others that this file repeats, by the number in docs/keys.md.
//
// Debug level (1, 2, 4, 5, 26): the gate logs at debug level. Error text and addresses (8,
// 10, 12, 15, 16): upstreams that answer with what they were sent, a database that goes
// away, references that do not resolve. Audit (6, 9, 22): every table of the store.
// Secrets in addresses (23 to 25): every query and path. Values without a formatter and
// contexts (20, 21): keys/redact and secret.

// planted makes a random secret of letters that every encoding writes differently.
func planted(what string) canary {
	v := rand.Text() + "/+<" + rand.Text()[:12]
	return canary{what, v, v}
}

// grief is an application that gives back what it was sent, in every wrong place.
func grief(t *testing.T, plant string) string {
	return listen(t, func(c net.Conn) {
		_ = c.SetDeadline(time.Now().Add(10 * time.Second))
		buf := make([]byte, 64<<10)
		n, err := c.Read(buf)
		if err != nil {
			return
		}
		path := strings.Fields(string(buf[:n]) + " x x")[1]
		switch {
		case strings.HasPrefix(path, "/grief/status"):
			_, _ = fmt.Fprintf(c, "HTTP/1.1 %s\r\n\r\n", plant)
		case strings.HasPrefix(path, "/grief/field"):
			_, _ = fmt.Fprintf(c, "HTTP/1.1 200 OK\r\n%s\r\n\r\n", plant)
		case strings.HasPrefix(path, "/grief/name"):
			_, _ = fmt.Fprintf(c, "HTTP/1.1 200 OK\r\nX %s: y\r\n\r\n", plant)
		case strings.HasPrefix(path, "/grief/length"):
			_, _ = fmt.Fprintf(c, "HTTP/1.1 200 OK\r\nContent-Length: %s\r\n\r\n", plant)
		case strings.HasPrefix(path, "/grief/coding"):
			_, _ = fmt.Fprintf(c, "HTTP/1.1 200 OK\r\nTransfer-Encoding: %s\r\n\r\n", plant)
		case strings.HasPrefix(path, "/grief/chunk"):
			_, _ = fmt.Fprintf(c, "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n%s\r\n", plant)
		case strings.HasPrefix(path, "/grief/location"):
			_, _ = fmt.Fprintf(c, "HTTP/1.1 302 Found\r\nLocation: https://u:%s@%%zz/\r\nContent-Length: 0\r\n\r\n", url.QueryEscape(plant))
		case strings.HasPrefix(path, "/grief/echo"):
			_, _ = fmt.Fprintf(c, "%s", buf[:n])
		default:
			_, _ = fmt.Fprintf(c, "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nSet-Cookie: sessionid=%s; Path=/\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok", url.QueryEscape(plant))
		}
	})
}

const secretsRoutes = `
  - { id: open, match: { path: "/open/{rest...}", methods: [GET, POST] }, boundary: public, ` + open + ` }
  - { id: grief, match: { path: "/grief/{rest...}" }, boundary: [session, key] }
  - { id: guarded, match: { path: "/guarded", methods: [GET, POST] }, boundary: [session, token, key], require: ["notes:read"], input: { max_body: 1KiB, types: [application/json] } }
  - { id: once, match: { path: "/once", methods: [POST] }, boundary: [session], csrf: once }
  - { id: form, match: { path: "/form", methods: [POST] }, boundary: [session] }
  - { id: lan, match: { path: "/lan" }, boundary: public, network: ["203.0.113.0/24"] }
  - { id: dead, upstream: dead, match: { path: "/dead/{rest...}", methods: [GET, POST] }, boundary: [session, key] }
  - { id: few, match: { path: "/few" }, boundary: public, limit: { rate: 1/m, burst: 1, per: network } }
`

// endpoints are the addresses that are sprayed: our own, routes of every kind, and none.
func endpoints() []string {
	all := []string{"/open/x", "/guarded", "/once", "/form", "/lan", "/few", "/dead/x", "/nowhere", "/a/../b", "/.well-known/oauth-authorization-server", "/.well-known/openid-configuration"}
	for _, name := range []string{"login", "login/code", "login/enrol", "login/passkey", "login/passkey/options", "logout", "session", "problems", "csrf.js", "account", "account/totp", "account/totp/remove",
		"account/passkey/options", "account/passkey/add", "account/passkey/rename", "account/passkey/remove", "account/session/end", "account/session/others", "account/recovery", "account/password",
		"account/key/create", "account/key/rotate", "account/key/revoke", "report", "oauth/authorize", "oauth/token", "oauth/revoke", "oauth/introspect", "jwks.json", "dbsc/refresh", "forward-auth", "revoke-key", "secret-scanning/github", "nothing"} {
		all = append(all, "/.sanmon/"+name)
	}
	return all
}

// stage is a gate full of secrets.
type stage struct {
	g        *harness.Gate
	seen     places
	sent     int
	codes    map[string]int // refusals by code
	canaries []canary
}

func (s *stage) plant(what, value, core string) string {
	s.canaries = append(s.canaries, canary{what, value, core})
	return value
}

// request sends one request and keeps what a refusal says.
func (s *stage) request(t *testing.T, c *harness.Client, method, path, body string, header ...string) harness.Answer {
	t.Helper()
	u, err := url.Parse(s.g.URL + "/")
	if err != nil {
		t.Fatal(err)
	}
	raw, query, _ := strings.Cut(path, "?")
	u.Opaque, u.RawQuery = raw, query // sent as it is
	req := c.Request(t, method, "/", strings.NewReader(body), header...)
	req.URL = u
	if body == "" {
		req.Body, req.ContentLength = nil, 0
	}
	if host := req.Header.Get("Host"); host != "" {
		req.Host = host
	}
	a, err := c.Try(req)
	s.sent++
	if err != nil {
		return a // the client's library does not send or read such a thing
	}
	if a.Status >= 400 {
		s.codes[a.Code()]++
		var head bytes.Buffer
		_ = a.Header.Write(&head)
		s.seen["refusals"] = append(append(s.seen["refusals"], head.Bytes()...), a.Body...)
	}
	return a
}

// spray puts a secret into every place of a request to one address.
func (s *stage) spray(t *testing.T, c *harness.Client, at string, v string) {
	t.Helper()
	q, text := url.QueryEscape(v), "text/plain"
	quoted, _ := json.Marshal(v)
	basic := base64.StdEncoding.EncodeToString([]byte("user:" + v))
	for _, h := range [][]string{
		{"Authorization", "Bearer " + v}, {"Authorization", v}, {"Authorization", "Basic " + basic}, {"Authorization", "DPoP " + v}, {"Authorization", "Digest response=\"" + v + "\""},
		{"Proxy-Authorization", "Basic " + basic}, {"X-Api-Key", v}, {"X-Auth-Token", v}, {"X-Sanmon-Csrf", v}, {"Dpop", v}, {"Sanmon-Assertion", v},
		{"Cookie", s.g.CookieName() + "=" + q}, {"Cookie", "sessionid=" + q + "; other=1"}, {"Cookie", s.g.CookieName() + "=" + q + "; " + s.g.CookieName() + "=x"}, {"Cookie", "sanmon_pre=" + q},
		{"Referer", s.g.URL + "/x?token=" + q}, {"X-Request-Id", q}, {"X-Forwarded-For", q}, {"Forwarded", "for=" + q}, {"X-Original-Url", "/x?token=" + q}, {"X-Forwarded-Uri", "/x?token=" + q},
		{"Sec-Fetch-Site", q}, {"Origin", "https://u:" + q + "@evil.example"}, {"Github-Public-Key-Identifier", q, "Github-Public-Key-Signature", q}, {"Content-Type", "application/" + q}, {"Accept-Encoding", q}, {"Host", "user:" + q + "@localhost"},
	} {
		s.request(t, c, "GET", at, "", h...)
		s.request(t, c, "POST", at, "x=1", append([]string{"Content-Type", urlencoded}, h...)...)
	}
	for _, query := range []string{"access_token=" + q, "q=" + q, "password=" + q, "next=/x%3Ftoken%3D" + q, "code=" + q + "&state=" + q, "_sanmon=" + q, q, "a=%zz&b=" + q} {
		s.request(t, c, "GET", at+"?"+query, "")
		s.request(t, c, "POST", at+"?"+query, "")
	}
	for _, row := range []struct{ media, body string }{
		{urlencoded, "email=x@example.com&password=" + q}, {urlencoded, "email=" + q + "&password=x"}, {urlencoded, "_sanmon=" + q + "&code=" + q}, {urlencoded, "key=" + q + "&id=" + q + "&name=" + q + "&current=" + q + "&new=" + q},
		{urlencoded, "grant_type=refresh_token&client_id=x&refresh_token=" + q}, {urlencoded, "grant_type=authorization_code&code=" + q + "&client_secret=" + q + "&code_verifier=" + q}, {urlencoded, "token=" + q}, {urlencoded, "a=%zz&password=" + q},
		{"application/json", `{"email":"x@example.com","password":` + string(quoted) + `}`}, {"application/json", `{"email":` + string(quoted) + `,"password":"x"}`}, {"application/json", `{"key":` + string(quoted) + `}`},
		{"application/json", `{"password":` + string(quoted)}, {"application/json", `{` + string(quoted) + `: [}`}, {"application/json", `{"key":[` + string(quoted) + `]}`}, {"application/json", `[{"token":` + string(quoted) + `,"type":"x","url":` + string(quoted) + `,"source":"content"}]`},
		{text, v}, {"multipart/form-data; boundary=" + url.PathEscape(v[:10]), v}, {"multipart/form-data; boundary=b", "--b\r\nContent-Disposition: form-data; name=\"_sanmon\"\r\n\r\n" + v + "\r\n--b--\r\n"},
		{"application/csp-report", `{"csp-report":{"document-uri":"` + s.g.URL + `/x?token=` + q + `","blocked-uri":"https://u:` + q + `@evil.example/?t=` + q + `","violated-directive":"script-src","source-file":"` + s.g.URL + `/y?key=` + q + `","script-sample":"token=` + q + `"}}`},
		{"application/reports+json", `[{"type":"csp-violation","url":"` + s.g.URL + `/?token=` + q + `","body":{"documentURL":"` + s.g.URL + `/?token=` + q + `","blockedURL":"inline","effectiveDirective":` + string(quoted) + `,"sample":"password=` + q + `"}}]`},
		{"application/json", strings.Repeat(" ", 2048) + string(quoted)},
	} {
		s.request(t, c, "POST", at, row.body, "Content-Type", row.media)
	}
}

// malformed sends what is no HTTP, with a secret in it. The Host is not among the places: a
// name that nobody serves is what the operator has to read.
func (s *stage) malformed(t *testing.T, v string) {
	t.Helper()
	for _, request := range []string{
		"GET " + v + " HTTP/1.1\r\nHost: x\r\n\r\n", "GET / " + v + "\r\n\r\n", v + "\r\n\r\n", v + " / HTTP/1.1\r\nHost: x\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: x\r\nAuthorization " + v + "\r\n\r\n", "GET / HTTP/1.1\r\nHost: x\r\n" + v + ": y\r\n\r\n", "GET / HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " + v + "\x00\r\n\r\n",
		"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: " + v + "\r\n\r\n", "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: " + v + "\r\n\r\n", "POST /open/x HTTP/1.1\r\nHost: " + publicHost(s.g) + "\r\nTransfer-Encoding: chunked\r\n\r\n" + v + "\r\n",
		"POST /open/x HTTP/1.1\r\nHost: " + publicHost(s.g) + "\r\nContent-Length: 5\r\nContent-Length: 6\r\nAuthorization: Bearer " + v + "\r\n\r\n", "GET https://u:" + v + "@x/ HTTP/1.1\r\nHost: x\r\n\r\n",
		"GET /open/%zz?password=" + v + " HTTP/1.1\r\nHost: " + publicHost(s.g) + "\r\n\r\n", "GET /guarded HTTP/1.1\r\nHost: " + publicHost(s.g) + "\r\nAuthorization: Bearer a\r\nAuthorization: Bearer " + v + "\r\n\r\n",
		"CONNECT u:" + v + "@x:443 HTTP/1.1\r\nHost: x\r\n\r\n", "GET /guarded HTTP/1.1\r\nHost: " + publicHost(s.g) + "\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: " + v + "\r\nSec-WebSocket-Protocol: " + v + "\r\n\r\n",
	} {
		c := s.g.Dial(t)
		_ = c.SetDeadline(time.Now().Add(300 * time.Millisecond))
		_, _ = io.WriteString(c, request)
		answer, _ := io.ReadAll(c)
		_ = c.Close()
		if head, _, _ := bytes.Cut(answer, []byte("\r\n")); !bytes.HasPrefix(head, []byte("HTTP/1.1 2")) {
			s.seen["refusals"] = append(s.seen["refusals"], answer...)
		}
		s.sent++
	}
}

// command runs a command and keeps what it prints.
func (s *stage) command(t *testing.T, stdin string, args ...string) harness.Result {
	t.Helper()
	r := s.g.Run(t, stdin, args...)
	s.seen["commands"] = append(s.seen["commands"], r.Stdout+r.Stderr...)
	return r
}

// TestSecretsAreNeverShown plants a secret of every kind in every place of requests to
// every address and in every command, and searches every output for each spelling of it.
func TestSecretsAreNeverShown(t *testing.T) {
	t.Parallel()
	for _, engine := range []string{"SQLite", "PostgreSQL"} {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			testSecrets(t, engine == "PostgreSQL")
		})
	}
}

func testSecrets(t *testing.T, postgres bool) {
	s := &stage{seen: places{}, codes: map[string]int{}}
	metrics, hubToken, fromBackend, password := planted("the token of the metrics"), planted("the token for GitHub"), planted("what the backend holds"), planted("a password")
	mail, party, vault := planted("the password of the mail server"), planted("the secret at a provider"), startGriefVault(t)
	mailPort, asked := griefMail(t)
	corp := startGriefProvider(t)
	s.canaries = append(s.canaries, mail, party, vault.held, vault.secretID, vault.token)
	client, hook := planted("the secret of a client"), canary{"the secret of alerts", "", rand.Text() + rand.Text()}
	s.canaries = append(s.canaries, metrics, hubToken, fromBackend, password, client, hook)
	o := harness.Options{
		Upstreams: map[string]string{"app": grief(t, fromBackend.value), "dead": fmt.Sprintf("http://127.0.0.1:%d", closedPort(t))},
		Routes:    strings.ReplaceAll(secretsRoutes, "match:", "upstream: app, match:"),
		Top: "log: { level: debug }\nmetrics: { token: env:SANMON_TEST_METRICS }\ncsp: { learn: true, approved: approved.csp, report_sample: true }\n" +
			"leaks: { github: { receive: true, keys: \"http://127.0.0.1:" + fmt.Sprint(closedPort(t)) + "/\", token: env:SANMON_TEST_HUB } }\n" +
			"login: { smtp: { url: \"smtp://robot@127.0.0.1:" + mailPort + "\", from: no-reply@example.com, password: env:SANMON_TEST_MAIL }, " +
			"oidc: [ { name: corp, issuer: \"" + corp.URL + "\", client_id: us, client_secret: env:SANMON_TEST_OIDC } ] }\n" +
			"limiter: { url: \"valkey://127.0.0.1:" + fmt.Sprint(closedPort(t)) + "\", password: \"vault://secret/sanmon/limiter#v\" }\n" +
			"secrets: { interval: 1h, vault: { address: \"" + vault.URL + "\", approle: { role_id: r-1, secret_id: env:SANMON_TEST_SID } } }\n" +
			"clients: [ { id: app, redirect_uris: [\"http://127.0.0.1/cb\"], scopes: [\"notes:read\"] }, { id: batch, type: confidential, secret: env:SANMON_TEST_CLIENT, grants: [client_credentials], service: batch, scopes: [\"notes:read\"] } ]\n" +
			"alerts: { webhook: \"http://127.0.0.1:" + fmt.Sprint(closedPort(t)) + "/\", secret: env:SANMON_TEST_HOOK }\n",
		Env: []string{"SANMON_TEST_MAIL=" + mail.value, "SANMON_TEST_OIDC=" + party.value, "SANMON_TEST_SID=" + vault.secretID.value, "SANMON_TEST_METRICS=" + metrics.value, "SANMON_TEST_HUB=" + hubToken.value, "SANMON_TEST_CLIENT=" + client.value, "SANMON_TEST_HOOK=whsec_" + base64.StdEncoding.EncodeToString([]byte(hook.core))},
	}
	o.Routes = strings.ReplaceAll(o.Routes, "upstream: dead, upstream: app,", "upstream: dead,")
	var database string
	var cluster *harness.Process
	if postgres {
		address, secret, process := harness.PostgresURL(t)
		cluster, database = process, strings.Replace(address, "sanmon@", "sanmon:"+secret+"@", 1)
		o.Store = fmt.Sprintf("{ url: %q, password: env:SANMON_TEST_PG }", address)
		o.Env = append(o.Env, "SANMON_TEST_PG="+secret)
		s.plant("the password of the database", "", secret)
	}
	s.g = harness.NewGate(t, o)
	master, err := os.ReadFile(filepath.Join(s.g.Dir, "data", "master.key"))
	if err != nil {
		t.Fatal(err)
	}
	s.plant("the master key", "", strings.TrimSpace(string(master)))
	if raw, err := base64.StdEncoding.DecodeString(strings.TrimSpace(string(master))); err == nil {
		s.canaries = append(s.canaries, canary{"the master key in bytes", "", string(raw)})
	}
	s.g.Start(t)
	s.live(t, password.value)
	s.token(t, client.value)
	s.granted(t, password.value)
	s.proven(t, client.value)
	s.links(t)
	s.provider(t, corp)
	s.rejected(t)
	s.attack(t)
	s.commands(t, password.value)
	s.upstreams(t)
	s.sources(t, vault)
	eventually(t, 20*time.Second, func() bool { return asked.Load() > 0 }) // the mail server was given its password
	if postgres {
		s.dump(t, database)
		_ = cluster.Signal(3) // an immediate shutdown: connections break in the middle
		_ = cluster.Wait(10 * time.Second)
		for _, at := range []string{"/guarded", "/.sanmon/login", "/.sanmon/revoke-key", "/.sanmon/account"} {
			for _, c := range s.canaries[:len(s.canaries):len(s.canaries)] {
				if c.value != "" {
					s.request(t, s.g.Client(t), "POST", at, `{"email":"`+writer+`","password":"x","key":"`+url.QueryEscape(c.value)+`"}`, "Content-Type", "application/json", "X-Api-Key", url.QueryEscape(c.value))
				}
			}
		}
		s.command(t, password.value+"\n", "user", "add", "--email", "late@example.com", "--role", "reader", "--password-stdin")
		s.command(t, "", "key", "list")
		s.command(t, "", "check")
	}
	s.admin(t, metrics.value)
	s.g.Stop()
	if !postgres {
		for _, name := range []string{"sanmon.db", "sanmon.db-wal"} {
			b, err := os.ReadFile(filepath.Join(s.g.Dir, "data", name))
			if err == nil {
				s.seen[name] = b
			}
		}
	}
	s.seen["the log"] = []byte(s.g.Output())
	for where, text := range s.seen {
		t.Logf("%s: %d bytes", where, len(text))
	}
	if t.Logf("%d requests, %d secrets", s.sent, len(s.canaries)); s.sent < 1000 || len(s.seen["the log"]) < 100_000 {
		t.Error("this is no test of much")
	}
	t.Logf("refusals: %v", s.codes)
	if len(s.codes) < 18 {
		t.Errorf("only %d codes of refusals were provoked", len(s.codes))
	}
	if postgres && len(s.seen) < 20 {
		t.Error("the database has fewer tables than it should have")
	}
	s.seen.search(t, s.canaries)
}

// live makes the secrets that are in force.
func (s *stage) live(t *testing.T, password string) {
	t.Helper()
	for _, email := range []string{writer, reader} {
		r := s.g.Run(t, password+"\n", "user", "add", "--email", email, "--role", "writer", "--password-stdin")
		if r.Exit != 0 {
			t.Fatalf("user add: %s", r.Stderr)
		}
	}
	for what, args := range map[string][]string{"a live key": nil, "a key of another network": {"--network", "203.0.113.0/24"}, "an expired key": {"--expires", "1s"}, "a key for tests": {"--env", "test"}} {
		k := s.g.AddKey(t, writer, append([]string{"--role", "writer"}, args...)...)
		s.plant(what, k.Key, k.Key[22:])
	}
	revoked := s.g.AddKey(t, writer, "--role", "writer")
	s.plant("a revoked key", revoked.Key, revoked.Key[22:])
	s.command(t, "", "key", "revoke", revoked.ID)
	for i, c := range []*harness.Client{s.g.Client(t), s.g.Client(t)} {
		if a := c.TryLogin(t, []string{writer, reader}[i], password); a.Status != 200 {
			t.Fatalf("login: %d %s", a.Status, a.Body)
		}
		info := c.Session(t, "")
		for name, v := range map[string]string{"a session": c.Cookie(t), "a CSRF token": info.CSRFToken, "a CSRF token for once": c.Session(t, "POST /once").CSRFToken} {
			s.plant(name, v, v)
		}
		if c.CSRF = info.CSRFToken; i == 1 {
			s.request(t, c, "POST", "/.sanmon/logout", "")
			continue
		}
		for _, k := range c.HTTP.Jar.Cookies(c.Request(t, "GET", "/", nil).URL) {
			if len(k.Value) >= 20 {
				s.plant("the cookie "+k.Name, k.Value, k.Value)
			}
		}
	}
}

// token gets an access token, as a program does.
func (s *stage) token(t *testing.T, secret string) {
	t.Helper()
	s.g.AddKey(t, "service:batch", "--role", "reader")
	c := s.g.Client(t)
	basic := base64.StdEncoding.EncodeToString([]byte("batch:" + url.QueryEscape(secret)))
	var got struct {
		Token string `json:"access_token"`
	}
	within(t, boundStop, func() bool {
		a := c.Post(t, "/.sanmon/oauth/token", urlencoded, "grant_type=client_credentials&scope=notes:read", "Authorization", "Basic "+basic)
		return a.Status == 200 && json.Unmarshal(a.Body, &got) == nil && got.Token != ""
	})
	s.plant("an access token", got.Token, got.Token[len(got.Token)-80:])
	want(t, "the token", c.Get(t, "/guarded", "Authorization", "Bearer "+got.Token), 200, "")
}

// granted has a program get tokens for a person, and asks for letters.
func (s *stage) granted(t *testing.T, password string) {
	t.Helper()
	c := s.g.Client(t)
	if a := c.TryLogin(t, reader, password); a.Status != 200 {
		t.Fatalf("login: %d %s", a.Status, a.Body)
	}
	g := grant(t, c)
	s.plant("a refresh token in force", g.refresh, g.refresh[12:70])
	s.plant("a person's access token", g.access, g.access[len(g.access)-80:])
	s.factors(t, c)
	spent := g.refresh
	if status, code, err := g.rotate(); status != 200 {
		t.Fatalf("refresh: %d %s %v", status, code, err)
	}
	s.plant("its successor", g.refresh, g.refresh[12:70])
	s.request(t, c, "POST", "/.sanmon/oauth/revoke", "client_id=app&token="+spent, "Content-Type", urlencoded)
	for _, email := range []string{reader, "nobody@example.com"} {
		ask(t, s.g.Client(t), "/.sanmon/reset", email)
	}
}

// factors sets up an app for codes, by HTML alone, and plants its secret and the recovery
// codes.
func (s *stage) factors(t *testing.T, c *harness.Client) {
	t.Helper()
	const at = "/.sanmon/account/totp"
	page := c.Get(t, at, opened...)
	want(t, "the page of an app", page, 200, "")
	_, rest, _ := strings.Cut(string(page.Body), `class="secret"`)
	shown := regexp.MustCompile(`<code[^>]*>([A-Z2-7 ]{32,})</code>`).FindStringSubmatch(rest)
	if shown == nil {
		t.Fatalf("no secret in %s", clip(page.Body))
	}
	secret := strings.ReplaceAll(shown[1], " ", "")
	s.plant("the secret of an app for codes", secret, secret)
	if raw, err := base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(secret); err == nil {
		s.canaries = append(s.canaries, canary{"the secret of an app in bytes", "", string(raw)})
	}
	phone := newApp(t, secret)
	for _, code := range []string{"000000", phone.next()} {
		form := url.Values{"code": {code}, "step": {field(t, page.Body, "step")}, "_sanmon": {field(t, page.Body, "_sanmon")}}
		page = c.Post(t, at, urlencoded, form.Encode(), opened...)
	}
	if page.Status == 303 {
		page = c.Get(t, page.Header.Get("Location"), opened...)
	}
	codes := regexp.MustCompile(`[0-9a-z]{4}(-[0-9a-z]{4}){5}`).FindAllString(string(page.Body), -1)
	if len(codes) < 10 {
		t.Fatalf("%d recovery codes in %d %s", len(codes), page.Status, clip(page.Body))
	}
	for _, code := range codes[:2] {
		s.plant("a recovery code", code, code)
		s.plant("a recovery code without dashes", strings.ReplaceAll(code, "-", ""), strings.ReplaceAll(code, "-", ""))
	}
	s.request(t, s.g.Client(t), "POST", "/.sanmon/login", `{"email":"`+reader+`","password":"x","code":"`+codes[0]+`"}`, "Content-Type", "application/json")
}

// rejected plants secrets that are none of ours, or no longer.
func (s *stage) rejected(t *testing.T) {
	t.Helper()
	jwt := "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9." + base64.RawURLEncoding.EncodeToString([]byte(`{"sub":"`+rand.Text()+`"}`)) + "." + base64.RawURLEncoding.EncodeToString([]byte(rand.Text()+rand.Text()))
	s.plant("a foreign JWT", jwt, jwt[37:])
	refresh := "smr_" + rand.Text() + rand.Text() + rand.Text() + rand.Text()[:5]
	s.plant("a refresh token", refresh, refresh[4:])
	typo := s.canaries[4].value
	for _, c := range s.canaries {
		if c.what == "a live key" {
			typo = flip(c.value)
		}
	}
	s.plant("a key with a typing error", typo, typo[22:58])
	other := planted("a credential of something else")
	s.canaries = append(s.canaries, other)
}

// attack sprays every address with every kind of secret in turn.
func (s *stage) attack(t *testing.T) {
	t.Helper()
	var values []string
	for _, c := range s.canaries {
		if c.value != "" {
			values = append(values, c.value)
		}
	}
	n := 0
	for _, at := range endpoints() {
		for range 3 {
			s.spray(t, s.g.Client(t), at, values[n%len(values)])
			n++
		}
	}
	for _, v := range values {
		s.malformed(t, v)
		if strings.HasPrefix(v, "sm") || strings.HasPrefix(v, "eyJ") { // in a path, what has a form that can be known
			s.request(t, s.g.Client(t), "GET", "/open/"+v, "")
			s.request(t, s.g.Client(t), "GET", "/nowhere/"+v+"/x", "")
			s.request(t, s.g.Client(t), "GET", "/.sanmon/"+v, "")
		}
	}
}

// commands gives secrets to commands in the wrong places.
func (s *stage) commands(t *testing.T, password string) {
	t.Helper()
	for _, c := range s.canaries {
		if !strings.HasPrefix(c.value, "sm") && !strings.HasPrefix(c.value, "eyJ") {
			continue
		}
		for _, args := range [][]string{{"key", "show"}, {"key", "rotate"}, {"key", "revoke"}, {"session", "revoke"}, {"user", "disable"}, {"explain", "GET"}, {"audit", "prove"}, {"service", "disable"}} {
			s.command(t, "", append(args, c.value)...)
		}
		s.command(t, "", "explain", "GET", "/guarded?api_key="+c.value)
		s.command(t, "", "explain", c.value)
		s.command(t, "", "key", "create", "--owner", c.value)
		s.command(t, "", "key", "create", "--owner", "service:"+c.value)
		s.command(t, "", "key", "create", "--owner", writer, "--role", c.value)
		s.command(t, "", "user", "add", "--email", c.value, "--role", "reader", "--password-stdin")
	}
	s.command(t, password[:6]+"\n", "user", "reset", writer, "--password-stdin")
	for _, args := range []string{"check", "check --json", "routes", "routes --json", "schema", "key list", "key list --json", "user list --json", "session list", "session list --json", "service list --json", "keyset list --json", "keyset rotate pepper", "audit export", "audit verify", "audit tail", "audit checkpoint", "explain GET /guarded --json", "version"} {
		s.command(t, "", strings.Fields(args)...)
	}
}

// upstreams has the backend answer with secrets where no answer has any.
func (s *stage) upstreams(t *testing.T) {
	t.Helper()
	for _, c := range s.canaries {
		if c.what != "a live key" {
			continue
		}
		for _, way := range []string{"status", "field", "name", "length", "coding", "chunk", "location", "echo", "fine"} {
			s.request(t, s.g.Client(t), "GET", "/grief/"+way, "", "X-Api-Key", c.value)
			s.request(t, s.g.Client(t), "GET", "/dead/"+way, "", "X-Api-Key", c.value)
		}
	}
}

// admin reads what the admin listener says, to strangers and to the monitoring.
func (s *stage) admin(t *testing.T, token string) {
	t.Helper()
	for _, path := range []string{"/", "/metrics", "/healthz", "/readyz", "/api/v1/keys", "/jwks.json", "/nothing?token=" + url.QueryEscape(token)} {
		for _, bearer := range []string{"", "Bearer " + token, "Bearer x" + token} {
			req, err := http.NewRequest(http.MethodGet, fmt.Sprintf("http://127.0.0.1:%d%s", s.g.Admin, path), nil)
			if err != nil {
				t.Fatal(err)
			}
			req.Header.Set("Authorization", bearer)
			res, err := http.DefaultClient.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			body, _ := io.ReadAll(res.Body)
			_ = res.Body.Close()
			var head bytes.Buffer
			_ = res.Header.Write(&head)
			s.seen["the admin listener"] = append(append(s.seen["the admin listener"], head.Bytes()...), body...)
		}
	}
}

// dump reads every row of every table as text.
func (s *stage) dump(t *testing.T, address string) {
	t.Helper()
	db, err := sql.Open("pgx", address)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	for _, table := range column(t, ctx, db, `SELECT format('%I.%I', table_schema, table_name) FROM information_schema.tables WHERE table_schema NOT IN ('pg_catalog', 'information_schema')`) {
		rows := column(t, ctx, db, `SELECT CAST(r.* AS TEXT) FROM `+table+` AS r`)
		s.seen["the table "+table] = []byte(strings.Join(rows, "\n"))
	}
}

func column(t *testing.T, ctx context.Context, db *sql.DB, query string) []string {
	t.Helper()
	rows, err := db.QueryContext(ctx, query)
	if err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	defer func() { _ = rows.Close() }()
	var all []string
	for rows.Next() {
		var v string
		if err := rows.Scan(&v); err != nil {
			t.Fatal(err)
		}
		all = append(all, v)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return all
}
