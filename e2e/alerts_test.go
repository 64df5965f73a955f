package e2e_test

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/sanmon-gate/sanmon/e2e/harness"
)

// message is what the receiver was sent, as the reference library wants it.
type message struct {
	Headers map[string]string `json:"headers"`
	Body    string            `json:"body"`
	Taken   bool              `json:"-"`

	Type  string         `json:"-"`
	Count int            `json:"-"`
	Data  map[string]any `json:"-"`
}

// hook is a receiver of alerts and of checkpoints.
type hook struct {
	*httptest.Server
	status atomic.Int64 // 0: 204

	mu  sync.Mutex
	all []message
}

func newHook(t *testing.T) *hook {
	t.Helper()
	h := &hook{}
	h.Server = httptest.NewServer(h)
	t.Cleanup(h.Close)
	return h
}

func (h *hook) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPost { // it takes checkpoints, and does not say what it keeps
		w.WriteHeader(http.StatusMethodNotAllowed)
		return
	}
	body, _ := io.ReadAll(io.LimitReader(r.Body, 1<<20))
	m := message{Headers: map[string]string{}, Body: string(body), Taken: h.status.Load() == 0}
	for name := range r.Header {
		m.Headers[name] = r.Header.Get(name)
	}
	var read struct {
		Type string
		Data map[string]any
	}
	if json.Unmarshal(body, &read) == nil {
		m.Type, m.Data = read.Type, read.Data
		n, _ := read.Data["count"].(float64)
		m.Count = int(n)
	}
	h.mu.Lock()
	h.all = append(h.all, m)
	h.mu.Unlock()
	if s := h.status.Load(); s != 0 {
		w.WriteHeader(int(s))
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

func (h *hook) messages() []message {
	h.mu.Lock()
	defer h.mu.Unlock()
	return append([]message(nil), h.all...)
}

// wait returns the first message of a type that was taken.
func (h *hook) wait(t *testing.T, kind string, within time.Duration) message {
	t.Helper()
	for deadline := time.Now().Add(within); ; time.Sleep(20 * time.Millisecond) {
		for _, m := range h.messages() {
			if m.Type == kind && m.Taken {
				return m
			}
		}
		if time.Now().After(deadline) {
			var have []string
			for _, m := range h.messages() {
				have = append(have, m.Type)
			}
			t.Fatalf("no %s within %v, only %v", kind, within, have)
		}
	}
}

const verifier = `
import json, sys
from standardwebhooks.webhooks import Webhook, WebhookVerificationError
given = json.load(sys.stdin)
right, wrong = Webhook(given["secret"]), Webhook(given["wrong"])
def refused(hook, body, headers):
    try:
        hook.verify(body, headers)
    except WebhookVerificationError:
        return True
    return False
for m in given["messages"]:
    right.verify(m["body"], m["headers"])
    assert refused(wrong, m["body"], m["headers"]), "another secret"
    assert refused(right, m["body"] + " ", m["headers"]), "another body"
    assert refused(right, m["body"], {**m["headers"], "Webhook-Id": "msg_x"}), "another id"
print(len(given["messages"]))
`

// verifyMessages checks messages with the reference library of Standard Webhooks.
func verifyMessages(t *testing.T, secret string, all []message) {
	t.Helper()
	python := harness.Python(t)
	if exec.Command(python, "-c", "import standardwebhooks").Run() != nil {
		t.Skip("the library standardwebhooks is not installed (run scripts/testdeps.sh)")
	}
	given, err := json.Marshal(map[string]any{"secret": secret, "wrong": signingSecret(), "messages": all})
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(python, "-c", verifier)
	cmd.Stdin = bytes.NewReader(given)
	out, err := cmd.CombinedOutput()
	if err != nil || strings.TrimSpace(string(out)) != fmt.Sprint(len(all)) || len(all) == 0 {
		t.Errorf("the library says of %d messages: %v\n%s", len(all), err, out)
	}
}

func signingSecret() string {
	var key [32]byte
	_, _ = rand.Read(key[:])
	return "whsec_" + base64.StdEncoding.EncodeToString(key[:])
}

const alertRoutes = "  - { id: notes, match: { path: /notes, methods: [GET] }, boundary: [key, session], require: [\"notes:read\"] }\n"

// TestAlerts: what somebody should look at is told, signed as the reference library wants
// it, and says nothing that the log would not.
func TestAlerts(t *testing.T) {
	t.Parallel()
	app, to, secret := harness.SharedBackend(t, harness.FastAPI), newHook(t), signingSecret()
	g := harness.NewGate(t, harness.Options{
		Upstream: app.URL, Routes: alertRoutes, Limits: "{ failures: { rate: 3/10m, burst: 3 } }",
		Top: "alerts: { webhook: \"" + to.URL + "/T0KEN\", secret: file:./data/alerts.secret }\naudit: { anchor: \"" + to.URL + "/anchor\" }\n",
	})
	if r := g.Run(t, "", "check"); r.Exit != 1 || !strings.Contains(r.Stderr, "alerts.secret") {
		t.Errorf("check without the secret: exit %d %s", r.Exit, r.Stderr)
	}
	g.WriteFile(t, "data/alerts.secret", "hunter2hunter2\n")
	if r := g.Run(t, "", "alerts", "test"); r.Exit != 1 || !strings.Contains(r.Stderr, "whsec_") || strings.Contains(r.Stderr, "hunter2") {
		t.Errorf("a secret of another form: exit %d %s", r.Exit, r.Stderr)
	}
	g.WriteFile(t, "data/alerts.secret", secret+"\n")
	if out := g.CLI(t, "", "check"); !strings.Contains(out, "alerts are posted to 127.0.0.1:") || strings.Contains(out, "T0KEN") {
		t.Errorf("%s", out)
	}
	g.Start(t)
	g.AddUser(t, writer, "writer")
	c := g.Client(t)

	var test struct {
		ID        string
		To        string
		Delivered bool
	}
	g.CLIJSON(t, &test, "", "alerts", "test")
	if m := to.wait(t, "alerts.test", time.Second); m.Headers["Webhook-Id"] != test.ID || !test.Delivered {
		t.Errorf("%+v, %+v", test, m)
	}

	k := g.AddKey(t, "service:reports", "--role", "reader")
	eventually(t, time.Second, func() bool { return c.Get(t, "/notes", "X-Api-Key", k.Key).Status == 200 })
	want(t, "revoke by possession", c.Post(t, "/.sanmon/revoke-key", "application/json", `{"key":"`+k.Key+`"}`), 204, "")
	leak := to.wait(t, "key.reported", 10*time.Second)
	if events, _ := leak.Data["events"].([]any); len(events) != 1 || events[0].(map[string]any)["key_id"] != k.ID || leak.Data["gate"] != g.URL {
		t.Errorf("%s", leak.Body)
	}
	canary := g.AddKey(t, "service:reports", "--role", "reader", "--canary")
	eventually(t, time.Second, func() bool {
		c.Get(t, "/notes", "X-Api-Key", canary.Key)
		return strings.Contains(g.CLI(t, "", "audit", "export"), `"key.canary"`)
	})
	if m := to.wait(t, "key.canary", 10*time.Second); !strings.Contains(m.Body, canary.ID) || strings.Contains(m.Body, canary.Key[22:50]) {
		t.Errorf("%s", m.Body)
	}
	for range 12 {
		c.TryLogin(t, writer, "not the password")
	}
	if m := to.wait(t, "login.throttled", 10*time.Second); !strings.Contains(m.Body, "full=account") {
		t.Errorf("%s", m.Body)
	}
	for range 6 {
		c.Get(t, "/notes", "X-Api-Key", k.Key)
	}
	to.wait(t, "credential.throttled", 15*time.Second)
	whole := readFile(t, g.Path)
	g.WriteConfig(t, whole+"\nnonsense: true\n")
	to.wait(t, "config.refused", 15*time.Second)
	g.WriteConfig(t, whole)

	all, anchors := []message{}, 0
	for _, m := range to.messages() {
		if strings.HasPrefix(m.Headers["Webhook-Id"], "anchor_") {
			anchors++
		}
		if strings.Contains(m.Body, k.Key[22:50]) || strings.Contains(m.Body, "not the password") || strings.Contains(m.Body, secret[6:]) {
			t.Errorf("says too much: %s", m.Body)
		}
		all = append(all, m)
	}
	if anchors == 0 {
		t.Error("no checkpoint was posted")
	}
	verifyMessages(t, secret, all)
	var listed []struct{ Type, State string }
	g.CLIJSON(t, &listed, "", "alerts", "list")
	if len(listed) < 4 || g.Metric(t, `sanmon_alerts_total{result="delivered"}`) < 4 {
		t.Errorf("%+v", listed)
	}
	if log := g.Output(); strings.Contains(log, "T0KEN") || strings.Contains(log, secret[6:]) {
		t.Error("the log has the address or the secret of the receiver")
	}
}

// TestAlertsOutliveTheServer: the receiver is down, the server is killed, another one
// begins, and the message comes: the same one.
func TestAlertsOutliveTheServer(t *testing.T) {
	t.Parallel() // it mostly waits
	app, to, secret := harness.SharedBackend(t, harness.FastAPI), newHook(t), signingSecret()
	to.status.Store(503)
	g := harness.NewGate(t, harness.Options{
		Upstream: app.URL, Routes: alertRoutes, Top: "alerts: { webhook: \"" + to.URL + "\", secret: file:./data/alerts.secret }\n",
	})
	g.WriteFile(t, "data/alerts.secret", secret)
	g.Start(t)
	c := g.Client(t)
	report := func() {
		k := g.AddKey(t, "service:reports", "--role", "reader")
		eventually(t, time.Second, func() bool { return c.Get(t, "/notes", "X-Api-Key", k.Key).Status == 200 })
		want(t, "revoke", c.Post(t, "/.sanmon/revoke-key", "application/json", `{"key":"`+k.Key+`"}`), 204, "")
	}
	report()
	for deadline := time.Now().Add(10 * time.Second); len(to.messages()) == 0; time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the receiver was not asked")
		}
	}
	report() // behind it, never tried
	g.Restart(t, syscall.SIGKILL)
	to.status.Store(0)
	for _, what := range []string{"the one that was tried", "the one behind it"} {
		found := false
		for deadline := time.Now().Add(100 * time.Second); !found && time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
			for _, m := range to.messages() {
				tried := m.Headers["Webhook-Id"] == to.messages()[0].Headers["Webhook-Id"]
				found = found || m.Taken && tried == (what == "the one that was tried")
			}
		}
		if !found {
			t.Fatalf("%s did not come", what)
		}
	}
	verifyMessages(t, secret, to.messages())
}

// TestAlertsOfTwoNodes: two servers on one PostgreSQL send each alert once, and each says
// for itself that the database is away.
func TestAlertsOfTwoNodes(t *testing.T) {
	t.Parallel() // it mostly waits
	address, password, cluster := harness.PostgresURL(t)
	app, to, secret := harness.SharedBackend(t, harness.FastAPI), newHook(t), signingSecret()
	o := harness.Options{Upstream: app.URL, Routes: alertRoutes, Store: fmt.Sprintf("{ url: %q, password: env:SANMON_TEST_PG }", address), Env: []string{"SANMON_TEST_PG=" + password},
		Top: "alerts: { webhook: \"" + to.URL + "\", secret: file:./data/alerts.secret }\n"}
	a, b := harness.NewGate(t, o), harness.NewGate(t, o)
	b.CopyMasterKey(t, a)
	for _, g := range []*harness.Gate{a, b} {
		g.WriteFile(t, "data/alerts.secret", secret)
		g.Start(t)
	}
	const keys = 6
	for i := range keys {
		g := []*harness.Gate{a, b}[i%2]
		c, k := g.Client(t), a.AddKey(t, "service:reports", "--role", "reader")
		eventually(t, time.Second, func() bool { return c.Get(t, "/notes", "X-Api-Key", k.Key).Status == 200 })
		want(t, "revoke", c.Post(t, "/.sanmon/revoke-key", "application/json", `{"key":"`+k.Key+`"}`), 204, "")
	}
	told := func() (total int) {
		ids := map[string]bool{}
		for _, m := range to.messages() {
			if m.Type != "key.reported" {
				continue
			}
			if ids[m.Headers["Webhook-Id"]] {
				t.Errorf("%s came twice", m.Headers["Webhook-Id"])
			}
			ids[m.Headers["Webhook-Id"]] = true
			total += m.Count
		}
		return total
	}
	for deadline := time.Now().Add(90 * time.Second); told() < keys && time.Now().Before(deadline); time.Sleep(200 * time.Millisecond) {
	}
	if n := told(); n != keys {
		t.Errorf("%d of %d were told", n, keys)
	}
	if err := cluster.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	stale := func() (n int) {
		for _, m := range to.messages() {
			if m.Type == "feed.stale" {
				n++
			}
		}
		return n
	}
	for deadline := time.Now().Add(60 * time.Second); stale() < 2 && time.Now().Before(deadline); time.Sleep(100 * time.Millisecond) {
	}
	if n := stale(); n != 2 {
		t.Errorf("%d nodes said that the database is away, want 2", n)
	}
	verifyMessages(t, secret, to.messages())
}

// TestAlertsAreChecked: what cannot be sent is said, with its remedy.
func TestAlertsAreChecked(t *testing.T) {
	g := harness.NewGate(t, harness.Options{Upstream: "http://127.0.0.1:9", Routes: alertRoutes})
	if out := g.CLI(t, "", "check"); !strings.Contains(out, "alerts are off") {
		t.Errorf("%s", out)
	}
	if r := g.Run(t, "", "alerts", "test"); r.Exit != 1 || !strings.Contains(r.Stderr, "alerts are off") || !strings.Contains(r.Stderr, "hint: ") {
		t.Errorf("exit %d %s", r.Exit, r.Stderr)
	}
	to := newHook(t)
	to.status.Store(401)
	g = harness.NewGate(t, harness.Options{Upstream: "http://127.0.0.1:9", Routes: alertRoutes, Top: "alerts: { webhook: \"" + to.URL + "/T0KEN\", secret: file:./data/alerts.secret }\n"})
	g.WriteFile(t, filepath.Join("data", "alerts.secret"), signingSecret())
	if r := g.Run(t, "", "alerts", "test", "--json"); r.Exit != 1 || !strings.Contains(r.Stderr, "401") || !strings.Contains(r.Stdout, `"delivered": false`) || strings.Contains(r.Stdout+r.Stderr, "T0KEN") {
		t.Errorf("exit %d %s%s", r.Exit, r.Stdout, r.Stderr)
	}
}

func readFile(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
