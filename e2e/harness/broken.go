package harness

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// Break is a change of a source file that makes it wrong in a known way.
type Break struct {
	File     string // below the root of the repository
	Old, New string // Old stands there once
}

// BrokenBinary builds cmd/sanmon with these changes, which no file of the tree gets: the
// compiler is told to read others in their place. So faults can be provoked in the real
// program, and it needs no door for them.
func BrokenBinary(t testing.TB, breaks ...Break) string {
	t.Helper()
	dir := t.TempDir()
	replace := map[string]string{}
	for i, b := range breaks {
		name := filepath.Join(Root(), b.File)
		if replace[name] != "" {
			t.Fatalf("%s is changed twice (write one change)", b.File)
		}
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if n := strings.Count(string(text), b.Old); n != 1 {
			t.Fatalf("%s has %d times %q, want it once (the test has to follow the code)", b.File, n, b.Old)
		}
		replace[name] = filepath.Join(dir, fmt.Sprintf("%d.go", i))
		if err := os.WriteFile(replace[name], []byte(strings.Replace(string(text), b.Old, b.New, 1)), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	overlay, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "overlay.json"), overlay, 0o600); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "sanmon")
	cmd := exec.CommandContext(t.Context(), "go", "build", "-overlay", filepath.Join(dir, "overlay.json"), "-o", path, "./cmd/sanmon")
	cmd.Dir = Root()
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("build cmd/sanmon with a fault: %v\n%s", err, out)
	}
	return path
}
