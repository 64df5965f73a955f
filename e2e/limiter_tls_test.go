package e2e_test

import (
	"fmt"
	"net"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/sanmon-gate/sanmon/e2e/harness"
)

// TestLimiterOverTLS: a limiter that is asked over TLS counts for all nodes; one whose
// certificate is by nobody known is not asked, its password does not go there, and each node
// counts for itself.
func TestLimiterOverTLS(t *testing.T) {
	t.Parallel()
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
	cert, key, _ := certificate(t)
	other, _, _ := certificate(t)
	port := closedPort(t)
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
