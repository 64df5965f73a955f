package harness

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// FirewallBinary builds cmd/sanmon with the web application firewall, as "make waf" does,
// once, and returns its path. SANMON_E2E_WAF names one that was built before.
func FirewallBinary(t testing.TB) string {
	t.Helper()
	shared.mu.Lock()
	defer shared.mu.Unlock()
	if shared.firewall == "" && shared.firewallErr == nil {
		shared.firewall, shared.firewallErr = buildFirewall()
	}
	if shared.firewallErr != nil {
		t.Fatalf("build cmd/sanmon with -tags waf: %v", shared.firewallErr)
	}
	return shared.firewall
}

func buildFirewall() (string, error) {
	if path := os.Getenv("SANMON_E2E_WAF"); path != "" {
		return path, nil
	}
	dir, err := shared.tempDir()
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "sanmon-waf")
	cmd := exec.Command("go", "build", "-tags", "waf,no_fs_access", "-o", path, "./cmd/sanmon")
	cmd.Dir, cmd.Env = Root(), append(os.Environ(), "GOWORK="+filepath.Join(Root(), "waf", "go.work"))
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("%w\n%s", err, out)
	}
	return path, nil
}
