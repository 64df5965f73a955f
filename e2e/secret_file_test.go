package e2e_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/sanmon-gate/sanmon/e2e/harness"
)

// TestSecretFileGoesBad: a file that a secret is read from becomes all that a file can be while
// the gate runs. Each time the log says why within moments, once, and the value before stays in
// force; what is right again counts again. None of them starts a gate.
func TestSecretFileGoesBad(t *testing.T) {
	t.Parallel()
	g := harness.NewGate(t, harness.Options{Upstream: plainBackend(t), Routes: oneRoute, Top: "metrics: { token: file:./token }\n"})
	path := filepath.Join(g.Dir, "token")
	// put makes the file what it is to become, beside it, and renames it there.
	put := func(text string, mode os.FileMode) {
		t.Helper()
		if err := os.WriteFile(path+".new", []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path+".new", mode); err != nil {
			t.Fatal(err)
		}
		if info, err := os.Stat(path); err == nil && info.IsDir() {
			if err := os.Remove(path); err != nil {
				t.Fatal(err)
			}
		}
		if err := os.Rename(path+".new", path); err != nil {
			t.Fatal(err)
		}
	}
	const good = "metrics-token-1"
	bad := []struct {
		what, says string
		make       func()
	}{
		{"empty", "it is empty", func() { put("", 0o600) }},
		{"a line end alone", "it is empty", func() { put("\r\n", 0o600) }},
		{"marked, UTF-8", "byte order mark", func() { put("\ufeff"+good, 0o600) }},
		{"marked, UTF-16", "byte order mark", func() { put("\xff\xfem\x00e\x00t\x00", 0o600) }},
		{"readable for all", "every user can read", func() { put(good, 0o644) }},
		{"writable for others", "others than its owner can write", func() { put(good, 0o620) }},
		{"too long", "longer than 65536", func() { put(strings.Repeat("x", 65537), 0o600) }},
		{"a directory", "is a directory", func() {
			if err := os.Remove(path); err != nil {
				t.Fatal(err)
			}
			if err := os.Mkdir(path, 0o700); err != nil {
				t.Fatal(err)
			}
		}},
		{"gone", "does not exist", func() {
			if err := os.RemoveAll(path); err != nil {
				t.Fatal(err)
			}
		}},
	}
	put(good, 0o600)
	for _, row := range bad {
		row.make()
		if out, exited, _ := g.TryStart(t, 20*time.Second); !exited || !strings.Contains(out, row.says) || strings.Contains(out, good) {
			t.Errorf("%s: a gate starts, or says something else than %q (exited %v):\n%s", row.what, row.says, exited, out)
		}
		put(good, 0o600)
	}
	g.Start(t)
	for _, row := range bad {
		from := len(g.Lines(0))
		row.make()
		if _, err := g.WaitLine(from, 10*time.Second, func(s string) bool {
			return strings.Contains(s, `"setting":"metrics.token"`) && strings.Contains(s, row.says)
		}); err != nil {
			t.Errorf("%s: %v", row.what, err)
		}
		if !metricsWith(t, g, good) {
			t.Errorf("%s: the value before is not in force", row.what)
		}
		from = len(g.Lines(0))
		put(good, 0o600)
		if _, err := g.WaitLine(from, 10*time.Second, func(s string) bool { return strings.Contains(s, "a secret can be read again") }); err != nil {
			t.Errorf("%s, and right again: %v", row.what, err)
		}
	}
	put("metrics-token-2\n", 0o600)
	eventually(t, 10*time.Second, func() bool { return metricsWith(t, g, "metrics-token-2") && !metricsWith(t, g, good) })
	if strings.Contains(g.Output(), "metrics-token") {
		t.Error("a value is in the log")
	}
}
