package harness

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// Result is what a command printed and how it ended.
type Result struct {
	Stdout, Stderr string
	Exit           int
}

// Run runs a command of sanmon on the gate's configuration, with stdin as its standard
// input.
func (g *Gate) Run(t testing.TB, stdin string, args ...string) Result {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, g.binary, append(args, "-c", g.Path)...)
	cmd.Dir, cmd.Env = g.Dir, append(os.Environ(), g.env...)
	cmd.Stdin = strings.NewReader(stdin)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	r := Result{stdout.String(), stderr.String(), cmd.ProcessState.ExitCode()}
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		t.Fatalf("sanmon %s: %v", strings.Join(args, " "), err)
	}
	return r
}

// RunKilled runs a command and kills it after a while, if it still runs then.
func (g *Gate) RunKilled(t testing.TB, after time.Duration, args ...string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), after)
	defer cancel()
	cmd := exec.CommandContext(ctx, g.binary, append(args, "-c", g.Path)...) // SIGKILL at the end of ctx
	cmd.Dir, cmd.Env = g.Dir, append(os.Environ(), g.env...)
	if err := cmd.Run(); err != nil && cmd.ProcessState == nil {
		t.Fatal(err)
	}
}

// CLI runs a command that must succeed and returns its standard output.
func (g *Gate) CLI(t testing.TB, stdin string, args ...string) string {
	t.Helper()
	r := g.Run(t, stdin, args...)
	if r.Exit != 0 {
		t.Fatalf("sanmon %s: exit %d\n%s%s", strings.Join(args, " "), r.Exit, r.Stdout, r.Stderr)
	}
	return r.Stdout
}

// CLIJSON runs a command with --json and decodes its output.
func (g *Gate) CLIJSON(t testing.TB, into any, stdin string, args ...string) {
	t.Helper()
	out := g.CLI(t, stdin, append(args, "--json")...)
	if err := json.Unmarshal([]byte(out), into); err != nil {
		t.Fatalf("sanmon %s --json: %v\n%s", strings.Join(args, " "), err, out)
	}
}

// AddUser makes a user with Password and returns its id.
func (g *Gate) AddUser(t testing.TB, email string, roles ...string) string {
	t.Helper()
	args := []string{"user", "add", "--email", email, "--password-stdin"}
	for _, r := range roles {
		args = append(args, "--role", r)
	}
	var u struct{ ID string }
	g.CLIJSON(t, &u, Password+"\n", args...)
	if u.ID == "" {
		t.Fatal("user add printed no id")
	}
	return u.ID
}

// Key is an API key as it is printed once.
type Key struct{ ID, Key string }

// AddKey makes an API key. args are further flags.
func (g *Gate) AddKey(t testing.TB, owner string, args ...string) Key {
	t.Helper()
	var k Key
	g.CLIJSON(t, &k, "", append([]string{"key", "create", "--owner", owner}, args...)...)
	if len(k.Key) != 60 {
		t.Fatalf("key create printed a key of %d characters", len(k.Key))
	}
	return k
}
