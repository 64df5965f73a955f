package e2e_test

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/sanmon-gate/sanmon/e2e/harness"
)

// startLimiterTLS starts a server that speaks TLS only, or skips.
func startLimiterTLS(t *testing.T, port int, cert, key string) *harness.Process {
	t.Helper()
	var bin string
	for _, name := range []string{"valkey-server", "redis-server"} {
		if path, err := exec.LookPath(name); err == nil {
			bin = path
			break
		}
	}
	if bin == "" {
		t.Skip("no valkey-server or redis-server (scripts/testdeps.sh)")
	}
	server, err := harness.StartProcess("limiter", exec.Command(bin, "--port", "0", "--tls-port", fmt.Sprint(port), "--tls-cert-file", cert, "--tls-key-file", key, "--tls-auth-clients", "no",
		"--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", t.TempDir(), "--requirepass", harness.ValkeyPassword))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Stop)
	eventually(t, 20*time.Second, func() bool {
		if done, _ := server.Exited(); done {
			if strings.Contains(server.Output(), "tls") {
				t.Skip("this server is built without TLS")
			}
			t.Fatal(server.Output())
		}
		c, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err == nil {
			_ = c.Close()
		}
		return err == nil
	})
	return server
}

// TestLimiterOverTLS: a limiter that is asked over TLS counts for all nodes; one whose
// certificate is by nobody known is not asked, its password does not go there, and each node
// counts for itself.
func TestLimiterOverTLS(t *testing.T) {
	t.Parallel()
	cert, key, _ := certificate(t)
	other, _, _ := certificate(t)
	port := closedPort(t)
	startLimiterTLS(t, port, cert, key)
	over := func(ca string) string {
		return fmt.Sprintf("{ url: \"valkeys://localhost:%d\", password: env:VALKEY_PASSWORD, tls_ca: %q, timeout: 1s }", port, ca)
	}
	nodes := siteOf(t, "  - { id: few, match: { path: \"/\" }, boundary: public, limit: { rate: 4/h, per: route } }\n  - { id: many, match: { path: \"/many\" }, boundary: public, limit: { rate: 1000/s, per: route } }\n", over(cert), over(cert), over(other))
	a, b, stranger := nodes[0], nodes[1], nodes[2]
	admitted := func(g *harness.Gate) (n int) {
		for range 4 {
			if g.Client(t).Get(t, "/").Status == 200 {
				n++
			}
		}
		return n
	}
	for range 5 { // until the connections stand: a slow handshake is a count of its own
		a.Client(t).Get(t, "/many")
		b.Client(t).Get(t, "/many")
	}
	if n := admitted(a); n != 4 {
		t.Errorf("the first node let %d of 4 in", n)
	}
	if n := admitted(b); n != 0 {
		t.Errorf("the second node let %d in, all of which the first had used up", n)
	}
	if n := admitted(stranger); n != 4 {
		t.Errorf("the node that does not know the certificate let %d of its own 4 in", n)
	}
	eventually(t, 10*time.Second, func() bool {
		stranger.Client(t).Get(t, "/many")
		return stranger.Metric(t, "sanmon_limiter_open") == 1
	})
	if a.Metric(t, "sanmon_limiter_open") != 0 {
		t.Error("the first node counts alone")
	}
}

// TestLimiterCertificates: a limiter whose certificate has ended, is not good yet or is of another
// name: the gate starts, says what is wrong, counts for itself, and counts for all nodes once the
// certificate is another one.
func TestLimiterCertificates(t *testing.T) {
	t.Parallel()
	hour := func(n int) time.Time { return time.Now().Add(time.Duration(n) * time.Hour) }
	upstream := plainBackend(t)
	for _, row := range []struct {
		what, name  string
		from, until time.Time
		says        string
	}{
		{"ended", "localhost", hour(-2), hour(-1), "certificate has expired or is not yet valid"},
		{"not good yet", "localhost", hour(1), hour(2), "certificate has expired or is not yet valid"},
		{"of another name", "other.example", hour(-1), hour(1), "certificate is valid for other.example, not localhost"},
	} {
		t.Run(row.what, func(t *testing.T) {
			t.Parallel()
			port := closedPort(t)
			bad, badKey, _ := certificateAs(t, row.name, row.from, row.until)
			good, goodKey, _ := certificate(t)
			server := startLimiterTLS(t, port, bad, badKey)
			g := harness.NewGate(t, harness.Options{Upstream: upstream, Routes: "  - { id: few, match: { path: \"/\" }, boundary: public, limit: { rate: 3/h, per: route } }\n  - { id: many, match: { path: \"/many\" }, boundary: public, limit: { rate: 1000/s, per: route } }\n",
				Env: []string{"VALKEY_PASSWORD=" + harness.ValkeyPassword},
				Top: fmt.Sprintf("limiter: { url: \"valkeys://localhost:%d\", password: env:VALKEY_PASSWORD, tls_ca: ./ca.pem, timeout: 1s }\n", port)})
			var authorities string
			for _, path := range []string{bad, good} {
				b, err := os.ReadFile(path)
				if err != nil {
					t.Fatal(err)
				}
				authorities += string(b)
			}
			g.WriteFile(t, "ca.pem", authorities)
			if r := g.Run(t, "", "check"); r.Exit != 0 || !strings.Contains(r.Stdout+r.Stderr, row.says) {
				t.Errorf("check: exit %d, want a warning with %q:\n%s%s", r.Exit, row.says, r.Stdout, r.Stderr)
			}
			g.Start(t)
			eventually(t, 20*time.Second, func() bool {
				g.Client(t).Get(t, "/many")
				return g.Metric(t, "sanmon_limiter_open") == 1
			})
			line := g.LogWith(t, 10*time.Second, map[string]any{"level": "WARN", "msg": "the limiter does not answer; limits are counted by this node alone until it does"})
			if why, _ := line["error"].(string); !strings.Contains(why, row.says) {
				t.Errorf("the log says %q, want %q", why, row.says)
			}
			for i, status := range []int{200, 200, 200, 429} {
				want(t, fmt.Sprintf("request %d, counted here", i+1), g.Client(t).Get(t, "/"), status, "")
			}
			server.Stop()
			startLimiterTLS(t, port, good, goodKey)
			g.LogWith(t, 20*time.Second, map[string]any{"msg": "the limiter answers again; limits are counted for all nodes"})
			if n := g.Metric(t, "sanmon_limiter_open"); n != 0 {
				t.Errorf("the limiter is %v, although it answers", n)
			}
			if done, _ := g.Exited(); done || strings.Contains(g.Output(), harness.ValkeyPassword) {
				t.Errorf("the gate has ended, or its log has the password:\n%s", g.Output())
			}
		})
	}
}
