package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// gate is the configuration of sanmon under measurement, with sessions and keys made.
type gate struct {
	dir, host, addr, admin string
	sessions               []session
	keys                   []string
	tokens                 []string
}

type session struct{ cookie, csrf string }

const clientSecret = "a client secret that is long enough to be one"

const password = "correct horse battery staple"

const configuration = `version: 1
public_url: http://%[1]s
listen: { public: %[2]q, admin: %[3]q }
store: sqlite:./data/sanmon.db
master_key: file:./data/master.key
log: { level: %[5]s }
limiter: %[6]s
limits: { network: { rate: 1000000/s, burst: 1000000 }, failures: { rate: 100000/10m, burst: 100000 } }
session: { idle: 12h, absolute: 24h }
client_ip: { trusted_proxies: ["127.0.0.1/32"] }
clients: [ { id: bench, type: confidential, secret: file:./data/client.secret, grants: [client_credentials], service: bench, scopes: ["notes:read"] } ]
upstreams:
  app: { url: "http://%[4]s" }
roles:
  writer: ["notes:read", "notes:write"]
routes:
  - { id: public, match: { path: "/p/{rest...}", methods: [GET, POST] }, boundary: public, limit: { rate: 1000000/s, burst: 1000000, per: network } }
  - { id: session-read, match: { path: "/s/{rest...}", methods: [GET] }, boundary: [session], require: ["notes:read"] }
  - { id: session-page, match: { path: "/s/html", methods: [GET] }, boundary: [session], require: ["notes:read"], output: { csp: strict } }
  - { id: session-slow, match: { path: "/s/slow/html", methods: [GET] }, boundary: [session], require: ["notes:read"], output: { csp: strict } }
  - { id: session-write, match: { path: "/s/{rest...}", methods: [POST] }, boundary: [session], require: ["notes:write"] }
  - { id: token-read, match: { path: "/t/{rest...}", methods: [GET] }, boundary: [token], require: ["notes:read"] }
  - { id: key-read, match: { path: "/k/{rest...}", methods: [GET] }, boundary: [key], require: ["notes:read"], limit: { rate: 1000000/s, burst: 1000000, per: caller } }
  - { id: key-write, match: { path: "/k/{rest...}", methods: [POST] }, boundary: [key], require: ["notes:write"], limit: { rate: 1000000/s, burst: 1000000, per: caller } }
`

// prepare writes the configuration and makes users, sessions and keys.
func (b *bench) prepare() (*gate, error) {
	g := &gate{dir: filepath.Join(b.dir, "gate")}
	var err error
	if g.addr, err = freeAddr(); err != nil {
		return nil, err
	}
	if g.admin, err = freeAddr(); err != nil {
		return nil, err
	}
	_, port, _ := net.SplitHostPort(g.addr)
	g.host = "localhost:" + port
	if err := os.MkdirAll(filepath.Join(g.dir, "data"), 0o700); err != nil {
		return nil, err
	}
	key := make([]byte, 32)
	_, _ = rand.Read(key)
	if err := os.WriteFile(filepath.Join(g.dir, "data/master.key"), []byte(base64.StdEncoding.EncodeToString(key)+"\n"), 0o600); err != nil {
		return nil, err
	}
	if err := os.WriteFile(filepath.Join(g.dir, "data/client.secret"), []byte(clientSecret), 0o600); err != nil {
		return nil, err
	}
	addr, p, err := g.start(b, "warn", "local")
	if err != nil {
		return nil, err
	}
	defer p.stop()
	if _, err := g.cli(b, "", "key", "create", "--owner", "service:bench", "--role", "writer", "--json"); err != nil {
		return nil, err // the service is made by its first key
	}
	return g, g.people(b, addr)
}

func (g *gate) people(b *bench, addr string) error {
	for i := range b.users {
		email := fmt.Sprintf("user%d@example.com", i)
		if _, err := g.cli(b, password+"\n", "user", "add", "--email", email, "--role", "writer", "--password-stdin", "--json"); err != nil {
			return err
		}
		s, err := g.login(addr, email)
		if err != nil {
			return err
		}
		g.sessions = append(g.sessions, s)
		out, err := g.cli(b, "", "key", "create", "--owner", email, "--role", "writer", "--json")
		if err != nil {
			return err
		}
		var k struct{ Key string }
		if err := json.Unmarshal(out, &k); err != nil {
			return err
		}
		g.keys = append(g.keys, k.Key)
	}
	return nil
}

// start runs sanmon on the core and waits until it is ready.
func (g *gate) start(b *bench, level, limiter string) (string, *process, error) {
	path := filepath.Join(g.dir, "sanmon.yaml")
	text := fmt.Sprintf(configuration, g.host, g.addr, g.admin, b.upstream, level, limiter)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		return "", nil, err
	}
	p, err := b.launch.start("sanmon", nil, b.binary, "serve", "-c", path)
	if err != nil {
		return "", nil, err
	}
	if err := waitOpen(g.addr, 15*time.Second); err != nil {
		p.stop()
		return "", nil, fmt.Errorf("%w\n%s", err, p.output())
	}
	return g.addr, p, nil
}

func (g *gate) cli(b *bench, stdin string, args ...string) ([]byte, error) {
	cmd := exec.Command(b.binary, append(args, "-c", filepath.Join(g.dir, "sanmon.yaml"))...)
	cmd.Stdin = strings.NewReader(stdin)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("sanmon %s: %w\n%s", strings.Join(args[:2], " "), err, stderr.String())
	}
	return out, nil
}

func (g *gate) login(addr, email string) (session, error) {
	c := &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, network, addr)
	}}}
	defer c.CloseIdleConnections()
	body, _ := json.Marshal(map[string]string{"email": email, "password": password})
	req, err := http.NewRequest("POST", "http://"+g.host+"/.sanmon/login", bytes.NewReader(body))
	if err != nil {
		return session{}, err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Origin", "http://"+g.host)
	res, err := c.Do(req)
	if err != nil {
		return session{}, err
	}
	answer, _ := io.ReadAll(res.Body)
	_ = res.Body.Close()
	var s session
	for _, k := range res.Cookies() {
		if k.Name == "sanmon" {
			s.cookie = k.Value
		}
	}
	var info struct {
		CSRFToken string `json:"csrf_token"`
	}
	_ = json.Unmarshal(answer, &info)
	if s.csrf = info.CSRFToken; s.cookie == "" || s.csrf == "" {
		return s, fmt.Errorf("login as %s: status %d", email, res.StatusCode)
	}
	return s, nil
}

// fetchTokens gets access tokens, as many as there are users. They live for five minutes.
func (g *gate) fetchTokens(addr string) error {
	g.tokens = nil
	for range len(g.sessions) {
		req, err := http.NewRequest("POST", "http://"+addr+"/.sanmon/oauth/token", strings.NewReader("grant_type=client_credentials"))
		if err != nil {
			return err
		}
		req.Host = g.host
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		req.SetBasicAuth("bench", url.QueryEscape(clientSecret))
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			return err
		}
		var t struct {
			Token string `json:"access_token"`
			Error string `json:"error_description"`
		}
		err = json.NewDecoder(res.Body).Decode(&t)
		_ = res.Body.Close()
		if err != nil || t.Token == "" {
			return fmt.Errorf("access token: status %d %s: %w", res.StatusCode, t.Error, err)
		}
		g.tokens = append(g.tokens, t.Token)
	}
	return nil
}

// credentials are header lines, one for each request that takes its turn.
func (g *gate) credentials(auth, method string) []string {
	var all []string
	switch auth {
	case "session":
		for _, s := range g.sessions {
			line := "Cookie: sanmon=" + s.cookie
			if method == "POST" {
				line += "\r\nX-Sanmon-Csrf: " + s.csrf
			}
			all = append(all, line)
		}
	case "token":
		for _, t := range g.tokens {
			all = append(all, "Authorization: Bearer "+t)
		}
	case "key":
		for _, k := range g.keys {
			all = append(all, "X-Api-Key: "+k)
		}
	default:
		all = append(all, "")
	}
	return all
}
