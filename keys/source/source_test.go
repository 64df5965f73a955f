package source

import (
	"context"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"unicode/utf16"

	"github.com/sanmon-gate/sanmon/secret"
)

const canary = "c4nary-v4lue-that-must-not-be-shown"

func TestValid(t *testing.T) {
	for _, ref := range []string{"env:NAME", "env:_n4me", "file:./data/master.key", "file:/run/secrets/x", "file:a:b", "cred:master-key", "cred:a.b",
		"age:./x.age", "vault://secret/app/db#password", "vault://kv/x#y?version=3", "vault://kv/x?kv=1#y", "awssm://prod/db", "awssm://prod/db#password?region=eu-central-1",
		"awssm://arn:aws:secretsmanager:eu-central-1:123456789012:secret:db-AbCdEf#password", "gcpsm://projects/p/secrets/s", "gcpsm://projects/p/secrets/s/versions/4#k"} {
		if err := Valid(ref); err != nil {
			t.Errorf("Valid(%q) = %v", ref, err)
		}
	}
	for _, ref := range []string{
		"", "env:", "env:4NAME", "env:NA-ME", "env:NA ME", "env:A=B", "file:", "file:///etc/x", "file:a\nb", "file:a\x00b",
		"cred:", "cred:.", "cred:..", "cred:../x", "cred:a/b", `cred:a\b`, "cred:a\x00", "ENV:NAME", " env:NAME", "env :NAME",
		"azkv://v/n", "sops:x", "age:", "age:a\nb",
		"vault:secret/x#y", "vault://secret/x", "vault://secret#y", "vault:///x#y", "vault://a//b#y", "vault://a/../b#y", "vault://a/b#", "vault://a/b#y#z", "vault://a/b#y?version=x", "vault://a/b#y?kv=3",
		"vault://a/b#y?kv=1&version=2", "vault://a/b#y?verson=2", "vault://a/b#y?version=1&version=1", "vault://a/b%2f#y", "vault://a/b #y", "awssm://", "awssm://x?region=evil.example/", "awssm://x?a=b",
		"gcpsm://p/s", "gcpsm://projects/p/secrets/s/versions", "gcpsm://projects/p/secrets/s?x=y", "gcpsm://projects/p/secrets/s@evil", "vault://" + canary, "awssm://" + canary + "#", "plain:" + canary, canary, "http://" + canary,
	} {
		err := Valid(ref)
		if err == nil {
			t.Errorf("Valid(%q) = nil", ref)
		} else if strings.Contains(err.Error(), canary) {
			t.Errorf("the error repeats the value: %v", err)
		}
	}
	if err := Valid(canary); !errors.Is(err, ErrLiteral) {
		t.Errorf("literal: %v", err)
	}
	if err := Valid("sops:x"); !errors.Is(err, ErrLater) || !strings.Contains(err.Error(), "this version does not read it") {
		t.Errorf("sops: %v", err)
	}
}

func TestResolve(t *testing.T) {
	dir := t.TempDir()
	r := Resolver{Base: dir, Lookup: func(name string) (string, bool) {
		v, ok := map[string]string{"SET": canary, "EMPTY": "", "MARK": "\ufeff" + canary, "BIG": strings.Repeat("x", MaxSize+1), "CREDENTIALS_DIRECTORY": dir}[name]
		return v, ok
	}}
	write(t, dir, "plain", canary, 0o600)
	write(t, dir, "newline", canary+"\n", 0o640)
	write(t, dir, "crlf", canary+"\r\n", 0o400)
	write(t, dir, "two", canary+"\n\n", 0o600)
	write(t, dir, "empty", "", 0o600)
	write(t, dir, "only-newline", "\n", 0o600)
	write(t, dir, "max", strings.Repeat("x", MaxSize), 0o600)
	write(t, dir, "big", strings.Repeat("x", MaxSize+1), 0o600)
	write(t, dir, "world", canary, 0o644)
	write(t, dir, "group-write", canary, 0o660)
	write(t, dir, "all", canary, 0o666)
	wide := func(s string, order binary.AppendByteOrder) string { // Unicode 16, Section 23.8: U+FEFF first
		b := order.AppendUint16(nil, 0xfeff)
		for _, c := range utf16.Encode([]rune(s)) {
			b = order.AppendUint16(b, c)
		}
		return string(b)
	}
	raw := "\xff\xfe" + strings.Repeat("\x00\x81", 15) // 32 bytes that are no text
	write(t, dir, "mark", "\ufeff"+canary+"\n", 0o600)
	write(t, dir, "mark-alone", "\ufeff", 0o600)
	write(t, dir, "mark-inside", "a\ufeffb", 0o600)
	write(t, dir, "utf16le", wide(canary+"\r\n", binary.LittleEndian), 0o600)
	write(t, dir, "utf16be", wide(canary+"\r\n", binary.BigEndian), 0o600)
	write(t, dir, "raw", raw, 0o600)
	write(t, dir, "raw8", "\xef\xbb\xbf\x80"+raw, 0o600)
	must(t, os.Mkdir(filepath.Join(dir, "dir"), 0o700))
	must(t, os.Symlink("plain", filepath.Join(dir, "link")))
	must(t, os.Symlink("world", filepath.Join(dir, "link-to-world")))
	must(t, os.Symlink("nowhere", filepath.Join(dir, "dangling")))
	must(t, syscall.Mkfifo(filepath.Join(dir, "pipe"), 0o600))

	for _, tt := range []struct{ ref, want, err string }{
		{"env:SET", canary, ""},
		{"env:UNSET", "", "set the environment variable UNSET"},
		{"env:EMPTY", "", "it is empty"},
		{"env:BIG", "", "longer than 65536"},
		{"file:plain", canary, ""},
		{"file:./plain", canary, ""},
		{"file:" + dir + "/plain", canary, ""},
		{"file:newline", canary, ""},
		{"file:crlf", canary, ""},
		{"file:two", canary + "\n", ""},
		{"file:link", canary, ""},
		{"file:max", strings.Repeat("x", MaxSize), ""},
		{"file:mark", "", "byte order mark"},
		{"file:mark-alone", "", "byte order mark"},
		{"file:utf16le", "", "byte order mark"},
		{"file:utf16be", "", "byte order mark"},
		{"cred:mark", "", "byte order mark"},
		{"env:MARK", "", "byte order mark"},
		{"file:mark-inside", "a\ufeffb", ""},
		{"file:raw", raw, ""},
		{"file:raw8", "\xef\xbb\xbf\x80" + raw, ""},
		{"file:empty", "", "it is empty"},
		{"file:only-newline", "", "it is empty"},
		{"file:big", "", "longer than 65536"},
		{"file:world", "", "chmod 600"},
		{"file:link-to-world", "", "chmod 600"},
		{"file:group-write", "", "chmod 600"},
		{"file:all", "", "chmod 600"},
		{"file:dir", "", "is a directory"},
		{"file:pipe", "", "no regular file"},
		{"file:nowhere", "", "does not exist"},
		{"file:dangling", "", "does not exist"},
		{"cred:plain", canary, ""},
		{"cred:world", canary, ""},
		{"cred:nowhere", "", "does not exist"},
		{"cred:dir", "", "is a directory"},
		{canary, "", "not a reference"},
	} {
		v, err := r.Resolve(context.Background(), tt.ref)
		if tt.err == "" && (err != nil || string(v.Expose()) != tt.want) {
			t.Errorf("Resolve(%q): %v", tt.ref, err)
		}
		if tt.err != "" && (err == nil || !strings.Contains(err.Error(), tt.err) || strings.Contains(err.Error(), canary)) {
			t.Errorf("Resolve(%q) = %v, want an error with %q and without the value", tt.ref, err, tt.err)
		}
	}
	if _, err := r.Resolve(context.Background(), "file:nowhere"); !errors.Is(err, ErrAbsent) {
		t.Errorf("nowhere: %v, want ErrAbsent", err)
	}
	without := Resolver{Lookup: func(string) (string, bool) { return "", false }}
	if _, err := without.Resolve(context.Background(), "cred:x"); err == nil || !strings.Contains(err.Error(), "LoadCredential=") {
		t.Errorf("cred: outside systemd: %v", err)
	}
	shared := Resolver{Base: dir, Shared: true}
	for ref, want := range map[string]string{"file:world": "", "file:link-to-world": "", "file:plain": "", "file:group-write": "chmod 600", "file:all": "others than its owner can write", "file:empty": "it is empty"} {
		if v, err := shared.Resolve(context.Background(), ref); want == "" && (err != nil || string(v.Expose()) != canary) || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("shared, Resolve(%q): %v, want %q", ref, err, want)
		}
	}
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := r.Resolve(ended, "file:plain"); !errors.Is(err, context.Canceled) {
		t.Errorf("ended context: %v", err)
	}
}

// Kubernetes swaps the directory behind a link: the next read has the new secret.
func TestSwappedDirectory(t *testing.T) {
	dir := t.TempDir()
	for _, v := range []string{"one", "two"} {
		must(t, os.Mkdir(filepath.Join(dir, v), 0o700))
		write(t, dir, v+"/key", v, 0o600)
	}
	must(t, os.Symlink("one", filepath.Join(dir, "..data")))
	must(t, os.Symlink("..data/key", filepath.Join(dir, "key")))
	r := Resolver{Base: dir}
	for _, want := range []string{"one", "two"} {
		if v, err := r.Resolve(context.Background(), "file:key"); err != nil || string(v.Expose()) != want {
			t.Errorf("got %q, %v, want %q", v.Expose(), err, want)
		}
		must(t, os.Symlink("two", filepath.Join(dir, "..tmp")))
		must(t, os.Rename(filepath.Join(dir, "..tmp"), filepath.Join(dir, "..data")))
	}
}

func TestDecodeMaster(t *testing.T) {
	raw := make([]byte, 32)
	for i := range raw {
		raw[i] = byte(i * 7)
	}
	std := base64.StdEncoding.EncodeToString(raw)
	for _, in := range []string{string(raw), hex.EncodeToString(raw), strings.ToUpper(hex.EncodeToString(raw)), std} {
		if v, err := DecodeMaster(secret.NewString(in)); err != nil || string(v.Expose()) != string(raw) {
			t.Errorf("DecodeMaster(%d characters): %v", len(in), err)
		}
	}
	for _, in := range []string{
		"", "short", string(raw[:31]), string(raw) + "x", hex.EncodeToString(raw)[:62], strings.Repeat("g", 64), std[:43], std[:43] + "\n",
		strings.Repeat("-", 43) + "=", std[:42] + "B=", strings.Repeat("A", 44), strings.Repeat("\x00", 32), strings.Repeat("0", 64), strings.Repeat("x", 32),
	} {
		v, err := DecodeMaster(secret.NewString(in))
		if err == nil {
			t.Errorf("DecodeMaster(%q) = %x", in, v.Expose())
		} else if len(in) > 10 && strings.Contains(err.Error(), in) {
			t.Errorf("the error repeats the key: %v", err)
		}
	}
}

// A raw key is 32 bytes whatever the last one is; text loses its line end as everywhere.
func TestRawMasterFile(t *testing.T) {
	dir := t.TempDir()
	raw := "\x01\x82\xf3" + strings.Repeat("\x9c", 27) // 30 bytes, no text
	for name, tt := range map[string]struct {
		file string
		want string // "" : refused
	}{
		"ends in a line feed":                  {raw + "z\n", raw + "z\n"},
		"ends in a carriage return":            {raw + "z\r", raw + "z\r"},
		"ends in both":                         {raw + "\r\n", raw + "\r\n"},
		"ends in two line feeds":               {raw + "\n\n", raw + "\n\n"},
		"and a line end":                       {raw + "yz\n", raw + "yz"},
		"and a line end of Windows":            {raw + "yz\r\n", raw + "yz"},
		"ends in a line feed and a line end":   {raw + "z\n\n", raw + "z\n"},
		"ends in a carriage return, line end":  {raw + "z\r\n", raw + "z\r"},
		"31 bytes":                             {raw + "z", ""},
		"31 characters and a line end":         {strings.Repeat("ab", 15) + "c\n", ""},
		"30 characters and a line end, CR LF":  {strings.Repeat("ab", 15) + "\r\n", ""},
		"31 characters and a line end, CR LF":  {strings.Repeat("ab", 15) + "c\r\n", ""},
		"64 hexadecimal digits and a line end": {strings.Repeat("0a", 31) + "ff\n", strings.Repeat("\n", 31) + "\xff"},
	} {
		write(t, dir, "k", tt.file, 0o600)
		for _, r := range []*Resolver{{Base: dir}, {Lookup: func(string) (string, bool) { return dir, true }}} {
			ref := "file:k"
			if r.Base == "" {
				ref = "cred:k"
			}
			k := &Keeper{Resolver: r}
			l, err := k.Watch(t.Context(), Watched{Name: "master_key", Ref: ref, Master: true})
			must(t, err)
			v, err := DecodeMaster(l.Held())
			if tt.want == "" && err == nil || tt.want != "" && (err != nil || string(v.Expose()) != tt.want) {
				t.Errorf("%s, %s: %x, %v", name, ref, v.Expose(), err)
			}
		}
		must(t, os.Remove(filepath.Join(dir, "k")))
	}
}

func TestWriteMaster(t *testing.T) {
	path := filepath.Join(t.TempDir(), "master.key")
	must(t, WriteMaster(path))
	info, err := os.Stat(path)
	must(t, err)
	if info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, want 0600", info.Mode())
	}
	before, _ := os.ReadFile(path)
	if err := WriteMaster(path); !errors.Is(err, fs.ErrExist) {
		t.Errorf("a second time: %v, want fs.ErrExist", err)
	}
	if after, _ := os.ReadFile(path); string(after) != string(before) {
		t.Error("the key was replaced")
	}
	r := Resolver{Base: filepath.Dir(path)}
	if _, err := r.Master(context.Background(), "file:master.key"); err != nil {
		t.Errorf("the written key does not read: %v", err)
	}
	must(t, os.Truncate(path, 40)) // half written by somebody else
	if _, err := r.Master(context.Background(), "file:master.key"); err == nil {
		t.Error("half a key reads")
	}
	if err := WriteMaster(filepath.Join(filepath.Dir(path), "no", "master.key")); err == nil {
		t.Error("written into a directory that does not exist")
	}
}

func FuzzValid(f *testing.F) {
	for _, s := range []string{"env:A", "file:x", "cred:y", "vault://", "", ":", "env:"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, ref string) {
		if err := Valid(ref); err != nil && len(ref) > 12 && strings.Contains(err.Error(), ref) {
			t.Fatalf("the error repeats the value %q: %v", ref, err)
		}
	})
}

func write(t *testing.T, dir, name, text string, mode fs.FileMode) {
	t.Helper()
	path := filepath.Join(dir, name)
	must(t, os.WriteFile(path, []byte(text), 0o600))
	must(t, os.Chmod(path, mode)) // past the umask
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
