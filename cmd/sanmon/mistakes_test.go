package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sanmon-gate/sanmon/internal/config"
)

// The mistakes of a first hour: each is told with the thing, the reason and the remedy, and
// what is wrong in the command line itself is exit 2.
func TestFirstMistakes(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "sanmon.yaml")
	do := func(stdin, line string) (int, string) {
		var out bytes.Buffer
		code := run(t.Context(), append([]string{"-c", path}, strings.Fields(line)...), strings.NewReader(stdin), &out, &out)
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
		{"user add --email you --role admin", exitUsage, `--email: "you" is not an e-mail address (give one like name@example.com)`}, // before a password is asked for
		{"user invite", exitUsage, "--email is missing (give the address to sign in with)"},
		{"user import /nowhere.csv", exitFailed, "read the input: open /nowhere.csv: no such file or directory (name a file that can be read, or - for standard input)"},
		{"pwned build list.txt", exitUsage, "--out is missing (name the file to write;"},
		{"audit verify --anchor /nowhere", 3, // not verifiable
			"anchor: open /nowhere: no such file or directory (name the file that audit.anchor appends to"},
		{"audit prove 99", exitFailed, "the audit trail has no event 99\nhint: the newest ones are shown by: sanmon audit tail"},
		{"explain get", exitUsage, "the path is missing (as in: sanmon explain GET /)"},
		{"scan", exitUsage, "sanmon scan takes at least one argument, and 0 came"},
		{"init --upstream app -c " + filepath.Join(dir, "new.yaml"), exitUsage, `"app" is not the URL of a backend (write scheme://host or scheme://host:port, like http://127.0.0.1:8000)`},
		{"check -c " + dir, exitFailed, dir + " is not a regular file (name the file itself: -c FILE)"},
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

// What references lead to is told where they stand, all at once.
func TestMissingSecretsHaveTheirPlaces(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "sanmon.yaml")
	var out bytes.Buffer
	check := func(args ...string) (int, string) {
		out.Reset()
		return run(t.Context(), append([]string{"-c", path, "check"}, args...), strings.NewReader(""), &out, &out), out.String()
	}
	if code := run(t.Context(), []string{"-c", path, "init"}, strings.NewReader(""), &out, &out); code != exitOK {
		t.Fatal(out.String())
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	lines := bytes.Count(text, []byte("\n"))
	write := func(more string) {
		t.Helper()
		if err := os.WriteFile(path, append(bytes.Clone(text), more...), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("metrics: { token: env:SANMON_NOT_THERE }\nleaks: { github: { receive: true, token: file:nowhere } }\n")
	want := fmt.Sprintf("%s:%d:19: metrics.token: secret env:SANMON_NOT_THERE: it does not exist (set the environment variable SANMON_NOT_THERE)\n"+
		"%s:%d:42: leaks.github.token: secret file:%s: ", path, lines+1, path, lines+2, filepath.Join(dir, "nowhere"))
	if code, got := check(); code != exitFailed || !strings.HasPrefix(got, want) {
		t.Errorf("exit %d\n%s\nwant\n%s", code, got, want)
	}
	if code, got := check("--json"); code != exitFailed || !strings.Contains(got, fmt.Sprintf(`"line": %d,`, lines+2)) {
		t.Errorf("exit %d\n%s", code, got)
	}
	write("login: { blocklist: pwned.filter }\n")
	want = fmt.Sprintf("%s:%d:21: login.blocklist: open %s: no such file or directory\nhint: make it with: sanmon pwned build", path, lines+1, filepath.Join(dir, "pwned.filter"))
	if code, got := check(); code != exitFailed || !strings.HasPrefix(got, want) {
		t.Errorf("exit %d\n%s\nwant\n%s", code, got, want)
	}
	good := text
	text = bytes.Replace(text, []byte(`:8000" }`), []byte(`:8000", openapi: api.json }`), 1)
	text = bytes.Replace(text, []byte(`boundary: session }`), []byte(`boundary: session, input: { openapi: enforce } }`), 1)
	write("")
	want = fmt.Sprintf("%s:14:49: upstreams.app.openapi: open %s: no such file or directory\nhint: where input.openapi is enforced, everything is refused", path, filepath.Join(dir, "api.json"))
	if code, got := check(); code != exitFailed || !strings.HasPrefix(got, want) {
		t.Errorf("exit %d\n%s\nwant\n%s", code, got, want)
	}
	if err := os.WriteFile(filepath.Join(dir, "api.json"), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if code, got := check(); code != exitFailed || !strings.HasPrefix(got, path+":14:49: upstreams.app.openapi: ") {
		t.Errorf("exit %d\n%s", code, got)
	}
	text = good
	write("csp: { approved: . }\n")
	if code, got := check(); code != exitFailed || !strings.Contains(got, "csp.approved: "+dir+": is a directory (name a file that the server can read, ") {
		t.Errorf("exit %d\n%s", code, got)
	}
	if err := os.Remove(filepath.Join(dir, "data", "master.key")); err != nil {
		t.Fatal(err)
	}
	write("")
	if code, got := check(); code != exitFailed || !strings.HasPrefix(got, path+":") || !strings.Contains(got, "\nhint: a new installation makes one with: ") {
		t.Errorf("exit %d\n%s", code, got)
	}
}

// A key without role and scope is allowed, since there are routes without require; it is said.
func TestKeyThatGrantsNothingIsTold(t *testing.T) {
	path := filepath.Join(t.TempDir(), "sanmon.yaml")
	for _, tt := range []struct {
		line string
		told bool
	}{
		{"init", false},
		{"key create --owner service:r", true},
		{"key create --owner service:r --scope a:b", false},
		{"key create --owner service:r --canary", false},
	} {
		var out bytes.Buffer
		code := run(t.Context(), append([]string{"-c", path}, strings.Fields(tt.line)...), strings.NewReader(""), &out, &out)
		if told := strings.Contains(out.String(), "note: the key grants nothing"); code != exitOK || told != tt.told {
			t.Errorf("%s: exit %d, %q; told should be %v", tt.line, code, out.String(), tt.told)
		}
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

// init names a page that is there.
func TestFirstPage(t *testing.T) {
	get, post := []string{"GET", "HEAD"}, []string{"POST"}
	for _, tt := range []struct {
		routes []*config.Route
		want   string
	}{
		{[]*config.Route{{Path: "/static/{rest...}", Methods: get}, {Path: "/{rest...}", Methods: get}}, ""},
		{[]*config.Route{{Path: "/notes", Methods: get}, {Path: "/", Methods: get}}, ""},
		{[]*config.Route{{Path: "/static/{rest...}", Methods: get}, {Path: "/add", Methods: post}, {Path: "/notes", Methods: get}, {Path: "/me", Methods: get}}, "/notes"},
		{[]*config.Route{{Path: "/notes/{id}", Methods: get}, {Path: "/", Methods: post}}, "/.sanmon/account"},
	} {
		if got := firstPage(tt.routes); got != tt.want {
			t.Errorf("%q, want %q", got, tt.want)
		}
	}
}
