package e2e_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/sanmon-gate/sanmon/e2e/harness"
)

// TestExitStatus: 0 ok, 1 refused or failed, 2 usage: DESIGN §4.
func TestExitStatus(t *testing.T) {
	g := notes(t)
	for _, row := range []struct {
		args string
		exit int
	}{
		{"version", 0}, {"check", 0}, {"routes", 0}, {"schema", 0}, {"explain GET /notes", 0}, {"user list", 0}, {"key list", 0}, {"session list", 0}, {"service list", 0}, {"keyset list", 0},
		{"user", 2}, {"key", 2}, {"session", 2}, {"key revoke", 2}, {"nonsense", 2}, {"user nonsense", 2}, {"serve --nonsense", 2}, {"user add", 2}, {"explain", 2}, {"key create", 2},
		{"key revoke AAAAAAAAAAAA", 1}, {"key show AAAAAAAAAAAA", 1}, {"user disable ghost@example.com", 1}, {"session revoke nothing", 1}, {"key create --owner ghost@example.com --role reader", 1},
		{"key create --owner " + writer + " --role nonsense", 1}, {"key create --owner " + writer + " --network 10.0.0.1/8", 2}, {"user add --email " + writer + " --role reader --password-stdin", 1},
	} {
		r := g.Run(t, harness.Password+"\n", strings.Fields(row.args)...)
		if r.Exit != row.exit {
			t.Errorf("sanmon %s: exit %d, want %d\n%s%s", row.args, r.Exit, row.exit, r.Stdout, r.Stderr)
		}
		if r.Exit != 0 && strings.TrimSpace(r.Stderr) == "" {
			t.Errorf("sanmon %s: says nothing", row.args)
		}
		if strings.Contains(r.Stderr, "goroutine ") {
			t.Errorf("sanmon %s: panics\n%s", row.args, r.Stderr)
		}
	}
}

// TestPasswordPolicy: weak passwords are refused without being repeated.
func TestPasswordPolicy(t *testing.T) {
	g := notes(t)
	for _, bad := range []string{"", "short", "password", "12345678", "policy@example.com", strings.Repeat("x", 2000)} {
		r := g.Run(t, bad+"\n", "user", "add", "--email", "policy@example.com", "--role", "reader", "--password-stdin")
		if r.Exit == 0 {
			t.Errorf("password %.20q was taken", bad)
		}
		if bad != "" && len(bad) > 8 && strings.Contains(r.Stdout+r.Stderr, bad) && bad != "policy@example.com" {
			t.Errorf("the refusal repeats the password")
		}
	}
}

func TestRoutesAndExplain(t *testing.T) {
	g := notes(t)
	var routes []map[string]any
	g.CLIJSON(t, &routes, "", "routes")
	byID := map[string]map[string]any{}
	for _, r := range routes {
		byID[fmt.Sprint(r["id"])] = r
		for _, name := range []string{"id", "host", "path", "methods", "boundary", "effect", "csrf", "require", "limit", "network", "upstream"} {
			if _, ok := r[name]; !ok {
				t.Errorf("routes: %v has no %q", r["id"], name)
			}
		}
	}
	if r := byID["notes-write"]; r == nil || fmt.Sprint(r["effect"]) != "write" || fmt.Sprint(r["boundary"]) != "[session key]" || fmt.Sprint(r["require"]) != "[notes:write]" {
		t.Errorf("routes: %v", r)
	}
	for _, row := range []struct{ method, path, route, code string }{
		{"GET", "/notes", "notes-list", ""}, {"POST", "/notes", "notes-write", ""}, {"GET", "/nowhere", "", "route_unknown"}, {"PUT", "/notes", "", "method_not_allowed"}, {"GET", "/a/../b", "", "target_ambiguous"}, {"GET", "/notes/7", "notes-read", ""},
	} {
		r := g.Run(t, "", "explain", row.method, row.path, "--json")
		var e map[string]any
		if err := json.Unmarshal([]byte(r.Stdout), &e); err != nil {
			t.Errorf("explain %s %s: %v\n%s%s", row.method, row.path, err, r.Stdout, r.Stderr)
			continue
		}
		for _, name := range []string{"route", "verdict", "code", "layer", "reasons"} {
			if _, ok := e[name]; !ok {
				t.Errorf("explain %s %s has no %q", row.method, row.path, name)
			}
		}
		if route, _ := e["route"].(string); route != row.route {
			t.Errorf("explain %s %s: route %q, want %q", row.method, row.path, route, row.route)
		}
		if row.code != "" && fmt.Sprint(e["code"]) != row.code {
			t.Errorf("explain %s %s: code %v, want %s", row.method, row.path, e["code"], row.code)
		}
	}
}

// TestSchemaIsJSON: editors read it.
func TestSchemaIsJSON(t *testing.T) {
	g := notes(t)
	var schema struct {
		Schema     string         `json:"$schema"`
		Properties map[string]any `json:"properties"`
	}
	if err := json.Unmarshal([]byte(g.CLI(t, "", "schema")), &schema); err != nil || schema.Schema == "" {
		t.Fatalf("schema: %v", err)
	}
	for _, name := range []string{"version", "public_url", "listen", "tls", "client_ip", "store", "limiter", "master_key", "upstreams", "session", "token", "login", "clients", "roles", "routes", "limits", "environment", "profiles"} {
		if schema.Properties[name] == nil {
			t.Errorf("schema has no %s", name)
		}
	}
}

// TestConfigurationErrors: all at once, file:line:column: message (remedy), exit 1, and no
// secret in them.
func TestConfigurationErrors(t *testing.T) {
	g := harness.NewGate(t, harness.Options{Upstream: "http://127.0.0.1:1", Config: `version: 1
public_url: http://app.example.com
listen: { public: "{PUBLIC}", admin: "{ADMIN}" }
store: postgres://sanmon:hunter2secret@db/sanmon
master_key: aVeryLiteralMasterKeyThatIsASecret
token: { access_ttl: 11m }
nonsense: 1
upstreams:
  app: { url: "{UPSTREAM}" }
  app: { url: "{UPSTREAM}" }
roles:
  reader: ["notes:read"]
routes:
  - { id: a, match: { path: "/x/{id}", methods: [GET] }, boundary: public }
  - { id: b, match: { path: "/x/{name}", methods: [GET] }, boundary: public }
  - { id: c, match: { path: "/y" } }
  - { id: d, match: { path: "/z", methods: [POST] }, boundary: public }
`})
	r := g.Run(t, "", "check")
	if r.Exit != 1 {
		t.Fatalf("check: exit %d\n%s%s", r.Exit, r.Stdout, r.Stderr)
	}
	out := r.Stdout + r.Stderr
	for _, line := range []string{":2:", ":4:", ":5:", ":6:", ":7:", ":10:", ":15:", ":16:", ":17:"} {
		if !strings.Contains(out, "sanmon.yaml"+line) {
			t.Errorf("no error at line %s\n%s", line, out)
		}
	}
	for _, secret := range []string{"hunter2secret", "aVeryLiteralMasterKeyThatIsASecret"} {
		if strings.Contains(out, secret) {
			t.Error("an error message repeats a secret")
		}
	}
	if n := strings.Count(out, "("); n < 9 {
		t.Errorf("%d remedies, want one for each error\n%s", n, out)
	}
}

// TestInit: what init writes is valid, and starts.
func TestInit(t *testing.T) {
	app := harness.SharedBackend(t, harness.FastAPI)
	g := harness.NewGate(t, harness.Options{Upstream: app.URL, Routes: oneRoute})
	empty := g.Elsewhere(t, "fresh")
	r := empty.Run(t, "", "init", "--upstream", app.URL)
	if r.Exit != 0 {
		t.Fatalf("init: exit %d\n%s%s", r.Exit, r.Stdout, r.Stderr)
	}
	if again := empty.Run(t, "", "init", "--upstream", app.URL); again.Exit != 1 {
		t.Errorf("init over an existing file: exit %d, want 1", again.Exit)
	}
	if check := empty.Run(t, "", "check"); check.Exit != 0 {
		t.Errorf("check of what init wrote: exit %d\n%s%s", check.Exit, check.Stdout, check.Stderr)
	}
	if id := empty.AddUser(t, "admin@example.com", "admin"); id == "" {
		t.Error("no user could be added")
	}
}

// TestDemo: everything is on, nothing is configured, and what it prints works as it says.
func TestDemo(t *testing.T) {
	port := closedPort(t)
	cmd := exec.Command(harness.Binary(t), "demo", "--port", strconv.Itoa(port))
	cmd.Dir = t.TempDir()
	p, err := harness.StartProcess("demo", cmd)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Stop)
	if _, err := p.WaitLine(0, 15*time.Second, harness.IsReady); err != nil {
		t.Fatal(err)
	}
	time.Sleep(200 * time.Millisecond)
	if _, err := exec.LookPath("curl"); err != nil {
		t.Skip("no curl (run scripts/testdeps.sh)")
	}
	tried := 0
	for line := range strings.Lines(p.Output()) {
		before, command, ok := strings.Cut(line, "curl ")
		if !ok {
			continue
		}
		tried++
		out, err := exec.Command("sh", "-c", "curl --max-time 10 "+command).CombinedOutput()
		if err != nil {
			t.Errorf("%s: %v", strings.TrimSpace(line), err)
		}
		wanted := regexp.MustCompile(`: ([a-z]+_[a-z_]+) `).FindStringSubmatch(before)
		if text := string(out); wanted != nil && !strings.Contains(text, `"code":"`+wanted[1]+`"`) || wanted == nil && strings.Contains(text, "problem+json") {
			t.Errorf("%s answers\n%s", strings.TrimSpace(line), clip(out))
		}
	}
	if tried < 5 {
		t.Errorf("it prints %d commands to try:\n%s", tried, p.Output())
	}
}

// TestExplainARequest: whoever was refused names the id, and the operator reads why at once.
func TestExplainARequest(t *testing.T) {
	g := notes(t)
	c := g.Client(t)
	for _, row := range []struct {
		answer harness.Answer
		code   string
	}{
		{c.Get(t, "/notes/7"), "login_required"},
		{c.TryLogin(t, "nobody@example.com", "not the password"), "login_failed"},
	} {
		id := row.answer.Header.Get("X-Request-Id")
		var got struct{ Verdict, Code string }
		for deadline := time.Now().Add(2 * time.Second); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
			if r := g.Run(t, "", "explain", id, "--json"); r.Exit == 0 {
				if err := json.Unmarshal([]byte(r.Stdout), &got); err != nil {
					t.Fatal(err)
				}
				break
			}
		}
		if got.Verdict != "refused" || got.Code != row.code {
			t.Errorf("explain %s: %q %q, want refused %s", id, got.Verdict, got.Code, row.code)
		}
	}
}

// TestActionsTellPrograms: a command that changes something says what it is now.
func TestActionsTellPrograms(t *testing.T) {
	g := notes(t)
	for _, row := range []struct{ args, want string }{
		{"user disable " + reader + " --json", `"disabled":true`},
		{"user enable " + reader + " --json", `"disabled":false`},
		{"user roles " + reader + " reader --json", `"roles":["reader"]`},
		{"session revoke --user " + reader + " --json", `{"ended":[]}`},
	} {
		r := g.Run(t, "", strings.Fields(row.args)...)
		var got bytes.Buffer
		if err := json.Compact(&got, []byte(r.Stdout)); err != nil || r.Exit != 0 || !strings.Contains(got.String(), row.want) {
			t.Errorf("%s: exit %d, %v\n%s%s", row.args, r.Exit, err, r.Stdout, r.Stderr)
		}
	}
}
