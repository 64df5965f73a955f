package e2e_test

import (
	"bytes"
	"encoding/json"
	"math/rand/v2"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/sanmon-gate/sanmon/e2e/harness"
)

// TestKillLosesNothingAcknowledged: the server and the commands are killed at random
// moments; every key whose creation was printed works afterwards, every revocation that
// was acknowledged holds, and sessions that were given out are still there.
func TestKillLosesNothingAcknowledged(t *testing.T) {
	app := harness.SharedBackend(t, harness.FastAPI)
	g := harness.StartGate(t, harness.Options{Upstream: app.URL, Routes: "  - { id: private, match: { path: \"/private/{rest...}\" }, boundary: [session, key], require: [\"notes:read\"] }\n"})
	g.AddUser(t, writer, "writer")
	c := g.Client(t)
	c.Login(t, writer)

	var mu sync.Mutex
	var made, revoked []harness.Key
	stop := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
			}
			if k, ok := createAndMaybeDie(t, g); ok {
				mu.Lock()
				made = append(made, k)
				mu.Unlock()
			}
		}
	})
	for range 6 {
		time.Sleep(time.Duration(150+rand.IntN(350)) * time.Millisecond)
		g.Restart(t, syscall.SIGKILL)
	}
	close(stop)
	wg.Wait()
	for len(revoked) < 3 && len(made) > 3 {
		g.CLI(t, "", "key", "revoke", made[0].ID)
		revoked, made = append(revoked, made[0]), made[1:]
	}
	g.Restart(t, syscall.SIGKILL)
	t.Logf("%d keys acknowledged, %d revocations", len(made), len(revoked))
	if len(made) < 3 {
		t.Fatalf("only %d keys were made", len(made))
	}
	for _, k := range made {
		want(t, "an acknowledged key", harness.One(t, g.Raw(t, get(g, "/private/x", "X-Api-Key: "+k.Key))), 200, "")
	}
	for _, k := range revoked {
		want(t, "a revoked key", harness.One(t, g.Raw(t, get(g, "/private/x", "X-Api-Key: "+k.Key))), 401, "key_invalid")
	}
	want(t, "the session", c.Get(t, "/private/x"), 200, "")
}

// createAndMaybeDie runs "key create" and kills every third run at a random moment. A
// run counts only when its whole output arrived.
func createAndMaybeDie(t *testing.T, g *harness.Gate) (harness.Key, bool) {
	cmd := exec.Command(harness.Binary(t), "key", "create", "--owner", writer, "--role", "writer", "--json", "-c", g.Path)
	cmd.Dir = g.Dir
	cmd.Env = os.Environ()
	var out bytes.Buffer
	cmd.Stdout = &out
	if err := cmd.Start(); err != nil {
		t.Error(err)
		return harness.Key{}, false
	}
	if rand.IntN(3) == 0 {
		timer := time.AfterFunc(time.Duration(rand.IntN(60))*time.Millisecond, func() { _ = cmd.Process.Kill() })
		defer timer.Stop()
	}
	_ = cmd.Wait()
	var k harness.Key
	return k, json.Unmarshal(out.Bytes(), &k) == nil && k.Key != ""
}

// TestFullDisk: a store that cannot be written serves what it can and refuses the
// rest with 503, never a pass.
func TestFullDisk(t *testing.T) {
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=4m"); err != nil {
		t.Skipf("no small file system: %v", err)
	}
	t.Cleanup(func() { _ = syscall.Unmount(dir, syscall.MNT_DETACH) })
	app := harness.SharedBackend(t, harness.FastAPI)
	g := harness.StartGate(t, harness.Options{Upstream: app.URL, Store: "sqlite:" + dir + "/sanmon.db",
		Routes: oneRoute + "  - { id: private, match: { path: \"/private/{rest...}\" }, boundary: [session, key], require: [\"notes:read\"] }\n"})
	g.AddUser(t, writer, "writer")
	c := g.Client(t)
	c.Login(t, writer)
	fill(t, dir+"/fill")
	want(t, "a public route", c.Get(t, "/"), 200, "")
	want(t, "a session that is known", c.Get(t, "/private/x"), 200, "")
	a := g.Client(t).TryLogin(t, writer, harness.Password)
	if a.Status != 503 || a.Code() != "busy" {
		t.Errorf("login on a full disk = %d %s, want 503 busy", a.Status, a.Code())
	}
	r := g.Run(t, "", "key", "create", "--owner", writer, "--role", "writer", "--json")
	if r.Exit != 1 || r.Stdout != "" {
		t.Errorf("key create on a full disk: exit %d, prints %q", r.Exit, r.Stdout)
	}
	if err := os.Remove(dir + "/fill"); err != nil {
		t.Fatal(err)
	}
	eventually(t, 2*time.Second, func() bool { return g.Client(t).TryLogin(t, writer, harness.Password).Status == 200 })
}

// fill writes to a file until the disk is full.
func fill(t *testing.T, path string) {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	for _, size := range []int{64 << 10, 4096, 1} {
		for block := make([]byte, size); ; {
			if _, err := f.Write(block); err != nil {
				break
			}
		}
	}
}
