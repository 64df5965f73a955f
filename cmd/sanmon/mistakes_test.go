package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// The mistakes of a first hour: each is told with the thing, the reason and the remedy, and
// what is wrong in the command line itself is exit 2.
func TestFirstMistakes(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "sanmon.yaml")
	do := func(stdin, line string) (int, string) {
		var out bytes.Buffer
		code := run(t.Context(), append(strings.Fields(line), "-c", path), strings.NewReader(stdin), &out, &out)
		return code, out.String()
	}
	if code, out := do("", "init"); code != exitOK {
		t.Fatalf("init: exit %d, %s", code, out)
	}
	const pw, add = "correct horse battery 42x\n", "user add --email you@example.com --role admin --password-stdin"
	if code, out := do(pw, add); code != exitOK {
		t.Fatalf("%s: exit %d, %s", add, code, out)
	}
	for _, tt := range []struct {
		line string
		code int
		want string
	}{
		{add, exitFailed, "there is a user you@example.com already\nhint: change the roles with: sanmon user roles"},
		{"explain GET / --as session --role admn", exitFailed, "there is no role \"admn\" in " + path + "\nhint: roles are: admin"},
		{"key create --owner reports --role admin", exitUsage, `--owner "reports" is no e-mail address (a program is written service:NAME)`},
		{"key create --owner service:r --role admin --network 1.2.3", exitUsage, `--network: "1.2.3" is no network (write it as`},
		{"key create --owner service:r --role admin --limit 100", exitFailed, `rate "100" has no period`},
		{"key create --owner service:r --role admin --expires 90", exitUsage, `--expires "90" is no time (write 90d, 12h, or never)`},
	} {
		if code, out := do(pw, tt.line); code != tt.code || !strings.Contains(out, tt.want) {
			t.Errorf("%s: exit %d, %q; want %d, %q", tt.line, code, out, tt.code, tt.want)
		}
	}
	if code, out := do("", "service list --json"); code != exitOK || strings.TrimSpace(out) != "[]" { // a key that was not made makes no owner
		t.Errorf("service list: exit %d, %q", code, out)
	}
}

// A configuration that was written by hand has no master key yet. The hint leads on: init
// would refuse, because there is a configuration.
func TestHandWrittenConfigurationGetsItsKey(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "sanmon.yaml")
	if err := os.WriteFile(path, []byte(landingYAML), 0o600); err != nil {
		t.Fatal(err)
	}
	do := func(args ...string) (int, string) {
		var out bytes.Buffer
		code := run(t.Context(), append(args, "-c", path), strings.NewReader(""), &out, &out)
		return code, out.String()
	}
	key := filepath.Join(dir, "data", "master.key")
	if code, out := do("check"); code != exitFailed || !strings.Contains(out, "sanmon keyset master --new "+key+" ") {
		t.Errorf("without a key: exit %d, %q", code, out)
	}
	if code, out := do("keyset", "master", "--new", key); code != exitOK {
		t.Errorf("exit %d, %q", code, out)
	}
	if code, out := do("check"); code != exitOK {
		t.Errorf("with the key: exit %d, %q", code, out)
	}
}
