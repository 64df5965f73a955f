package e2e_test

import (
	"crypto/sha256"
	"database/sql"
	"encoding/base64"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	_ "modernc.org/sqlite" // the attacker's way to the database

	"github.com/sanmon-gate/sanmon/e2e/harness"
)

// TestAuditTrailIsTamperEvident: a running server signs and anchors the trail; whoever
// owns the database file afterwards is found out by the command, with its exit status.
func TestAuditTrailIsTamperEvident(t *testing.T) {
	g := harness.StartGate(t, harness.Options{
		Upstream: "http://127.0.0.1:9", Top: "audit: { anchor: ./log/anchor.jsonl }\n",
		Routes: "  - { id: private, match: { path: \"/private\" }, boundary: [session], require: [\"notes:read\"] }\n",
	})
	g.AddUser(t, writer, "writer")
	c := g.Client(t)
	unknown := c.Get(t, "/nothing/here")
	if unknown.Status != 404 {
		t.Fatalf("an unknown address: %d", unknown.Status)
	}
	g.Restart(t, syscall.SIGTERM)
	anchor, err := os.ReadFile(filepath.Join(g.Dir, "log", "anchor.jsonl"))
	if err != nil || !strings.Contains(string(anchor), `"checkpoint":"sanmon-audit/`) {
		t.Fatalf("the server ended without a checkpoint: %v\n%s", err, anchor)
	}
	var explained struct{ Code string }
	g.CLIJSON(t, &explained, "", "explain", unknown.Header.Get("X-Request-Id"))
	if explained.Code != "route_unknown" {
		t.Errorf("explained as %q", explained.Code)
	}
	proveAndCheck(t, g)

	old := files(t, g)
	g.CLI(t, "", "user", "disable", writer)
	g.Restart(t, syscall.SIGTERM)
	g.Stop()
	now := files(t, g)
	wantVerdict(t, g, 0, 0)
	for _, a := range []struct {
		name string
		do   func()
		exit int
		bad  int64
	}{
		{"edited", func() {
			vandalise(t, g, "DROP TRIGGER audit_update", "UPDATE audit SET actor = 'mallory' WHERE seq = 2")
		}, 1, 2},
		{"deleted", func() { vandalise(t, g, "DROP TRIGGER audit_delete", "DELETE FROM audit WHERE seq = 3") }, 1, 3},
		{"an older database", func() { restore(t, g, old) }, 1, -1},
		{"no master key", func() { _ = os.Rename(filepath.Join(g.Dir, "data/master.key"), filepath.Join(g.Dir, "data/away")) }, 3, 0},
		{"no database", func() {
			restore(t, g, map[string][]byte{"data/sanmon.db": []byte("this is no database at all, it is text")})
		}, 3, 0},
	} {
		restore(t, g, now)
		a.do()
		t.Log(a.name)
		wantVerdict(t, g, a.exit, a.bad)
	}
}

// proveAndCheck hashes a line of the export by hand, and checks a proof away from the store.
func proveAndCheck(t *testing.T, g *harness.Gate) {
	t.Helper()
	line, _, _ := strings.Cut(g.CLI(t, "", "audit", "export"), "\n")
	db, err := sql.Open("sqlite", filepath.Join(g.Dir, "data/sanmon.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	var hashes []byte
	if err := db.QueryRow("SELECT hashes FROM audit WHERE seq = 1").Scan(&hashes); err != nil {
		t.Fatal(err)
	}
	if want := sha256.Sum256([]byte("\x00" + line)); string(want[:]) != string(hashes) {
		t.Errorf("the first line is not what was hashed: %s", line)
	}
	key := strings.TrimSpace(g.CLI(t, "", "audit", "key"))
	proof := g.CLI(t, "", "audit", "prove", "1")
	if got := g.CLI(t, proof, "audit", "verify-proof", "--pub", key, "--json"); got != line+"\n" {
		t.Errorf("proved %q, want %q", got, line)
	}
	forged := strings.Replace(proof, base64.StdEncoding.EncodeToString([]byte(line)), base64.StdEncoding.EncodeToString([]byte(strings.Replace(line, `"seq":1,`, `"seq":2,`, 1))), 1)
	if r := g.Run(t, forged, "audit", "verify-proof", "--pub", key); forged == proof || r.Exit != 1 {
		t.Errorf("a forged proof: exit %d", r.Exit)
	}
}

func wantVerdict(t *testing.T, g *harness.Gate, exit int, bad int64) {
	t.Helper()
	r := g.Run(t, "", "audit", "verify", "--json", "--anchor", filepath.Join(g.Dir, "log/anchor.jsonl"))
	var report struct {
		Verdict  string
		FirstBad int64 `json:"first_bad"`
	}
	err := json.Unmarshal([]byte(r.Stdout), &report)
	if r.Exit != exit || exit != 3 && (err != nil || bad >= 0 && report.FirstBad != bad || bad < 0 && report.FirstBad == 0) {
		t.Errorf("exit %d, want %d with first bad %d\n%s%s", r.Exit, exit, bad, r.Stdout, r.Stderr)
	}
	if exit == 3 && r.Stderr == "" {
		t.Error("it does not say why")
	}
}

func vandalise(t *testing.T, g *harness.Gate, queries ...string) {
	t.Helper()
	db, err := sql.Open("sqlite", filepath.Join(g.Dir, "data/sanmon.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	for _, q := range queries {
		if _, err := db.Exec(q); err != nil {
			t.Fatalf("%s: %v", q, err)
		}
	}
}

// files are the database and the key, as a backup has them.
func files(t *testing.T, g *harness.Gate) map[string][]byte {
	t.Helper()
	all := map[string][]byte{}
	for _, name := range []string{"data/sanmon.db", "data/sanmon.db-wal", "data/master.key"} {
		if b, err := os.ReadFile(filepath.Join(g.Dir, name)); err == nil {
			all[name] = b
		}
	}
	return all
}

func restore(t *testing.T, g *harness.Gate, all map[string][]byte) {
	t.Helper()
	for _, name := range []string{"data/sanmon.db", "data/sanmon.db-wal", "data/sanmon.db-shm"} {
		_ = os.Remove(filepath.Join(g.Dir, name))
	}
	for name, b := range all {
		g.WriteFile(t, name, string(b))
	}
}
