// Package e2e holds the tests of the built binary: real backends behind it, raw bytes in
// front of it, and expected values from docs and specifications only.
package e2e_test

import (
	"fmt"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/sanmon-gate/sanmon/e2e/harness"
)

func TestMain(m *testing.M) { os.Exit(harness.Main(m)) }

// open is a limit that public writing routes must have and that no test reaches.
const open = "limit: { rate: 100000/s, burst: 100000, per: network }"

// notesRoutes is the route table of most tests, in front of the FastAPI application.
// Everything that can go wrong on a route has one here.
const notesRoutes = `
  - { id: home, upstream: app, match: { path: "/" }, boundary: public }
  - { id: page, upstream: app, match: { path: "/page" }, boundary: public }
  - { id: download, upstream: app, match: { path: "/download" }, boundary: public }
  - { id: echo, upstream: app, match: { path: "/echo/{rest...}", methods: [GET, POST, PUT, PATCH, DELETE, OPTIONS] }, boundary: public, ` + open + ` }
  - { id: cookies, upstream: app, match: { path: "/cookies/{name}" }, boundary: public }
  - { id: headers, upstream: app, match: { path: "/headers/{name}" }, boundary: public }
  - { id: errors, upstream: app, match: { path: "/error/{status}" }, boundary: public }
  - { id: redirect, upstream: app, match: { path: "/redirect" }, boundary: public }
  - { id: docs, upstream: app, match: { path: "/docs" }, boundary: public }
  - { id: openapi, upstream: app, match: { path: "/openapi.json" }, boundary: public }
  - { id: events, upstream: app, match: { path: "/events" }, boundary: public }
  - { id: private, upstream: app, match: { path: "/private/{rest...}", methods: [GET, POST, PUT, PATCH, DELETE] }, boundary: [session, key], require: ["notes:read"] }
  - { id: form-page, upstream: app, match: { path: "/form", methods: [GET] }, boundary: [session] }
  - { id: form, upstream: app, match: { path: "/form", methods: [POST] }, boundary: [session], require: ["notes:write"] }
  - { id: form-page-token, upstream: app, match: { path: "/echo-page", methods: [POST] }, boundary: [session], csrf: page }
  - { id: form-once, upstream: app, match: { path: "/echo-once", methods: [POST] }, boundary: [session], csrf: once }
  - { id: form-exempt, upstream: app, match: { path: "/echo-exempt", methods: [POST] }, boundary: [session], csrf: { exempt: "a test of the exemption" } }
  - { id: danger, upstream: app, match: { path: "/danger", methods: [GET] }, effect: write, boundary: [session], csrf: once }
  - { id: danger-session, upstream: app, match: { path: "/danger-session", methods: [GET] }, effect: write, boundary: [session] }
  - { id: notes-list, upstream: app, match: { path: "/notes", methods: [GET] }, boundary: [session, key], require: ["notes:read"] }
  - { id: notes-read, upstream: app, match: { path: "/notes/{id}", methods: [GET] }, boundary: [session, key], require: ["notes:read"] }
  - { id: notes-write, upstream: app, match: { path: "/notes", methods: [POST] }, boundary: [session, key], require: ["notes:write"], input: { max_body: 64KiB, types: [application/json] } }
  - { id: notes-delete, upstream: app, match: { path: "/notes/{id}", methods: [DELETE] }, boundary: [session, key], require: ["notes:write"] }
  - { id: fresh, upstream: app, match: { path: "/fresh", methods: [GET] }, boundary: [session], fresh: 1s }
  - { id: token-only, upstream: app, match: { path: "/token", methods: [GET] }, boundary: [token] }
  - { id: lan, upstream: app, match: { path: "/lan", methods: [GET] }, boundary: public, network: ["203.0.113.0/24"] }
  - { id: limited, upstream: app, match: { path: "/limited", methods: [GET] }, boundary: [session, key], limit: { rate: 10/m, burst: 5, per: caller } }
  - { id: limited-net, upstream: app, match: { path: "/limited-net", methods: [GET] }, boundary: public, limit: { rate: 10/m, burst: 3, per: network } }
  - { id: upload, upstream: app, match: { path: "/upload", methods: [POST, PUT] }, boundary: [session, key] }
  - { id: upload-file, upstream: app, match: { path: "/upload/file", methods: [POST] }, boundary: [session, key] }
  - { id: ws, upstream: app, match: { path: "/ws", methods: [GET] }, boundary: [session] }
  - { id: slow, upstream: hasty, match: { path: "/slow", methods: [GET] }, boundary: public }
  - { id: dead, upstream: dead, match: { path: "/dead/{rest...}", methods: [GET] }, boundary: public }
`

// notes is the gate that most tests share.
func notes(t *testing.T) *harness.Gate {
	t.Helper()
	app := harness.SharedBackend(t, harness.FastAPI)
	return harness.SharedGate(t, "notes", func() harness.Options {
		return harness.Options{
			Upstreams: map[string]string{
				"app":   app.URL,
				"hasty": fmt.Sprintf("{ url: %q, timeout: 1s }", app.URL),
				"dead":  fmt.Sprintf("http://127.0.0.1:%d", closedPort(t)),
			},
			Routes: notesRoutes,
		}
	}, func(g *harness.Gate) {
		g.AddUser(t, reader, "reader")
		g.AddUser(t, writer, "writer")
	})
}

// The people of the shared gate.
const (
	reader = "rin@example.com"
	writer = "waka@example.com"
)

// closedPort is a port on which nothing listens.
func closedPort(t *testing.T) int {
	t.Helper()
	port, err := harness.FreePort()
	if err != nil {
		t.Fatal(err)
	}
	return port
}

// signedIn is a client with a session.
func signedIn(t *testing.T, g *harness.Gate, email string) *harness.Client {
	t.Helper()
	c := g.Client(t)
	c.Login(t, email)
	return c
}

// want checks the status and, when code is set, the code of a refusal.
func want(t *testing.T, what string, a harness.Answer, status int, code string) {
	t.Helper()
	if a.Status != status || (code != "" && a.Code() != code) {
		t.Errorf("%s = %d %q, want %d %q\n%s\n%s", what, a.Status, a.Code(), status, code, clip(a.Body), harness.LogOf(a.Header.Get("X-Request-Id")))
	}
}

// newKey makes a key and waits until the running server has it. That this takes no more than
// 250 ms, TestKeyLifeCycle shows while nothing else runs.
func newKey(t *testing.T, g *harness.Gate, owner string, args ...string) harness.Key {
	t.Helper()
	before := g.Metric(t, "sanmon_keys")
	k := g.AddKey(t, owner, args...)
	eventually(t, 5*time.Second, func() bool { return g.Metric(t, "sanmon_keys") > before })
	return k
}

func clip(b []byte) string {
	if len(b) > 600 {
		return string(b[:600]) + "…"
	}
	return string(b)
}

// served is what an echo endpoint of a backend says it received.
type served struct {
	Framework string            `json:"framework"`
	Area      string            `json:"area"`
	Method    string            `json:"method"`
	RawPath   string            `json:"raw_path"`
	Path      string            `json:"path"`
	Query     string            `json:"query"`
	Headers   [][2]string       `json:"headers"`
	Environ   map[string]string `json:"environ"`
	Length    int64             `json:"length"`
	SHA256    string            `json:"sha256"`
	Client    string            `json:"client"`
	Scheme    string            `json:"scheme"`
	Host      string            `json:"host"`
}

// values returns every value of a field.
func (s served) values(name string) []string {
	var all []string
	for _, h := range s.Headers {
		if strings.EqualFold(h[0], name) {
			all = append(all, h[1])
		}
	}
	return all
}

func (s served) value(name string) string { return strings.Join(s.values(name), "|") }

func echoed(t *testing.T, a harness.Answer) served {
	t.Helper()
	if a.Status != 200 {
		t.Fatalf("echo: %d %s\n%s", a.Status, clip(a.Body), harness.LogOf(a.Header.Get("X-Request-Id")))
	}
	var s served
	a.JSON(t, &s)
	return s
}

// get builds a raw GET that ends its connection.
func get(g *harness.Gate, target string, lines ...string) string {
	return raw(g, "GET", target, "", lines...)
}

func raw(g *harness.Gate, method, target, body string, lines ...string) string {
	head := method + " " + target + " HTTP/1.1\r\nHost: " + publicHost(g) + "\r\nConnection: close\r\n"
	if body != "" {
		head += fmt.Sprintf("Content-Length: %d\r\n", len(body))
	}
	for _, l := range lines {
		head += l + "\r\n"
	}
	return head + "\r\n" + body
}

func publicHost(g *harness.Gate) string {
	_, host, _ := strings.Cut(g.URL, "://")
	return host
}

// listen is a raw TCP backend: serve gets each connection.
func listen(t *testing.T, serve func(net.Conn)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() { defer func() { _ = c.Close() }(); serve(c) }()
		}
	}()
	return "http://" + l.Addr().String()
}
