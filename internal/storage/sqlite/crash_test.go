package sqlite_test

import (
	"database/sql"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/sanmon-gate/sanmon/identity/principal"
)

// A killed process loses nothing that it was told is kept, and nothing half.
func TestKillLosesNothingAcknowledged(t *testing.T) {
	path := filepath.Join(t.TempDir(), "sanmon.db")
	acknowledged := map[string]bool{}
	for range 8 {
		cmd, lines := child(t, "write", path)
		for n := 0; lines.Scan(); n++ {
			if n == 10 { // it works: on a slow machine that takes a while
				time.AfterFunc(rand.N(100*time.Millisecond), func() { _ = cmd.Process.Kill() })
			}
			id := lines.Text()
			if !strings.HasPrefix(id, "usr_") {
				t.Fatal(id)
			}
			acknowledged[id] = true
		}
		_ = cmd.Wait()
	}
	if len(acknowledged) < 50 {
		t.Fatalf("only %d changes were made", len(acknowledged))
	}
	check(t, path)
	db := openAt(t, path)
	kept, err := db.Principals(t.Context(), principal.User)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range kept {
		delete(acknowledged, r.ID)
	}
	if len(acknowledged) > 0 {
		t.Errorf("%d acknowledged changes are lost", len(acknowledged))
	}
	last, err := db.LastChange(t.Context())
	if err != nil || last != int64(len(kept)) {
		t.Errorf("the feed ends at %d with %d users (%v)", last, len(kept), err)
	}
	if events, err := db.Events(t.Context(), 0, len(kept)+9); err != nil || len(events) != len(kept) {
		t.Errorf("%d events for %d users (%v)", len(events), len(kept), err)
	}
}

// check is SQLite's own opinion of a file.
func check(t *testing.T, path string) {
	t.Helper()
	raw, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = raw.Close() }()
	var verdict string
	if err := raw.QueryRowContext(t.Context(), "PRAGMA integrity_check").Scan(&verdict); err != nil || verdict != "ok" {
		t.Errorf("integrity_check: %s, %v", verdict, err)
	}
}

func TestFullDisk(t *testing.T) {
	path := filepath.Join(t.TempDir(), "sanmon.db")
	cmd, lines := child(t, "fill", path)
	n, last := 0, ""
	for lines.Scan() {
		n, last = n+1, lines.Text()
	}
	_ = cmd.Wait()
	if n < 10 || !strings.HasPrefix(last, "error: busy: create principal: the SQLite store cannot answer (") || !strings.Contains(last, "disk") {
		t.Fatalf("after %d lines: %s", n, last)
	}
	check(t, path)
	db := openAt(t, path) // with space again, all is well
	kept, err := db.Principals(t.Context(), principal.User)
	if err != nil || len(kept) != n-1 {
		t.Errorf("%d of %d are kept (%v)", len(kept), n-1, err)
	}
}

func TestForbiddenFile(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can become a stranger")
	}
	dir, err := os.MkdirTemp("", "stranger")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "sanmon.db")
	_ = openAt(t, path)
	for _, path := range []string{path, filepath.Join(dir, "new.db"), filepath.Join(dir, "sub", "new.db")} {
		cmd, lines := child(t, "stranger", path)
		lines.Scan()
		want := "error: open the store " + path + ": "
		if got := lines.Text(); !strings.HasPrefix(got, want) && !strings.HasPrefix(got, "error: open the store "+filepath.Dir(path)) ||
			!strings.Contains(got, "permission denied (let the user of sanmon write") {
			t.Errorf("%s", got)
		}
		_ = cmd.Wait()
	}
}
