package e2e_test

import (
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/sanmon-gate/sanmon/e2e/harness"
)

const oneRoute = "  - { id: home, match: { path: \"/\" }, boundary: public }\n"

// TestReload: a changed file is in force within 2 s; a bad one is not, and says where.
func TestReload(t *testing.T) {
	app := harness.SharedBackend(t, harness.FastAPI)
	o := harness.Options{Upstream: app.URL, Routes: oneRoute}
	g := harness.StartGate(t, o)
	g.AddUser(t, writer, "writer")
	c := g.Client(t)
	c.Login(t, writer)
	want(t, "/page before", c.Get(t, "/page"), 404, "route_unknown")

	o.Routes = oneRoute + "  - { id: page, match: { path: \"/page\" }, boundary: public }\n  - { id: private, match: { path: \"/private/{rest...}\" }, boundary: [session], require: [\"notes:write\"] }\n"
	good := g.Render(o)
	g.WriteConfig(t, good)
	eventually(t, 2*time.Second, func() bool { return c.Get(t, "/page").Status == 200 })
	want(t, "the session lives on", c.Get(t, "/private/x"), 200, "")

	n := len(g.Lines(0))
	g.WriteConfig(t, strings.Replace(good, "boundary: public", "boundary: pubic", 1))
	if _, err := g.WaitLine(n, 3*time.Second, func(s string) bool {
		return strings.Contains(s, "sanmon.yaml:") && strings.Contains(s, "boundary") || strings.Contains(s, "pubic")
	}); err != nil {
		t.Errorf("a bad file is not reported: %v", err)
	}
	want(t, "the old table holds", c.Get(t, "/page"), 200, "")

	// Roles change with the file: the writer loses a right at once.
	o.Top = "roles:\n  reader: [\"notes:read\"]\n  writer: [\"notes:read\"]\n  other: [\"notes:write\"]\n"
	g.WriteConfig(t, g.Render(o))
	eventually(t, 2*time.Second, func() bool { return c.Get(t, "/private/x").Code() == "permission_missing" })

	// In place, as some editors write.
	o.Top = ""
	eventually(t, time.Second, func() bool { return c.Get(t, "/").Status == 200 })
	g.WriteConfig(t, g.Render(harness.Options{Upstream: app.URL, Routes: oneRoute}))
	eventually(t, 2*time.Second, func() bool { return c.Get(t, "/page").Status == 404 })
}

// TestReloadUnderLoad: no request fails while the table is swapped.
func TestReloadUnderLoad(t *testing.T) {
	app := harness.SharedBackend(t, harness.FastAPI)
	o := harness.Options{Upstream: app.URL, Routes: oneRoute}
	g := harness.StartGate(t, o)
	stop := time.After(4 * time.Second)
	go func() {
		for i := range 8 {
			o.Routes = oneRoute + "  - { id: extra" + strings.Repeat("x", i) + ", match: { path: \"/page\" }, boundary: public }\n"
			g.WriteConfig(t, g.Render(o))
			time.Sleep(400 * time.Millisecond)
		}
	}()
	c := g.Client(t)
	for {
		select {
		case <-stop:
			return
		default:
			if a := c.Get(t, "/"); a.Status != 200 {
				t.Fatalf("GET / = %d %s", a.Status, clip(a.Body))
			}
		}
	}
}

// TestGracefulStop: a request that has begun is finished, a new one is not taken, and the
// process ends with 0.
func TestGracefulStop(t *testing.T) {
	app := harness.SharedBackend(t, harness.FastAPI)
	g := harness.StartGate(t, harness.Options{Upstream: app.URL, Routes: "  - { id: slow, match: { path: \"/slow\" }, boundary: public }\n"})
	c := g.Client(t)
	done := make(chan harness.Answer, 1)
	go func() {
		a, _ := c.Try(c.Request(t, "GET", "/slow?s=1.2", nil))
		done <- a
	}()
	time.Sleep(400 * time.Millisecond)
	if err := g.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if a := <-done; a.Status != 200 {
		t.Errorf("the running request got %d", a.Status)
	}
	if err := g.Wait(10 * time.Second); err != nil {
		t.Errorf("the server ended with %v", err)
	}
}

// TestStartFailures: what cannot run says why, in a line an operator can act on, and
// exits with 1.
func TestStartFailures(t *testing.T) {
	app := harness.SharedBackend(t, harness.FastAPI)
	for name, breakIt := range map[string]func(*harness.Gate, string) string{
		"no master key":    func(_ *harness.Gate, s string) string { return strings.Replace(s, "master.key", "missing.key", 1) },
		"unreadable store": func(_ *harness.Gate, s string) string { return strings.Replace(s, "./data/sanmon.db", "./data", 1) },
		"no postgres": func(_ *harness.Gate, s string) string {
			return strings.Replace(s, "sqlite:./data/sanmon.db", "postgres://nobody@127.0.0.1:1/none", 1)
		},
		"bad configuration": func(_ *harness.Gate, s string) string { return s + "nonsense: true\n" },
		"port in use": func(g *harness.Gate, s string) string {
			return strings.Replace(s, g.Addr, strings.TrimPrefix(app.URL, "http://"), 1)
		},
		"no TLS certificate": func(_ *harness.Gate, s string) string {
			return strings.Replace(s, "public_url: http://", "tls: { cert_file: ./no.pem, key_file: ./no.key }\npublic_url: https://", 1)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := harness.Options{Upstream: app.URL, Routes: oneRoute}
			g := harness.NewGate(t, o)
			g.WriteConfig(t, breakIt(g, g.Render(o)))
			out, exited, err := g.TryStart(t, 20*time.Second)
			if !exited || err == nil || !strings.Contains(err.Error(), "exit status 1") {
				t.Errorf("exited %v with %v, want exit status 1", exited, err)
			}
			if strings.TrimSpace(out) == "" || strings.Contains(out, "goroutine ") {
				t.Errorf("it says:\n%s", out)
			}
			t.Log(out)
		})
	}
}
