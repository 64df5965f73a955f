package vet_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/sanmon-gate/sanmon/web/nature/vet"
	"golang.org/x/tools/go/analysis/analysistest"
)

func TestAnalyzer(t *testing.T) {
	analysistest.Run(t, analysistest.TestData(), vet.New(), "escaping", "output", "template", "fields", "allow", "clean")
}

// What is allowed can be counted.
func TestAllowedIsCounted(t *testing.T) {
	a := vet.New()
	if err := a.Flags.Set("allowed", "true"); err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, r := range analysistest.Run(quiet{}, analysistest.TestData(), a, "allow") {
		for _, d := range r.Diagnostics {
			if strings.HasPrefix(d.Message, "allowed (s comes from the build): ") {
				n++
			}
		}
	}
	if n != 2 {
		t.Errorf("%d places are allowed, want 2", n)
	}
}

// quiet does not mind that the expectations in the files are for a run without the flag.
type quiet struct{}

func (quiet) Errorf(string, ...any) {}

// TestThisRepository runs the analyzer over our own code, as go vet does.
func TestThisRepository(t *testing.T) {
	if testing.Short() {
		t.Skip("builds a tool and reads the whole module")
	}
	tool := filepath.Join(t.TempDir(), "sanmon-vet")
	root := filepath.Join("..", "..", "..")
	ours := []string{".", "./web/...", "./internal/...", "./identity/...", "./keys/...", "./policy/...", "./cmd/..."}
	if out, err := run(root, "build", "-o", tool, "./cmd/sanmon-vet"); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if out, err := run(root, append([]string{"vet", "-vettool=" + tool}, ours...)...); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	out, _ := run(root, append([]string{"vet", "-vettool=" + tool, "-nature.allowed"}, ours...)...)
	var places []string
	for line := range strings.Lines(out) {
		if strings.Contains(line, ": allowed (") && !strings.Contains(line, "_test.go:") {
			file, _, _ := strings.Cut(line, ":")
			places = append(places, filepath.ToSlash(file))
		}
	}
	slices.Sort(places)
	// Two: sanitised markup, and the address of a client with a scheme of its own.
	if want := []string{"internal/portal/views/leave.go", "web/nature/html.go"}; !slices.Equal(places, want) {
		t.Errorf("places that switch escaping off: %q, want %q", places, want)
	}
}

func run(dir string, args ...string) (string, error) {
	c := exec.Command("go", args...)
	c.Dir, c.Env = dir, append(os.Environ(), "GOFLAGS=-mod=readonly")
	out, err := c.CombinedOutput()
	return string(out), err
}
