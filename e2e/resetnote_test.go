package e2e_test

import (
	"strings"
	"testing"
)

// TestResetNamesWhatItLeaves: a reset ends sessions and password, and says what else
// somebody who held the account may have left behind.
func TestResetNamesWhatItLeaves(t *testing.T) {
	g := notes(t)
	const who = "left@example.com"
	g.AddUser(t, who, "reader")
	reset := func() string {
		t.Helper()
		r := g.Run(t, "a new passphrase of mine\n", "user", "reset", who, "--password-stdin")
		if r.Exit != 0 {
			t.Fatalf("exit %d: %s", r.Exit, r.Stderr)
		}
		return r.Stderr
	}
	if said := reset(); strings.Contains(said, "note:") {
		t.Errorf("without keys: %s", said)
	}
	g.AddKey(t, who, "--role", "reader")
	if said := reset(); !strings.Contains(said, "note: 1 API keys of "+who+" still work (if the account was in other hands: sanmon key revoke --owner "+who+")") {
		t.Errorf("with a key: %s", said)
	}
	g.CLI(t, "", "key", "revoke", "--owner", who)
	if said := reset(); strings.Contains(said, "note:") {
		t.Errorf("after revocation: %s", said)
	}
}
