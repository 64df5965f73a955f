package e2e_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sanmon-gate/sanmon/e2e/harness"
)

// lastEvent is the newest event of the trail: its name and detail, without who ran it.
func lastEvent(t *testing.T, g *harness.Gate) string {
	t.Helper()
	var ev struct{ Event, Actor, Detail string }
	if err := json.Unmarshal([]byte(g.CLI(t, "", "audit", "tail", "-n", "1", "--json")), &ev); err != nil || ev.Actor != "cli" {
		t.Fatalf("%+v, %v", ev, err)
	}
	what, _, _ := strings.Cut(ev.Detail, " uid=")
	return ev.Event + " " + what
}

// TestReadingTheTrailIsRecorded: who takes the trail away, or finds that it was tampered
// with, is in it. An export that cannot be recorded gives nothing; a verdict is given all
// the same.
func TestReadingTheTrailIsRecorded(t *testing.T) {
	g := harness.StartGate(t, harness.Options{
		Upstream: "http://127.0.0.1:9",
		Routes:   "  - { id: private, match: { path: \"/private\" }, boundary: [session], require: [\"notes:read\"] }\n",
	})
	g.AddUser(t, writer, "writer")
	g.Stop()
	g.CLI(t, "", "audit", "checkpoint")
	all := strings.Count(g.CLI(t, "", "audit", "export"), "\n")
	if got, want := lastEvent(t, g), fmt.Sprintf("audit.exported from=1 to=%d count=%d", all, all); got != want {
		t.Errorf("recorded %q, want %q", got, want)
	}
	part := g.CLI(t, "", "audit", "export", "--from", "2", "--to", "3")
	if !strings.HasPrefix(part, `{"seq":2,`) || strings.Count(part, "\n") != 2 || lastEvent(t, g) != "audit.exported from=2 to=3 count=2" {
		t.Errorf("%s\nrecorded %q", part, lastEvent(t, g))
	}
	if got := g.CLI(t, "", "audit", "export", "--from", "1000"); got != "" {
		t.Errorf("beyond the end: %s", got)
	}
	for _, args := range []string{"export --from 3 --to 2", "export --from 0", "export --to x", "tail -n 1001", "tail -n -1"} {
		if r := g.Run(t, "", append([]string{"audit"}, strings.Fields(args)...)...); r.Exit != 2 || r.Stdout != "" {
			t.Errorf("audit %s: exit %d, %s", args, r.Exit, r.Stdout)
		}
	}
	verify := func(exit int, args ...string) string {
		t.Helper()
		r := g.Run(t, "", append([]string{"audit", "verify"}, args...)...)
		if r.Exit != exit {
			t.Errorf("exit %d, want %d: %s%s", r.Exit, exit, r.Stdout, r.Stderr)
		}
		return r.Stdout + r.Stderr
	}
	before := lastEvent(t, g)
	verify(0)
	if got := lastEvent(t, g); got != before {
		t.Errorf("an intact trail is recorded: %q", got)
	}
	verify(3, "--pub", "sanmon-audit/xxxxxxxxxxxxxxxxxxxx+fe2b1c0f+AVRD2zQU5t3jVBuD/4rdiNGUUT/9pWmW37jKSJf6kI4e")
	verify(3, "--pub", "no key")
	vandalise(t, g, "DROP TRIGGER audit_update", "UPDATE audit SET actor = 'mallory' WHERE seq = 2")
	verify(1)
	if got := lastEvent(t, g); !strings.HasPrefix(got, "audit.verify_failed verdict=tampered records=") || !strings.Contains(got, " first_bad=2 findings=") {
		t.Errorf("recorded %q", got)
	}
	vandalise(t, g, "CREATE TRIGGER full BEFORE INSERT ON audit BEGIN SELECT RAISE(ABORT, 'no room'); END")
	before = lastEvent(t, g)
	if out := verify(1); !strings.Contains(out, "tampered: ") || !strings.Contains(out, "warning: this verdict is not recorded") {
		t.Errorf("where it cannot be recorded: %s", out)
	}
	if r := g.Run(t, "", "audit", "export"); r.Exit != 1 || r.Stdout != "" || !strings.Contains(r.Stderr, "cannot be recorded") {
		t.Errorf("an export without a record: exit %d, %s%s", r.Exit, r.Stdout, r.Stderr)
	}
	if got := lastEvent(t, g); got != before {
		t.Errorf("recorded %q", got)
	}
	if err := os.Rename(filepath.Join(g.Dir, "data/master.key"), filepath.Join(g.Dir, "data/away")); err != nil {
		t.Fatal(err)
	}
	if out := verify(3); !strings.Contains(out, "not recorded") || !strings.Contains(out, "master.key") {
		t.Errorf("without the key: %s", out)
	}
}
