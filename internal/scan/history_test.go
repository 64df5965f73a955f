package scan

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/sanmon-gate/sanmon/keys/apikey"
)

// TestHistory: a key that was committed and taken out again is found where it came in.
func TestHistory(t *testing.T) {
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("git is missing: its history cannot be made (apt-get install git)")
	}
	_, key, err := apikey.Generate(apikey.Live)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	git := func(args ...string) {
		c := exec.CommandContext(t.Context(), "git", append([]string{"-C", dir, "-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "commit.gpgsign=false"}, args...)...)
		if out, err := c.CombinedOutput(); err != nil {
			t.Fatalf("git %v: %v\n%s", args, err, out)
		}
	}
	git("init", "-q")
	for _, text := range []string{"a\nb\n", "a\nb\nKEY=" + string(key.Expose()) + "\n", "a\nb\n"} {
		if err := os.WriteFile(filepath.Join(dir, "app.conf"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		git("add", ".")
		git("commit", "-q", "-m", "x")
	}
	var r Report
	if err := New(false).History(t.Context(), &r, dir); err != nil {
		t.Fatal(err)
	}
	if len(r.Findings) != 1 || r.Findings[0].Rule != sanmonKey || r.Findings[0].File != "app.conf" || r.Findings[0].Line != 3 || len(r.Findings[0].Commit) != 40 {
		t.Errorf("%+v", r.Findings)
	}
	// A long file is read to its end, and a key on the seam of two pieces is found.
	for name, before := range map[string]int{"long.log": maxHunk + maxHunk/2, "seam.log": maxHunk - 30} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(strings.Repeat("0123456789abcde\n", before/16)+"KEY="+string(key.Expose())+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		git("add", ".")
		git("commit", "-q", "-m", "x")
		var long Report
		if err := New(false).History(t.Context(), &long, dir); err != nil {
			t.Fatal(err)
		}
		if !slices.ContainsFunc(long.Findings, func(f Finding) bool { return f.File == name && f.Line == before/16+1 }) {
			t.Errorf("behind %d bytes: %+v", before, long.Findings)
		}
	}
	if err := New(false).History(t.Context(), &r, t.TempDir()); err == nil {
		t.Error("a directory that is no repository has a history")
	}
}
