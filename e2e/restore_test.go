package e2e_test

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/sanmon-gate/sanmon/e2e/harness"
)

// TestRestoredBackup: yesterday's database is put back. The anchor tells that it is older
// than what was signed: sessions, grants and tokens that were revoked since do not live
// again, whoever is refused hears a declared code, and new logins work.
func TestRestoredBackup(t *testing.T) {
	t.Parallel()
	g := harness.StartGate(t, harness.Options{Upstream: plainBackend(t), Routes: oauthRoutes, Top: oauthTop + "audit: { anchor: ./anchor.jsonl }\n", Env: []string{"ROBOT_SECRET=" + serviceSecret}})
	g.AddUser(t, writer, "writer")
	thief, app := signedIn(t, g, writer), grant(t, signedIn(t, g, writer))
	stop := func() {
		t.Helper()
		if err := g.Signal(syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
		if err := g.Wait(15 * time.Second); err != nil {
			t.Fatal(err)
		}
	}
	stop()
	db := filepath.Join(g.Dir, "data", "sanmon.db")
	yesterday, err := os.ReadFile(db)
	if err != nil {
		t.Fatal(err)
	}
	g.Start(t)
	want(t, "before", thief.Get(t, "/private/x"), 200, "")
	g.CLI(t, "", "session", "revoke", "--user", writer)
	stop() // which signs and anchors
	restore := func() {
		t.Helper()
		for _, suffix := range []string{"-wal", "-shm"} {
			_ = os.Remove(db + suffix)
		}
		if err := os.WriteFile(db, yesterday, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	restore()
	g.Start(t)
	want(t, "a session that was revoked", thief.Get(t, "/private/x"), 401, "login_required")
	want(t, "its token", g.Client(t).Get(t, "/private/x", "Authorization", "Bearer "+app.access), 401, "")
	if status, code, err := app.rotate(); status != 400 || code != "invalid_grant" {
		t.Errorf("its refresh token: %d %s, %v", status, code, err)
	}
	g.LogWith(t, 5*time.Second, map[string]any{"level": "ERROR", "anchor": filepath.Join(g.Dir, "anchor.jsonl")})
	fresh := signedIn(t, g, writer)
	want(t, "a new login", fresh.Get(t, "/private/x"), 200, "")

	// The restore was meant: with the anchor out of the way the trail goes on, and sessions
	// stay what they are over a restart.
	stop()
	if err := os.Rename(filepath.Join(g.Dir, "anchor.jsonl"), filepath.Join(g.Dir, "anchor.before")); err != nil {
		t.Fatal(err)
	}
	g.Start(t)
	want(t, "after the anchor was moved", fresh.Get(t, "/private/x"), 200, "")
	if out := g.CLI(t, "", "session", "revoke", "--all"); !strings.Contains(out, "ended 1 sessions of everybody") {
		t.Errorf("session revoke --all: %s", out)
	}
	eventually(t, 5*time.Second, func() bool { return fresh.Get(t, "/private/x").Status == 401 })
}
