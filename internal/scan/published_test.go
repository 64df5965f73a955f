package scan

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sanmon-gate/sanmon/keys/apikey"
)

// TestGitleaks runs the real gitleaks with the published rules.
func TestGitleaks(t *testing.T) {
	bin, err := filepath.Abs("../../.cache/bin/gitleaks")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(bin); err != nil {
		if bin, err = exec.LookPath("gitleaks"); err != nil {
			t.Skip("gitleaks is missing (put it into .cache/bin or PATH)")
		}
	}
	_, key, err := apikey.Generate(apikey.Live)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		text  string
		leaks bool
	}{{"KEY=" + string(key.Expose()) + "\n", true}, {"KEY=smk_live_short\nsmr_words are none\n", false}} {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "app.conf"), []byte(c.text), 0o600); err != nil {
			t.Fatal(err)
		}
		out, err := exec.CommandContext(t.Context(), bin, "dir", "--no-banner", "--redact", "-c", "../../rules/gitleaks.toml", dir).CombinedOutput()
		if leaks := err != nil && strings.Contains(string(out), "leaks found: 1"); leaks != c.leaks || !c.leaks && err != nil {
			t.Errorf("gitleaks found %v, want %v: %v\n%s", leaks, c.leaks, err, out)
		}
	}
}

// TestEveryRuleIsDocumented: docs/scan.md has a row for each rule.
func TestEveryRuleIsDocumented(t *testing.T) {
	page, err := os.ReadFile("../../docs/scan.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range Rules() {
		if !strings.Contains(string(page), "| `"+r.ID+"` | "+r.Severity.String()+" | "+r.Title+" |") {
			t.Errorf("docs/scan.md has no row for %s", r.ID)
		}
	}
}
