// Package peers_test holds the sources of secrets against what others made for the same
// services: their clients, their servers, their tools. What is not installed is skipped.
package peers_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// python returns the interpreter that has the libraries of AWS and Google, or skips.
func python(t *testing.T) string {
	t.Helper()
	path, err := filepath.Abs("../../../.cache/peers/bin/python")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path); err != nil {
		t.Skip("no libraries of AWS and Google (run scripts/testdeps.sh)")
	}
	return path
}

// command runs a script of testdata with no settings of the machine's owner.
func command(t *testing.T, script string) *exec.Cmd {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), python(t), filepath.Join("testdata", script))
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + t.TempDir(), "AWS_EC2_METADATA_DISABLED=true", "AWS_DEFAULT_REGION=us-east-1", "NO_GCE_CHECK=true"}
	cmd.Stderr = os.Stderr
	return cmd
}

// ask gives a script one JSON value and reads one.
func ask(t *testing.T, script string, in, out any) {
	t.Helper()
	text, err := json.Marshal(in)
	if err != nil {
		t.Fatal(err)
	}
	cmd := command(t, script)
	cmd.Stdin = bytes.NewReader(text)
	answer, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v", script, err)
	}
	if err := json.Unmarshal(answer, out); err != nil {
		t.Fatalf("%s: %v: %.300s", script, err, answer)
	}
}

// serve starts a script that says in one line of JSON where it listens, and goes on until
// its input ends.
func serve(t *testing.T, script string, out any) {
	t.Helper()
	cmd := command(t, script)
	stop, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	lines, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = stop.Close()
		_ = cmd.Wait()
	})
	line, err := bufio.NewReader(lines).ReadBytes('\n')
	if err == nil {
		err = json.Unmarshal(line, out)
	}
	if err != nil {
		t.Fatalf("%s: %v: %.300s", script, err, line)
	}
}
