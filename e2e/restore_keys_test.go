package e2e_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/sanmon-gate/sanmon/e2e/harness"
)

const keyRoutes = "  - { id: private, match: { path: \"/private/{rest...}\", methods: [GET] }, boundary: [session, key], require: [\"notes:read\"] }\n"

// halt ends a gate in order: it signs and anchors its trail.
func halt(t *testing.T, g *harness.Gate) {
	t.Helper()
	if err := g.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := g.Wait(15 * time.Second); err != nil {
		t.Fatal(err)
	}
}

// TestRestoredKeys: a backup is put back that does not know of a revocation. The key stays
// refused, and so do all others, until a person says which of them still hold.
func TestRestoredKeys(t *testing.T) {
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		g := harness.NewGate(t, harness.Options{Upstream: plainBackend(t), Routes: keyRoutes, Top: "audit: { anchor: ./anchor.jsonl }\n"})
		db := filepath.Join(g.Dir, "data", "sanmon.db")
		var yesterday []byte
		restoredKeys(t, g, func() {
			var err error
			if yesterday, err = os.ReadFile(db); err != nil {
				t.Fatal(err)
			}
		}, func() {
			for _, suffix := range []string{"-wal", "-shm"} {
				_ = os.Remove(db + suffix)
			}
			if err := os.WriteFile(db, yesterday, 0o600); err != nil {
				t.Fatal(err)
			}
		})
	})
	t.Run("postgresql", func(t *testing.T) {
		t.Parallel()
		address, password, _ := harness.PostgresURL(t)
		admin := strings.Replace(address, "sanmon@", "sanmon:"+password+"@", 1)
		do := func(sql string) {
			t.Helper()
			conn, err := pgx.Connect(context.Background(), admin)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = conn.Close(context.Background()) }()
			if _, err := conn.Exec(context.Background(), sql); err != nil {
				t.Fatal(err)
			}
		}
		do("CREATE DATABASE gate")
		store := strings.Replace(address, "/postgres?", "/gate?", 1)
		g := harness.NewGate(t, harness.Options{Upstream: plainBackend(t), Routes: keyRoutes, Top: "audit: { anchor: ./anchor.jsonl }\n",
			Store: fmt.Sprintf("{ url: %q, password: env:SANMON_TEST_PG }", store), Env: []string{"SANMON_TEST_PG=" + password}})
		restoredKeys(t, g, func() { do("CREATE DATABASE backup TEMPLATE gate") }, func() {
			do("DROP DATABASE gate WITH (FORCE)")
			do("CREATE DATABASE gate TEMPLATE backup")
		})
	})
}

// restoredKeys is the story; save and restore are called while the server is down.
func restoredKeys(t *testing.T, g *harness.Gate, save, restore func()) {
	g.Start(t)
	g.AddUser(t, writer, "writer")
	leaked, good, other := g.AddKey(t, writer, "--role", "writer"), g.AddKey(t, writer, "--role", "writer"), g.AddKey(t, writer, "--role", "writer")
	use := func(k harness.Key) harness.Answer { return g.Client(t).Get(t, "/private/x", "X-Api-Key", k.Key) }
	all := func(what string, code string) {
		t.Helper()
		for _, k := range []harness.Key{leaked, good, other} {
			want(t, what, use(k), 401, code)
		}
	}
	eventually(t, 5*time.Second, func() bool { return use(other).Status == 200 })
	halt(t, g)
	save()
	g.Start(t)
	g.CLI(t, "", "key", "revoke", leaked.ID)
	eventually(t, 5*time.Second, func() bool { return use(leaked).Code() == "key_invalid" })
	halt(t, g)

	restore()
	g.Start(t)
	all("a restored key", "key_invalid")
	if n := g.Metric(t, "sanmon_keys_held"); n != 3 {
		t.Errorf("sanmon_keys_held = %v, want 3", n)
	}
	g.LogWith(t, 5*time.Second, map[string]any{"level": "ERROR", "keys_held": float64(3)})
	if out := g.CLI(t, "", "audit", "export"); !strings.Contains(out, `"event":"key.held"`) || !strings.Contains(out, "reason=rolled_back count=3") {
		t.Errorf("the trail does not say that keys are held:\n%s", out)
	}
	if out := g.CLI(t, "", "key", "list"); strings.Count(out, "held") != 3 {
		t.Errorf("key list:\n%s", out)
	}
	if r := g.Run(t, "", "key", "rotate", leaked.ID); r.Exit == 0 || !strings.Contains(r.Stderr, "accept-restored") {
		t.Errorf("a held key was rotated: %+v", r)
	}
	fresh := g.AddKey(t, writer, "--role", "writer")
	eventually(t, 5*time.Second, func() bool { return use(fresh).Status == 200 })

	// Nobody has decided, and the anchor is out of the way: they still wait.
	g.Restart(t, syscall.SIGTERM)
	all("after a restart", "key_invalid")
	g.CLI(t, "", "key", "revoke", leaked.ID)
	if out := g.CLI(t, "", "key", "accept-restored", good.ID); !strings.Contains(out, "accepted 1 keys; 1 still wait") {
		t.Errorf("accept-restored: %s", out)
	}
	eventually(t, 5*time.Second, func() bool { return use(good).Status == 200 })
	want(t, "revoked, and not accepted", use(leaked), 401, "key_invalid")
	want(t, "nobody has decided about it", use(other), 401, "key_invalid")

	// What was decided stays, though the anchor is still ahead of the store.
	g.Restart(t, syscall.SIGTERM)
	want(t, "accepted, after a restart", use(good), 200, "")
	want(t, "revoked, after a restart", use(leaked), 401, "key_invalid")
	if out := g.CLI(t, "", "key", "revoke", "--held"); !strings.Contains(out, "revoked 1 keys") {
		t.Errorf("revoke --held: %s", out)
	}
	want(t, "a key of the new time", use(fresh), 200, "")
	if out := g.CLI(t, "", "key", "revoke", "--all"); !strings.Contains(out, "revoked 2 keys") {
		t.Errorf("revoke --all: %s", out)
	}
	eventually(t, 5*time.Second, func() bool { return use(good).Code() == "key_invalid" && use(fresh).Code() == "key_invalid" })
}

// TestStoreWentBackUnseen: the change feed of a running server goes back while the anchor
// cannot be read. It does not go on as if nothing had been: it tries until it knows.
func TestStoreWentBackUnseen(t *testing.T) {
	t.Parallel()
	g := harness.NewGate(t, harness.Options{Upstream: plainBackend(t), Routes: keyRoutes, Top: "audit: { anchor: ./anchor.jsonl }\n"})
	anchor, aside := filepath.Join(g.Dir, "anchor.jsonl"), filepath.Join(g.Dir, "aside")
	g.Start(t)
	g.AddUser(t, writer, "writer")
	k := g.AddKey(t, writer, "--role", "writer")
	use := func() int { return g.Client(t).Get(t, "/private/x", "X-Api-Key", k.Key).Status }
	eventually(t, 5*time.Second, func() bool { return use() == 200 })
	g.Restart(t, syscall.SIGTERM) // it anchors at its end
	if err := errors.Join(os.Rename(anchor, aside), os.Mkdir(anchor, 0o700)); err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open("sqlite", filepath.Join(g.Dir, "data/sanmon.db")+"?_pragma=busy_timeout(5000)")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	if _, err := db.Exec("UPDATE head SET feed = feed - 1; DELETE FROM feed WHERE seq > (SELECT feed FROM head)"); err != nil {
		t.Fatal(err)
	}
	const behind = "sanmon_feed_age_seconds"
	g.LogWith(t, 10*time.Second, map[string]any{"level": "ERROR", "anchor": anchor})
	time.Sleep(2 * time.Second)
	if age := g.Metric(t, behind); age < 1 {
		t.Errorf("%s = %v: it has given up", behind, age)
	}
	if err := errors.Join(os.Remove(anchor), os.Rename(aside, anchor)); err != nil {
		t.Fatal(err)
	}
	eventually(t, 5*time.Second, func() bool { return g.Metric(t, behind) < 1 && use() == 200 })
}
