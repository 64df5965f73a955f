package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestNothingMovesTheCursor: what a file or an argument of somebody else holds is shown, and
// not acted on by a terminal (CWE-150).
func TestNothingMovesTheCursor(t *testing.T) {
	const turns = "\x1b[2J\u009b2J\u202e"
	dir := t.TempDir()
	path := filepath.Join(dir, "bad.yaml")
	if err := os.WriteFile(path, []byte("version: 1\nrouted"+strings.ReplaceAll(turns, "\x1b", "")+": 1\n\"x\\e[2J\": 1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"check", "-c", path}, {"check", "-c", path, "--json"}, {"check", "-c", turns}, {"scan", turns}, {"routes", turns}, {turns}, {"check", "--" + turns}} {
		var out bytes.Buffer
		if code := run(t.Context(), args, strings.NewReader(""), &out, &out); code == exitOK {
			t.Errorf("%q was taken", args)
		}
		if s := out.String(); strings.ContainsAny(s, "\x1b\u009b\u202e") || s == "" {
			t.Errorf("%q: printed %q", args, s)
		}
	}
}
