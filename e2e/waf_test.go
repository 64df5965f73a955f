package e2e_test

import (
	"encoding/json"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/sanmon-gate/sanmon/e2e/harness"
)

const firewallRoutes = `
  - { id: enforced, match: { path: "/public/{rest...}", methods: [GET, POST] }, boundary: public, ` + open + `, input: { waf: enforce } }
  - { id: observed, match: { path: "/observed/{rest...}", methods: [GET, POST] }, boundary: public, ` + open + `, input: { waf: observe } }
  - { id: without, match: { path: "/static/{rest...}", methods: [GET, POST] }, boundary: public, ` + open + ` }
  - { id: notes-write, match: { path: "/notes", methods: [POST] }, boundary: [session], input: { waf: { mode: enforce, exclude: ["ARGS:body"] } } }
  - { id: notes, match: { path: "/notes", methods: [GET] }, boundary: [session] }
`

// TestFirewall: the firewall in front of FastAPI. What it refuses does not arrive and
// says nothing of why; what it observes arrives and is counted; what is ordinary, and what
// is excluded, arrives.
func TestFirewall(t *testing.T) {
	t.Parallel()
	app := harness.SharedBackend(t, harness.FastAPI)
	g := harness.StartGate(t, harness.Options{Upstream: app.URL, Routes: firewallRoutes, Firewall: true})
	c := g.Client(t)
	attack := url.QueryEscape("1' UNION SELECT username, password FROM users--")
	for _, row := range []struct {
		name, method, path, body string
		status                   int
	}{
		{"ordinary", "GET", "/public/a?q=plumber", "", 200},
		{"attack in the query", "GET", "/public/a?q=" + attack, "", 422},
		{"attack in the body", "POST", "/public/a", "q=" + attack, 422},
		{"attack deep in a long body", "POST", "/public/a", "a=" + strings.Repeat("x", 100<<10) + "&q=" + attack, 422},
		{"longer than the window", "POST", "/public/a", "a=" + strings.Repeat("x", 200<<10), 413},
		{"route without", "GET", "/static/a?q=" + attack, "", 200},
	} {
		answer := c.Do(t, c.Request(t, row.method, row.path, strings.NewReader(row.body), "Content-Type", "application/x-www-form-urlencoded"))
		if answer.Status != row.status {
			t.Errorf("%s: %d %s, want %d", row.name, answer.Status, answer.Body, row.status)
		}
		if row.status != 200 && strings.Contains(string(answer.Body), "942") {
			t.Errorf("%s: the client learns the rule: %s", row.name, answer.Body)
		}
	}
	line := g.LogWith(t, 5*time.Second, map[string]any{"route": "enforced", "code": "input_invalid"})
	if reason, _ := line["reason"].(string); !strings.Contains(reason, "ARGS:q (942") || strings.Contains(reason, "UNION") {
		t.Errorf("the reason for the operator: %q", reason)
	}
}

func TestFirewallObserved(t *testing.T) {
	t.Parallel()
	app := harness.SharedBackend(t, harness.FastAPI)
	g := harness.StartGate(t, harness.Options{Upstream: app.URL, Routes: firewallRoutes, Firewall: true})
	c := g.Client(t)
	body := "q=" + url.QueryEscape("<script>alert(1)</script>") + "&pad=" + strings.Repeat("x", 200<<10)
	for _, b := range []string{body[:40], body} {
		a := c.Post(t, "/observed/x", "application/x-www-form-urlencoded", b)
		var got struct{ Length int }
		if err := json.Unmarshal(a.Body, &got); a.Status != 200 || err != nil || got.Length != len(b) {
			t.Errorf("observed: %d %s, want that %d bytes arrived", a.Status, a.Body, len(b))
		}
	}
	for _, code := range []string{"input_invalid", "body_too_large"} {
		g.LogWith(t, 5*time.Second, map[string]any{"route": "observed", "observed": code})
	}
}

// TestFirewallExclusion: a field that is meant to carry markup is excluded by its name,
// with a session and its token.
func TestFirewallExclusion(t *testing.T) {
	t.Parallel()
	app := harness.SharedBackend(t, harness.FastAPI)
	g := harness.StartGate(t, harness.Options{Upstream: app.URL, Routes: firewallRoutes, Firewall: true})
	g.AddUser(t, "ann@example.com")
	c := g.Client(t)
	token := c.Login(t, "ann@example.com").CSRFToken
	const markup = "<script>alert(1)</script>"
	for field, status := range map[string]int{"body": 0, "title": 422} {
		note := map[string]string{"title": "x", "body": "y"}
		note[field] = markup
		a := c.PostJSON(t, "/notes", note, "X-Sanmon-Csrf", token, "Origin", g.URL)
		if status == 0 && a.Status >= 400 || status != 0 && a.Status != status {
			t.Errorf("markup in %s: %d %s", field, a.Status, a.Body)
		}
	}
}

// TestNoFirewall: the default binary refuses a configuration that asks for one, at check
// and at start.
func TestNoFirewall(t *testing.T) {
	app := harness.SharedBackend(t, harness.FastAPI)
	g := harness.NewGate(t, harness.Options{Upstream: app.URL, Routes: firewallRoutes})
	const want = "this binary has no web application firewall (build one that has: make waf)"
	if r := g.Run(t, "", "check"); r.Exit != 1 || !strings.Contains(r.Stderr, want) {
		t.Errorf("check: %d %s", r.Exit, r.Stderr)
	}
	if out, exited, _ := g.TryStart(t, 10*time.Second); !exited || !strings.Contains(out, want) {
		t.Errorf("serve (ended: %v): %s", exited, out)
	}
}
