package e2e_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sanmon-gate/sanmon/e2e/harness"
)

// endpoint keeps checkpoints that are posted to it, and says on GET what get decides.
type endpoint struct {
	mu    sync.Mutex
	lines []string
	get   int // status of GET; 200 answers with what is kept
}

func (e *endpoint) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	e.mu.Lock()
	defer e.mu.Unlock()
	switch {
	case r.Method == http.MethodPost:
		line, _ := io.ReadAll(r.Body)
		e.lines = append(e.lines, string(line))
		w.WriteHeader(http.StatusNoContent)
	case e.get != http.StatusOK:
		w.WriteHeader(e.get)
	default:
		_, _ = io.WriteString(w, strings.Join(e.lines, "\n")+"\n")
	}
}

func (e *endpoint) says(status int) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.get = status
}

// TestAnchorEndpoint: a backup is put back, and the anchor is an HTTP server. One that says
// what it keeps is compared at the start, one that is away as soon as it answers, and of
// one that only takes checkpoints the log says so.
func TestAnchorEndpoint(t *testing.T) {
	t.Parallel()
	kept := &endpoint{get: http.StatusOK}
	srv := httptest.NewServer(kept)
	t.Cleanup(srv.Close)
	g := harness.NewGate(t, harness.Options{Upstream: plainBackend(t), Routes: keyRoutes, Top: "audit: { anchor: \"" + srv.URL + "/keep?token=T0KEN\" }\n"})
	g.Start(t)
	g.AddUser(t, writer, "writer")
	k := g.AddKey(t, writer, "--role", "writer")
	use := func() harness.Answer { return g.Client(t).Get(t, "/private/x", "X-Api-Key", k.Key) }
	eventually(t, 5*time.Second, func() bool { return use().Status == 200 })
	halt(t, g)
	db := filepath.Join(g.Dir, "data", "sanmon.db")
	yesterday := readFile(t, db)
	g.Start(t)
	if n := g.Metric(t, "sanmon_audit_anchor_compared"); n != 1 {
		t.Errorf("sanmon_audit_anchor_compared = %v", n)
	}
	g.CLI(t, "", "key", "revoke", k.ID)
	halt(t, g)
	restored := func() {
		t.Helper()
		for _, suffix := range []string{"-wal", "-shm"} {
			_ = os.Remove(db + suffix)
		}
		if err := os.WriteFile(db, []byte(yesterday), 0o600); err != nil {
			t.Fatal(err)
		}
		g.Start(t)
	}

	restored()
	want(t, "compared at the start", use(), 401, "key_invalid")
	if r := g.Run(t, "", "audit", "verify"); r.Exit != 1 || !strings.Contains(r.Stdout, "tail_cut") && !strings.Contains(r.Stdout, "anchor_differs") {
		t.Errorf("audit verify: %+v", r)
	}
	halt(t, g)

	kept.says(http.StatusMethodNotAllowed)
	restored()
	g.LogWith(t, 5*time.Second, map[string]any{"level": "WARN", "reason": "the endpoint answered 405 to GET", "again": false})
	if n := g.Metric(t, "sanmon_audit_anchor_compared"); n != 0 {
		t.Errorf("sanmon_audit_anchor_compared = %v though the endpoint does not say what it keeps", n)
	}
	want(t, "nobody can know", use(), 200, "")
	if r := g.Run(t, "", "audit", "verify"); r.Exit != 0 || !strings.Contains(r.Stderr, "not compared with audit.anchor: the endpoint answered 405") {
		t.Errorf("audit verify: %+v", r)
	}
	halt(t, g)

	kept.says(http.StatusServiceUnavailable)
	restored()
	g.LogWith(t, 5*time.Second, map[string]any{"level": "WARN", "reason": "the endpoint answered 503 to GET", "again": true})
	kept.says(http.StatusOK)
	for end := time.Now().Add(time.Minute); use().Code() != "key_invalid"; time.Sleep(100 * time.Millisecond) { // it is asked every 10 s
		if time.Now().After(end) {
			t.Fatal("an endpoint that came back was not asked again")
		}
	}
	if n := g.Metric(t, "sanmon_audit_anchor_compared"); n != 1 {
		t.Errorf("sanmon_audit_anchor_compared = %v after the endpoint came back", n)
	}
	if strings.Contains(g.Output(), "T0KEN") {
		t.Error("the log has the address of the endpoint")
	}
}
