package e2e_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/sanmon-gate/sanmon/e2e/harness"
)

// kv is a key-value engine of version 2 behind AppRole, in the shape of Vault's HTTP API.
type kv struct {
	mu     sync.Mutex
	values map[string]string
	down   bool
	reads  int
}

func (k *kv) set(name, value string, down bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.values[name], k.down = value, down
}

func (k *kv) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.down {
		w.WriteHeader(503)
		_, _ = io.WriteString(w, `{"errors":["Vault is sealed"]}`)
		return
	}
	if r.Method == "POST" && r.URL.Path == "/v1/auth/approle/login" {
		in := map[string]string{}
		_ = json.NewDecoder(r.Body).Decode(&in)
		if in["role_id"] != "r-1" || in["secret_id"] != "s-1" {
			w.WriteHeader(400)
			return
		}
		_, _ = io.WriteString(w, `{"auth":{"client_token":"hvs.x","lease_duration":3600,"renewable":true}}`)
		return
	}
	name, ok := strings.CutPrefix(r.URL.Path, "/v1/secret/data/sanmon/")
	v, in := k.values[name]
	if r.Header.Get("X-Vault-Token") != "hvs.x" || !ok || !in {
		w.WriteHeader(404)
		_, _ = io.WriteString(w, `{"errors":[]}`)
		return
	}
	k.reads++
	_ = json.NewEncoder(w).Encode(map[string]any{"lease_id": "", "data": map[string]any{"data": map[string]string{"v": v}, "metadata": map[string]any{"version": 1}}})
}

// TestVaultWhileItRuns: master key and metrics token come from Vault; another token counts
// within the interval, another master key that opens nothing does not, and a sealed Vault
// changes nothing.
func TestVaultWhileItRuns(t *testing.T) {
	t.Parallel()
	app := harness.SharedBackend(t, harness.FastAPI)
	const first = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
	k := &kv{values: map[string]string{"master": first, "metrics": "metrics-token-1"}}
	server := httptest.NewServer(k)
	defer server.Close()
	g := harness.NewGate(t, harness.Options{Upstream: app.URL, Routes: oneRoute,
		Top: fmt.Sprintf("metrics: { token: \"vault://secret/sanmon/metrics#v\" }\nsecrets: { interval: 1s, vault: { address: %q, approle: { role_id: r-1, secret_id: file:./sid } } }\n", server.URL)})
	g.WriteFile(t, "sid", "s-1\n")
	config, err := os.ReadFile(g.Path)
	if err != nil {
		t.Fatal(err)
	}
	g.WriteConfig(t, strings.Replace(string(config), "file:./data/master.key", `"vault://secret/sanmon/master#v"`, 1))
	g.Start(t)
	metrics := func(token string) int {
		r, _ := http.NewRequest("GET", fmt.Sprintf("http://127.0.0.1:%d/metrics", g.Admin), nil)
		r.Header.Set("Authorization", "Bearer "+token)
		res, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = res.Body.Close() }()
		return res.StatusCode
	}
	if metrics("metrics-token-1") != 200 || metrics("wrong") != 401 {
		t.Fatal("the token of Vault is not the token of the metrics")
	}
	k.set("metrics", "metrics-token-2", false)
	eventually(t, 5*time.Second, func() bool { return metrics("metrics-token-2") == 200 && metrics("metrics-token-1") == 401 })

	k.set("metrics", "metrics-token-3", true)
	if err := g.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	g.LogWith(t, 10*time.Second, map[string]any{"level": "WARN", "setting": "metrics.token"})
	if metrics("metrics-token-2") != 200 {
		t.Error("the last good value does not hold while Vault is sealed")
	}
	k.set("metrics", "metrics-token-3", false)
	eventually(t, 5*time.Second, func() bool { return metrics("metrics-token-3") == 200 })

	other := strings.Repeat("ab", 31) + "cd"
	from := len(g.Lines(0))
	k.set("master", other, false)
	if _, err := g.WaitLine(from, 10*time.Second, func(s string) bool {
		return strings.Contains(s, `"setting":"master_key"`) && strings.Contains(s, "sealed with the master key") && strings.Contains(s, "master_key.previous")
	}); err != nil {
		t.Error(err)
	}
	if r := g.Run(t, "", "keyset", "rotate", "csrf"); r.Exit != 1 || !strings.Contains(r.Stderr, "does not fit the store") {
		t.Errorf("a command with the other key: exit %d, %s", r.Exit, r.Stderr)
	}
	want(t, "the gate goes on", g.Client(t).Get(t, "/"), 200, "")
	from = len(g.Lines(0))
	k.set("master", first, false)
	if _, err := g.WaitLine(from, 10*time.Second, func(s string) bool {
		return strings.Contains(s, `"setting":"master_key"`) && strings.Contains(s, "a secret can be read again")
	}); err != nil {
		t.Error(err)
	}
	for _, l := range g.Lines(0) {
		for _, hidden := range []string{first, other, "metrics-token", "hvs.x", "s-1"} {
			if strings.Contains(l, hidden) {
				t.Errorf("%s is logged: %s", hidden, l)
			}
		}
	}
}

// TestLimiterPasswordRotation: the password of Valkey changes; limits are counted there again
// without a restart.
func TestLimiterPasswordRotation(t *testing.T) {
	app := harness.SharedBackend(t, harness.FastAPI)
	v := harness.StartValkey(t, 0)
	admin := redis.NewClient(&redis.Options{Addr: v.Addr, Password: harness.ValkeyPassword, Protocol: 2})
	defer func() { _ = admin.Close() }()
	g := harness.NewGate(t, harness.Options{Upstream: app.URL, Top: fmt.Sprintf("limiter: { url: \"valkey://%s\", password: file:./vk, timeout: 500ms }\n", v.Addr),
		Routes: "  - { id: home, match: { path: \"/\" }, boundary: public, limit: { rate: 100000/s, per: network } }\n"})
	g.WriteFile(t, "vk", harness.ValkeyPassword)
	g.Start(t)
	counted := func() bool {
		before := admin.DBSize(t.Context()).Val()
		if err := admin.FlushDB(t.Context()).Err(); err != nil {
			t.Fatal(err, before)
		}
		g.Client(t).Get(t, "/")
		return admin.DBSize(t.Context()).Val() > 0
	}
	eventually(t, 5*time.Second, counted)
	if err := admin.ConfigSet(t.Context(), "requirepass", "another-one").Err(); err != nil {
		t.Fatal(err)
	}
	g.WriteFile(t, "vk", "another-one")
	if err := admin.ClientKillByFilter(t.Context(), "TYPE", "normal", "SKIPME", "yes").Err(); err != nil {
		t.Fatal(err)
	}
	eventually(t, 5*time.Second, counted)
	for _, l := range g.Lines(0) {
		if strings.Contains(l, "another-one") {
			t.Errorf("the password is logged: %s", l)
		}
	}
}

// TestMailPasswordRotation: the password of the mail server changes while the gate runs. The
// letter that meets it is sent with the new one; while the reference cannot be read, the last
// good one serves.
func TestMailPasswordRotation(t *testing.T) {
	t.Parallel()
	app, port := harness.SharedBackend(t, harness.FastAPI), closedPort(t)
	g := harness.NewGate(t, harness.Options{Upstream: app.URL,
		Top:    fmt.Sprintf("login: { smtp: { url: \"smtp://robot@127.0.0.1:%d\", from: no-reply@notes.example, password: file:./mail } }\n", port),
		Routes: "  - { id: home, match: { path: \"/\" }, boundary: session }\n"})
	g.WriteFile(t, "mail", "first-mail-password")
	g.Start(t)
	g.AddUser(t, "ada@example.com", "writer")
	sent := func(s *sink, n int) {
		t.Helper()
		want(t, "asking for a link", ask(t, g.Client(t), "/.sanmon/reset", "ada@example.com"), 200, "")
		if l := s.next(t, n); l.User == nil || *l.User != "robot" {
			t.Errorf("the letter came from %v", l.User)
		}
	}
	first := startSinkAt(t, port, "--user", "robot", "first-mail-password")
	sent(first, 1)
	first.Stop()
	second := startSinkAt(t, port, "--user", "robot", "second-mail-password")
	g.WriteFile(t, "mail", "second-mail-password")
	sent(second, 1) // before a second has passed, by which files are read again
	if err := os.Remove(filepath.Join(g.Dir, "mail")); err != nil {
		t.Fatal(err)
	}
	g.LogWith(t, 10*time.Second, map[string]any{"setting": "login.smtp.password", "level": "WARN"})
	sent(second, 2)
	if strings.Contains(g.Output(), "the server answered 535") { // the queue would have tried again later, too
		t.Error("a letter met a password that is not good any more")
	}
	if strings.Contains(g.Output(), "mail-password") {
		t.Error("the password is logged")
	}
}
