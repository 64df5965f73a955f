package harness

import (
	"crypto/rand"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"
)

// PostgresURL returns the URL of a new, empty database in a throwaway cluster of the
// test's own, or skips. The password is apart, as the configuration wants it.
func PostgresURL(t testing.TB) (url, password string, cluster *Process) {
	t.Helper()
	bin := postgresBin(t)
	dir, err := os.MkdirTemp("", "sanmon-pg-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	cred := unprivileged(t, dir)
	data, port := filepath.Join(dir, "data"), freePort(t)
	password = rand.Text()
	if err := os.WriteFile(filepath.Join(dir, "pw"), []byte(password), 0o644); err != nil {
		t.Fatal(err)
	}
	initdb := exec.Command(filepath.Join(bin, "initdb"), "-D", data, "-U", "sanmon", "-A", "scram-sha-256",
		"--pwfile", filepath.Join(dir, "pw"), "-E", "UTF8", "--locale", "C", "--no-sync")
	initdb.SysProcAttr = &syscall.SysProcAttr{Credential: cred}
	initdb.Dir = dir
	if out, err := initdb.CombinedOutput(); err != nil {
		t.Fatalf("initdb: %v\n%s", err, out)
	}
	cmd := exec.Command(filepath.Join(bin, "postgres"), "-D", data, "-p", strconv.Itoa(port), "-k", dir,
		"-c", "listen_addresses=127.0.0.1", "-c", "max_connections=50")
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: cred}
	cmd.Dir = dir
	cluster, err = StartProcess("postgres", cmd)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { stopPostgres(cluster) })
	if err := waitPostgres(filepath.Join(bin, "pg_isready"), port, cluster); err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("postgres://sanmon@127.0.0.1:%d/postgres?sslmode=disable", port), password, cluster
}

// stopPostgres asks for a fast shutdown: SIGTERM would wait for every client.
func stopPostgres(p *Process) {
	_ = p.Signal(syscall.SIGINT)
	if p.Wait(5*time.Second) != nil {
		p.Kill()
	}
}

func postgresBin(t testing.TB) string {
	t.Helper()
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/postgres")
	if len(found) > 0 {
		return filepath.Dir(found[len(found)-1])
	}
	if path, err := exec.LookPath("postgres"); err == nil {
		return filepath.Dir(path)
	}
	t.Skip("no PostgreSQL (run scripts/testdeps.sh)")
	return ""
}

// unprivileged gives dir to a user that PostgreSQL agrees to run as: it refuses root.
func unprivileged(t testing.TB, dir string) *syscall.Credential {
	t.Helper()
	if os.Getuid() != 0 {
		return nil
	}
	for _, name := range []string{"postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, _ := strconv.Atoi(u.Uid)
		gid, _ := strconv.Atoi(u.Gid)
		if err := os.Chown(dir, uid, gid); err != nil {
			t.Fatal(err)
		}
		return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
	}
	t.Skip("no unprivileged user to run PostgreSQL as")
	return nil
}

func waitPostgres(isReady string, port int, p *Process) error {
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
		if done, err := p.Exited(); done {
			return fmt.Errorf("postgres ended: %v\n%s", err, p.Output())
		}
		if exec.Command(isReady, "-q", "-h", "127.0.0.1", "-p", strconv.Itoa(port)).Run() == nil {
			return nil
		}
	}
	return fmt.Errorf("postgres: %w\n%s", errTimeout, p.Output())
}
