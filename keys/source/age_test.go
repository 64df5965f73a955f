package source

import (
	"bytes"
	"io"
	"os"
	"strings"
	"testing"

	"filippo.io/age"
	"filippo.io/age/armor"
)

func TestAge(t *testing.T) {
	dir := t.TempDir()
	ours, err := age.GenerateX25519Identity()
	must(t, err)
	theirs, err := age.GenerateX25519Identity()
	must(t, err)
	write(t, dir, "identity", "# created by age-keygen\n"+ours.String()+"\n", 0o600)
	write(t, dir, "open-identity", ours.String(), 0o644)
	write(t, dir, "bad-identity", "AGE-SECRET-KEY-1"+canary, 0o600)
	seal := func(name, text string, armoured bool, to ...age.Recipient) {
		var out bytes.Buffer
		var into io.WriteCloser = nopCloser{&out}
		if armoured {
			into = armor.NewWriter(&out)
		}
		w, err := age.Encrypt(into, to...)
		must(t, err)
		_, err = io.WriteString(w, text)
		must(t, err)
		must(t, w.Close())
		must(t, into.Close())
		write(t, dir, name, out.String(), 0o644)
	}
	seal("binary", canary+"\n", false, theirs.Recipient(), ours.Recipient())
	seal("armoured", canary, true, ours.Recipient())
	seal("empty", "", false, ours.Recipient())
	seal("huge", strings.Repeat("x", MaxSize+1), false, ours.Recipient())
	seal("foreign", canary, false, theirs.Recipient())
	whole, err := readNow(dir+"/binary", anyMode, maxAge)
	must(t, err)
	write(t, dir, "cut", string(whole.Expose()[:len(whole.Expose())-3]), 0o644)
	write(t, dir, "flipped", string(whole.Expose()[:len(whole.Expose())-1])+"~", 0o644)
	write(t, dir, "plain", canary, 0o600)
	phrase, err := age.NewScryptRecipient("correct horse")
	must(t, err)
	phrase.SetWorkFactor(2)
	seal("phrase", canary, true, phrase)
	seal("sealed-identity", ours.String(), true, phrase)
	seal("sealed-identity-binary", ours.String(), false, phrase)
	must(t, os.Chmod(dir+"/sealed-identity", 0o600))
	must(t, os.Chmod(dir+"/sealed-identity-binary", 0o600))
	write(t, dir, "ssh-identity", "-----BEGIN OPENSSH PRIVATE KEY-----\n"+canary+"\n-----END OPENSSH PRIVATE KEY-----\n", 0o600)
	hybrid, err := age.GenerateHybridIdentity()
	must(t, err)
	write(t, dir, "hybrid-identity", hybrid.String(), 0o600)
	seal("hybrid", canary, true, hybrid.Recipient())
	write(t, dir, "two-identities", theirs.String()+"\n"+ours.String()+"\n", 0o600)
	armoredFile, err := os.ReadFile(dir + "/armoured")
	must(t, err)
	write(t, dir, "crlf", "\r\n"+strings.ReplaceAll(string(armoredFile), "\n", "\r\n"), 0o644)
	write(t, dir, "mark", "\ufeff"+string(armoredFile), 0o644)
	seal("mark-inside", "\ufeff"+canary, false, ours.Recipient())
	for _, tt := range []struct{ identity, ref, want, err string }{
		{"file:identity", "age:binary", canary, ""},
		{"file:identity", "age:armoured", canary, ""},
		{"file:identity", "age:" + dir + "/binary", canary, ""},
		{"file:two-identities", "age:armoured", canary, ""},
		{"file:two-identities", "age:foreign", canary, ""},
		{"file:hybrid-identity", "age:hybrid", canary, ""},
		{"file:identity", "age:crlf", canary, ""},
		{"file:identity", "age:mark", "", "byte order mark"},
		{"file:identity", "age:mark-inside", "", "byte order mark"},
		{"file:identity", "age:phrase", "", "encrypted with a passphrase"},
		{"file:sealed-identity", "age:binary", "", "it is itself encrypted"},
		{"file:sealed-identity-binary", "age:binary", "", "it is itself encrypted"},
		{"file:ssh-identity", "age:binary", "", "SSH keys are not read"},
		{"file:identity", "age:empty", "", "it is empty"},
		{"file:identity", "age:huge", "", "longer than 65536"},
		{"file:identity", "age:foreign", "", "not encrypted to the identity"},
		{"file:identity", "age:cut", "", "cut or changed"},
		{"file:identity", "age:flipped", "", "changed"},
		{"file:identity", "age:plain", "", "not encrypted to the identity"},
		{"file:identity", "age:nowhere", "", "does not exist"},
		{"file:open-identity", "age:binary", "", "chmod 600"},
		{"file:bad-identity", "age:binary", "", "holds no age identities"},
		{"file:nowhere", "age:binary", "", "does not exist"},
		{"", "age:binary", "", "secrets.age"},
	} {
		v, err := (&Resolver{Base: dir, Identity: tt.identity}).Resolve(t.Context(), tt.ref)
		if tt.err == "" && (err != nil || string(v.Expose()) != tt.want) {
			t.Errorf("%s: %v", tt.ref, err)
		}
		if tt.err != "" && (err == nil || !strings.Contains(err.Error(), tt.err) || strings.Contains(err.Error(), canary)) {
			t.Errorf("%s with %s: %v, want an error with %q", tt.ref, tt.identity, err, tt.err)
		}
	}
}

type nopCloser struct{ io.Writer }

func (nopCloser) Close() error { return nil }

func FuzzLocation(f *testing.F) {
	for _, s := range []string{"a/b#c", "a/b#c?version=1", "a?x=y#c?z=1", "projects/p/secrets/s", "", "#", "?", "a?b", "a//b"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		l, err := parseLocation(s)
		if err != nil {
			if len(s) > 12 && strings.Contains(err.Error(), s) {
				t.Fatalf("the error repeats %q", s)
			}
			return
		}
		for _, segment := range strings.Split(l.Path, "/") {
			if segment == "" || segment == "." || segment == ".." || strings.ContainsAny(segment, "#?% \\") {
				t.Fatalf("%q gives the path %q", s, l.Path)
			}
		}
		if again, err := parseLocation(l.Path); err != nil || again.Path != l.Path {
			t.Fatalf("%q: the path %q does not read", s, l.Path)
		}
	})
}
