//go:build unix

package scan

import (
	"bytes"
	"context"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// TestHostileTree: whoever wrote a tree may want the scan of it to hang, or its output to
// say something else.
func TestHostileTree(t *testing.T) {
	key := newKey(t)
	dir := tree(t, map[string][]byte{
		"evil.py\n0 findings\x1b[2K\u202e.txt": []byte(key),
		"site-packages\x1b[2K/x.txt":           nil,
	})
	pipe := filepath.Join(dir, "pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Skip(err)
	}
	r, s := &Report{}, New(false)
	for _, path := range []string{dir, pipe} { // as a root it is opened
		if err := s.Path(context.Background(), r, path); err != nil {
			t.Fatal(err)
		}
	}
	if len(r.Findings) != 1 || len(r.Notes) != 1 {
		t.Fatalf("%d findings, notes %q", len(r.Findings), r.Notes)
	}
	if f := r.Findings[0].File; strings.ContainsAny(f, "\n\x1b\u202e") {
		t.Errorf("the name is printed as %q", f)
	}
}

// TestOneLine: of a line without end no more is looked at for each finding than around it,
// and the secrets there are masked.
func TestOneLine(t *testing.T) {
	secret := "-----BEGIN RSA PRIVATE KEY-----" + strings.Repeat("A", 9000)
	line := bytes.Repeat([]byte(secret+" "), 200)
	r := &Report{}
	New(false).Text(r, "one.txt", append(line, " # sanmon:allow private-key far away"...))
	if len(r.Findings) != 200 {
		t.Fatalf("%d findings", len(r.Findings))
	}
	for i, f := range r.Findings {
		if f.Line != 1 || f.Column != 1+i*(len(secret)+1) || strings.Contains(f.Excerpt, "AAAA") {
			t.Fatalf("%d: line %d, column %d: %q", i, f.Line, f.Column, f.Excerpt)
		}
	}
}
