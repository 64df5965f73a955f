package peers_test

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/binary"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sanmon-gate/sanmon/keys/source"
)

const sealed = "s3cret of a file, ümläut 🔑"

// ageRow is one file and what reading it gives: the text above, or an error.
type ageRow struct{ name, err string }

// ageDir is a directory with an identity of age-keygen.
func ageDir(t *testing.T) (dir, recipient string) {
	t.Helper()
	if _, err := exec.LookPath("age"); err != nil {
		t.Skip("no age (run scripts/testdeps.sh)")
	}
	dir = t.TempDir()
	run(t, dir, "", "age-keygen", "-o", "identity")
	return dir, strings.TrimSpace(run(t, dir, "", "age-keygen", "-y", "identity"))
}

func run(t *testing.T, dir, stdin, name string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), name, args...)
	var out, fail bytes.Buffer
	cmd.Dir, cmd.Stdin, cmd.Stdout, cmd.Stderr = dir, strings.NewReader(stdin), &out, &fail
	if err := cmd.Run(); err != nil {
		t.Fatalf("%s %q: %v: %s", name, args, err, &fail)
	}
	return out.String()
}

func read(t *testing.T, dir string, rows []ageRow) {
	t.Helper()
	r := &source.Resolver{Base: dir, Identity: "file:identity"}
	for _, row := range rows {
		v, err := r.Resolve(t.Context(), "age:"+row.name)
		if row.err == "" && (err != nil || string(v.Expose()) != sealed) {
			t.Errorf("%s: %q, %v", row.name, v.Expose(), err)
		}
		if row.err != "" && (err == nil || !strings.Contains(err.Error(), row.err)) {
			t.Errorf("%s: %v, want an error with %q", row.name, err, row.err)
		}
	}
}

// TestAgeTool: what the age command encrypts is read, with the identity file as age-keygen
// writes it.
func TestAgeTool(t *testing.T) {
	t.Parallel()
	dir, us := ageDir(t)
	other := func() string {
		name := filepath.Join(t.TempDir(), "other")
		run(t, dir, "", "age-keygen", "-o", name)
		return strings.TrimSpace(run(t, dir, "", "age-keygen", "-y", name))
	}
	them, third := other(), other()
	run(t, dir, sealed, "age", "-r", us, "-o", "binary")
	run(t, dir, sealed+"\n", "age", "-a", "-r", us, "-o", "armored")
	run(t, dir, sealed, "age", "-a", "-r", them, "-r", us, "-r", third, "-o", "several")
	run(t, dir, sealed, "age", "-r", them, "-r", third, "-o", "foreign")
	run(t, dir, sealed, "age", "-r", sshRecipient(), "-o", "ssh")
	run(t, dir, "", "age", "-r", us, "-o", "empty")
	recipients := us + "\n# a comment\n" + them + "\n"
	if err := os.WriteFile(filepath.Join(dir, "recipients"), []byte(recipients), 0o600); err != nil {
		t.Fatal(err)
	}
	run(t, dir, sealed, "age", "-R", "recipients", "-o", "list")
	// What was armoured once more on the way is not what age wrote.
	run(t, dir, run(t, dir, sealed, "age", "-a", "-r", us), "age", "-a", "-r", them, "-o", "twice")
	read(t, dir, []ageRow{{"binary", ""}, {"armored", ""}, {"several", ""}, {"list", ""}, {"foreign", "not encrypted to the identity"}, {"ssh", "SSH key"}, {"empty", "it is empty"}, {"twice", "not encrypted to the identity"}})
}

// TestRage: the same of another implementation, in Rust, and its files with a passphrase.
func TestRage(t *testing.T) {
	t.Parallel()
	python(t)
	dir, us := ageDir(t)
	files := map[string]string{}
	ask(t, "pyrage_files.py", map[string]string{"text": sealed, "recipient": us, "ssh": sshRecipient()}, &files)
	if len(files) != 6 {
		t.Fatalf("%d files", len(files))
	}
	for name, file := range files {
		b, err := base64.StdEncoding.DecodeString(file)
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, name), b, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	read(t, dir, []ageRow{{"binary", ""}, {"armored", ""}, {"several", ""}, {"foreign", "not encrypted to the identity"}, {"passphrase", "encrypted with a passphrase"}, {"ssh", "SSH key"}})
}

// sshRecipient is a public key as SSH writes it (RFC 8709, Section 4).
func sshRecipient() string {
	public := ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize)).Public().(ed25519.PublicKey)
	var b []byte
	for _, part := range [][]byte{[]byte("ssh-ed25519"), public} {
		b = append(binary.BigEndian.AppendUint32(b, uint32(len(part))), part...)
	}
	return "ssh-ed25519 " + base64.StdEncoding.EncodeToString(b)
}
