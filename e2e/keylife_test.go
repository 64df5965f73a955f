package e2e_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"time"

	"filippo.io/age"
	"filippo.io/age/armor"

	"github.com/sanmon-gate/sanmon/e2e/harness"
)

// keyGate is a gate of its own with one guarded route.
func keyGate(t *testing.T, top string) *harness.Gate {
	t.Helper()
	g := harness.StartGate(t, harness.Options{Upstream: plainBackend(t), Routes: stopRoutes, Top: top})
	g.AddUser(t, writer, "writer")
	return g
}

// TestSealedKey: a key that is sealed for an age recipient is printed by no command, opens
// with the recipient's identity, and works.
func TestSealedKey(t *testing.T) {
	t.Parallel()
	g := keyGate(t, "")
	identity, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	hybrid, err := age.GenerateHybridIdentity()
	if err != nil {
		t.Fatal(err)
	}
	var first struct{ ID string }
	for _, row := range []struct {
		to  string
		who age.Identity
	}{{identity.Recipient().String(), identity}, {hybrid.Recipient().String(), hybrid}} {
		var made struct{ ID, Key, Sealed string }
		g.CLIJSON(t, &made, "", "key", "create", "--owner", writer, "--role", "reader", "--seal-to", row.to)
		key := unseal(t, made.Sealed, row.who)
		if made.Key != "" || len(key) != 60 || key[9:21] != made.ID || strings.Contains(made.Sealed, key[22:]) {
			t.Errorf("key create --seal-to: id %s, key in clear %v, %d characters sealed", made.ID, made.Key != "", len(key))
		}
		within(t, boundStop, func() bool { return g.Client(t).Get(t, "/guarded", "X-Api-Key", key).Status == 200 })
		first.ID = made.ID
	}
	var rotated struct{ ID, Key, Sealed string }
	g.CLIJSON(t, &rotated, "", "key", "rotate", first.ID, "--seal-to", identity.Recipient().String())
	if rotated.Key != "" || unseal(t, rotated.Sealed, identity)[9:21] != rotated.ID {
		t.Error("key rotate --seal-to prints the key, or seals another one")
	}
	for _, bad := range []string{identity.String(), "age1nothing", "ssh-ed25519 AAAA", identity.Recipient().String() + "\n#x", "x"} {
		r := g.Run(t, "", "key", "create", "--owner", writer, "--seal-to", bad, "--json")
		if r.Exit != 2 || r.Stdout != "" || strings.Contains(r.Stderr, bad) {
			t.Errorf("--seal-to %.20s: exit %d, %s%s", bad, r.Exit, r.Stdout, r.Stderr)
		}
	}
}

func unseal(t *testing.T, sealed string, who age.Identity) string {
	t.Helper()
	r, err := age.Decrypt(armor.NewReader(strings.NewReader(sealed)), who)
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(b))
}

// TestSealedKeyOpensWithAge: the age command opens what we seal, with an identity of its own
// making.
func TestSealedKeyOpensWithAge(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("age"); err != nil {
		t.Skip("no age (run scripts/testdeps.sh)")
	}
	g := keyGate(t, "")
	run := func(stdin, name string, args ...string) string {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), name, args...)
		var fail bytes.Buffer
		cmd.Dir, cmd.Stdin, cmd.Stderr = g.Dir, strings.NewReader(stdin), &fail
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("%s %q: %v: %s", name, args, err, &fail)
		}
		return string(out)
	}
	run("", "age-keygen", "-o", "identity")
	recipient := strings.TrimSpace(run("", "age-keygen", "-y", "identity"))
	var made, rotated struct{ ID, Sealed string }
	g.CLIJSON(t, &made, "", "key", "create", "--owner", writer, "--role", "reader", "--seal-to", recipient)
	g.CLIJSON(t, &rotated, "", "key", "rotate", made.ID, "--seal-to", recipient)
	for _, file := range []string{made.Sealed, rotated.Sealed} {
		key := strings.TrimSpace(run(file, "age", "-d", "-i", "identity"))
		within(t, boundStop, func() bool { return g.Client(t).Get(t, "/guarded", "X-Api-Key", key).Status == 200 })
	}
}

// TestCanaryKey: it is never valid, looks like any other invalid key to who tries it, and is
// in the trail with the network within moments.
func TestCanaryKey(t *testing.T) {
	t.Parallel()
	g := keyGate(t, "")
	k := g.AddKey(t, writer, "--role", "writer", "--canary", "--note", "lies in the wiki")
	c := g.Client(t)
	ordinary := c.Get(t, "/guarded", "X-Api-Key", flip(k.Key))
	var a harness.Answer
	canary := func() map[string]any {
		for line := range strings.Lines(g.CLI(t, "", "audit", "export")) {
			var ev map[string]any
			if json.Unmarshal([]byte(line), &ev) == nil && ev["event"] == "key.canary" {
				return ev
			}
		}
		return nil
	}
	within(t, boundStop, func() bool { a = c.Get(t, "/guarded", "X-Api-Key", k.Key); return canary() != nil })
	want(t, "a canary", a, 401, "key_invalid")
	noID := func(b []byte) []byte { return regexp.MustCompile(`"request_id":"[^"]*"`).ReplaceAll(b, nil) }
	if !bytes.Equal(noID(a.Body), noID(ordinary.Body)) || a.Header.Get("Www-Authenticate") != ordinary.Header.Get("Www-Authenticate") {
		t.Errorf("a canary can be told from another key:\n%s\n%s", a.Body, ordinary.Body)
	}
	if ev := canary(); ev["key_id"] != k.ID || ev["network"] != "127.0.0.0/24" {
		t.Errorf("the event: %v", ev)
	}
	g.LogWith(t, 5*time.Second, map[string]any{"level": "ERROR", "key_id": k.ID})
	var shown map[string]any
	g.CLIJSON(t, &shown, "", "key", "show", k.ID)
	if shown["canary"] != true || shown["note"] != "lies in the wiki" {
		t.Errorf("key show: %v", shown)
	}
}

// TestRotationSaysWhoIsLate: key show of the new key says that the old one is still used.
func TestRotationSaysWhoIsLate(t *testing.T) {
	t.Parallel()
	g := keyGate(t, "")
	old := g.AddKey(t, writer, "--role", "reader", "--note", "the importer")
	var fresh harness.Key
	g.CLIJSON(t, &fresh, "", "key", "rotate", old.ID, "--overlap", "7d")
	show := func() (v struct {
		Note        string
		Predecessor struct {
			ID        string
			StillUsed bool   `json:"still_used"`
			Network   string `json:"last_used_network"`
			At        string `json:"last_used_at"`
		}
	}) {
		g.CLIJSON(t, &v, "", "key", "show", fresh.ID)
		return v
	}
	if v := show(); v.Predecessor.ID != old.ID || v.Predecessor.StillUsed || v.Note != "the importer" {
		t.Errorf("before: %+v", v)
	}
	c := g.Client(t)
	within(t, boundStop, func() bool { return c.Get(t, "/guarded", "X-Api-Key", old.Key).Status == 200 })
	within(t, 2*boundStop, func() bool { return show().Predecessor.At != "" }) // uses are written every second
	// A use within the minute of the rotation may have been before it.
	if v := show(); v.Predecessor.Network != "127.0.0.0/24" {
		t.Errorf("after: %+v", v)
	}
	for _, overlap := range []string{"7d1s", "8d", "-1h"} {
		if r := g.Run(t, "", "key", "rotate", fresh.ID, "--overlap="+overlap); r.Exit == 0 {
			t.Errorf("an overlap of %s was taken", overlap)
		}
	}
}

// TestRevokeBySelector: by owner, by idleness, by both, and nothing without a selector.
func TestRevokeBySelector(t *testing.T) {
	t.Parallel()
	g := keyGate(t, "")
	g.AddUser(t, reader, "reader")
	for range 2 {
		g.AddKey(t, writer, "--role", "reader")
	}
	kept := g.AddKey(t, reader, "--role", "reader")
	canary := g.AddKey(t, reader, "--role", "reader", "--canary")
	service := g.AddKey(t, "service:sync", "--role", "reader")
	revoked := func(args ...string) int {
		var all []struct {
			ID      string
			Revoked bool
		}
		g.CLIJSON(t, &all, "", append([]string{"key", "revoke"}, args...)...)
		return len(all)
	}
	if n := revoked("--owner", writer, "--all-unused-since", "1h"); n != 0 {
		t.Errorf("%d keys were revoked that were just made", n)
	}
	if n := revoked("--owner", writer); n != 2 {
		t.Errorf("--owner: %d keys, want 2", n)
	}
	if n := revoked("--owner", writer); n != 0 {
		t.Errorf("--owner again: %d keys, want 0", n)
	}
	time.Sleep(1100 * time.Millisecond) // unused for a second
	if n := revoked("--all-unused-since", "1s", "--owner", "service:sync"); n != 1 {
		t.Errorf("both: %d keys, want 1", n)
	}
	if n := revoked("--all-unused-since", "1s"); n != 1 {
		t.Errorf("--all-unused-since: %d keys, want 1, and not the canary", n)
	}
	for id, want := range map[string]bool{kept.ID: true, service.ID: true, canary.ID: false} {
		var v struct {
			RevokedAt string `json:"revoked_at"`
		}
		if g.CLIJSON(t, &v, "", "key", "show", id); (v.RevokedAt != "") != want {
			t.Errorf("key %s: revoked at %q", id, v.RevokedAt)
		}
	}
	for _, args := range []string{"key revoke", "key revoke AAAAAAAAAAAA --owner " + writer, "key revoke --all-unused-since never", "key revoke --all-unused-since 0s"} {
		if r := g.Run(t, "", strings.Fields(args)...); r.Exit != 2 {
			t.Errorf("%s: exit %d", args, r.Exit)
		}
	}
	if r := g.Run(t, "", "key", "revoke", "--owner", "service:ghost"); r.Exit != 1 {
		t.Errorf("an unknown owner: exit %d", r.Exit)
	}
}

// TestLongestLife: keys.max_ttl bounds new keys, and the default follows it.
func TestLongestLife(t *testing.T) {
	g := keyGate(t, "keys: { max_ttl: 30d }")
	for _, row := range []struct {
		expires string
		exit    int
	}{{"31d", 1}, {"never", 1}, {"30d", 0}, {"1h", 0}} {
		if r := g.Run(t, "", "key", "create", "--owner", writer, "--role", "reader", "--expires", row.expires); r.Exit != row.exit {
			t.Errorf("--expires %s: exit %d, want %d\n%s", row.expires, r.Exit, row.exit, r.Stderr)
		}
	}
	k := g.AddKey(t, writer, "--role", "reader")
	var v struct {
		CreatedAt time.Time `json:"created_at"`
		ExpiresAt time.Time `json:"expires_at"`
	}
	g.CLIJSON(t, &v, "", "key", "show", k.ID)
	if life := v.ExpiresAt.Sub(v.CreatedAt); life < 30*24*time.Hour-time.Second || life > 30*24*time.Hour+time.Second {
		t.Errorf("without --expires a key lives for %v", life)
	}
	for _, note := range []string{strings.Repeat("x", 201), "a\nb", "use " + k.Key} {
		if r := g.Run(t, "", "key", "create", "--owner", writer, "--role", "reader", "--note", note); r.Exit != 1 || strings.Contains(fmt.Sprint(r), k.Key[22:]) {
			t.Errorf("a note of %.10q: exit %d\n%s", note, r.Exit, r.Stderr)
		}
	}
}

// TestImportedKey: a key of elsewhere works as it is, is marked, and becomes one of ours by
// rotation. Without its prefix in the configuration nothing is taken for it.
func TestImportedKey(t *testing.T) {
	t.Parallel()
	g := keyGate(t, "keys: { foreign: [\"acme_\"] }")
	const key = "acme_4b1d0f7a2c9e4d5f8a6b"
	var made struct {
		ID   string
		Weak bool
	}
	g.CLIJSON(t, &made, key+"\n", "key", "import", "--owner", "service:old", "--role", "reader", "--note", "from the former gateway")
	c := g.Client(t)
	within(t, boundStop, func() bool { return c.Get(t, "/guarded", "X-Api-Key", key).Status == 200 })
	want(t, "as bearer", c.Get(t, "/guarded", "Authorization", "Bearer "+key), 200, "")
	want(t, "another one", c.Get(t, "/guarded", "X-Api-Key", key+"x"), 401, "key_invalid")
	want(t, "without its prefix", c.Get(t, "/guarded", "X-Api-Key", key[5:]), 401, "key_invalid")
	var shown map[string]any
	if g.CLIJSON(t, &shown, "", "key", "show", made.ID); !made.Weak || shown["weak"] != true || shown["owner"] != "service:old" {
		t.Errorf("shown as %v", shown)
	}
	if r := g.Run(t, "", "check"); !strings.Contains(r.Stdout+r.Stderr, "keys.foreign") {
		t.Error("check says nothing about keys of unknown strength")
	}
	for _, in := range []string{key, "other_4b1d0f7a2c9e4d5f8a6b", "acme_x", ""} {
		if r := g.Run(t, in+"\n", "key", "import", "--owner", "service:old", "--role", "reader"); r.Exit != 1 || in != "" && strings.Contains(r.Stdout+r.Stderr, in) {
			t.Errorf("import of %.8s: exit %d\n%s", in, r.Exit, r.Stderr)
		}
	}
	var fresh harness.Key
	g.CLIJSON(t, &fresh, "", "key", "rotate", made.ID, "--now")
	within(t, boundStop, func() bool {
		return len(fresh.Key) == 60 && c.Get(t, "/guarded", "X-Api-Key", fresh.Key).Status == 200 && c.Get(t, "/guarded", "X-Api-Key", key).Status == 401
	})
	const second = "acme_ffffffffffffffffffff"
	g.CLIJSON(t, &made, second+"\n", "key", "import", "--owner", "service:old", "--role", "reader")
	within(t, boundStop, func() bool { return c.Get(t, "/guarded", "X-Api-Key", second).Status == 200 })
	want(t, "its holder ends it", c.PostJSON(t, "/.sanmon/revoke-key", map[string]string{"key": second}), 204, "")
	want(t, "and it has ended", c.Get(t, "/guarded", "X-Api-Key", second), 401, "key_invalid")
	if out := g.Output() + g.CLI(t, "", "audit", "export"); strings.Contains(out, key[5:]) || strings.Contains(out, second[5:]) {
		t.Error("log or trail show an imported key")
	}
}
