package harness

import (
	"net"
	"os"
	"os/exec"
	"strconv"
	"syscall"
	"testing"
	"time"
)

// Valkey is a Valkey or Redis server of a test's own.
type Valkey struct {
	Port int
	Addr string
	*Process
}

// ValkeyPassword is the server's password.
const ValkeyPassword = "throwaway"

// StartValkey starts valkey-server or redis-server on a port of its own, 0 for a free one,
// or skips.
func StartValkey(t testing.TB, port int) *Valkey {
	t.Helper()
	bin, err := exec.LookPath("valkey-server")
	if err != nil {
		if bin, err = exec.LookPath("redis-server"); err != nil {
			t.Skip("no valkey-server or redis-server (scripts/testdeps.sh)")
		}
	}
	if port == 0 {
		port = freePort(t)
	}
	dir, err := os.MkdirTemp("", "sanmon-valkey-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	cmd := exec.Command(bin, "--port", strconv.Itoa(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", dir, "--requirepass", ValkeyPassword)
	cmd.Dir = dir
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: unprivileged(t, dir)}
	p, err := StartProcess("valkey", cmd)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Stop)
	v := &Valkey{port, "127.0.0.1:" + strconv.Itoa(port), p}
	for end := time.Now().Add(15 * time.Second); ; time.Sleep(25 * time.Millisecond) {
		if c, err := net.Dial("tcp", v.Addr); err == nil {
			_ = c.Close()
			return v
		}
		if time.Now().After(end) {
			t.Fatalf("the server does not listen\n%s", p.Output())
		}
	}
}
