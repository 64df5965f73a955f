package main

import (
	"bytes"
	"io"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sanmon-gate/sanmon/secret"
	"github.com/sanmon-gate/sanmon/web/csrf"
)

// within is soon, and says how long it took: DESIGN 5.2 gives a revocation 5 s, soon gives a busy
// machine more.
func within(t *testing.T, what string, yes func() bool) {
	t.Helper()
	begin := time.Now()
	soon(t, what, yes)
	t.Logf("%s: after %s", what, time.Since(begin).Round(time.Millisecond))
}

// Every purpose can be dropped or says why not, and nothing else is in the lists.
func TestEveryPurposeHasAWordOnDropping(t *testing.T) {
	known := slices.Sorted(maps.Keys(dropEffect))
	known = append(known, slices.Sorted(maps.Keys(undroppable))...)
	slices.Sort(known)
	if want := slices.Sorted(slices.Values(purposes)); !slices.Equal(known, want) {
		t.Errorf("words for %v, purposes %v", known, want)
	}
}

// Each key that has no states: rotated, its old version holds on; dropped, it is gone from two
// running nodes, and the one in use gives its place to another.
func TestKeysWithoutStatesAreDropped(t *testing.T) {
	dir := t.TempDir()
	nodes := []*runningGate{startGate(t, dir, "step_up"), startGate(t, dir, "step_up")}
	holds := func(purpose string, want ...int) func() bool {
		return func() bool {
			for _, n := range nodes {
				var have []int
				for _, k := range n.node.layers.rings[purpose].All() {
					have = append(have, k.Version)
				}
				if !slices.Equal(have, want) {
					return false
				}
			}
			return true
		}
	}
	for _, purpose := range []string{secret.PurposeCSRF, secret.PurposeDevice, secret.PurposeDPoP, secret.PurposeSession, secret.PurposeRefresh} {
		nodes[0].command("keyset", "rotate", purpose)
		within(t, purpose+" rotated", holds(purpose, 1, 2))
		if out := nodes[0].command("keyset", "drop", purpose, "1"); !strings.Contains(out, dropEffect[purpose]) {
			t.Errorf("%s: %q does not say what it does", purpose, out)
		}
		within(t, purpose+" 1 dropped", holds(purpose, 2))
		nodes[0].command("keyset", "drop", purpose, "2")
		within(t, purpose+" in use dropped", holds(purpose, 3))
		nodes[0].command("keyset", "rotate", purpose)
		nodes[0].command("keyset", "rotate", purpose, "--now")
		within(t, purpose+" replaced", holds(purpose, 5))
	}
	for _, args := range [][]string{{"drop", "csrf", "1"}, {"drop", "csrf", "9"}} { // gone, and never there
		if code := run(t.Context(), append([]string{"-c", filepath.Join(dir, "sanmon.yaml"), "keyset"}, args...), nil, io.Discard, io.Discard); code != exitFailed {
			t.Errorf("%v: %d", args, code)
		}
	}
	for _, args := range [][]string{{"drop", "audit", "1"}, {"rotate", "audit", "--now"}, {"rotate", "pepper", "--now"}, {"drop", "csrf", "0"}, {"drop", "csrf", "1", "--force"}} {
		var errs bytes.Buffer
		if code := run(t.Context(), append([]string{"-c", filepath.Join(dir, "sanmon.yaml"), "keyset"}, args...), nil, io.Discard, &errs); code != exitUsage {
			t.Errorf("%v: %d %s", args, code, &errs)
		}
	}
	if trail := nodes[0].command("audit", "export"); !strings.Contains(trail, "purpose=csrf dropped=1") || !strings.Contains(trail, "purpose=csrf added=3 signs=3 dropped=2") {
		t.Error("the trail does not say what was dropped")
	}
}

// What a dropped key made is refused on a running server: a refresh token, and a CSRF token. The
// session and the access token live on.
func TestWhatADroppedKeyMadeIsRefused(t *testing.T) {
	g := oauthGate(t, t.TempDir(), "")
	ada := g.person("ada", "writer")
	f := g.flow("mobile", "com.example.app:/cb")
	w := f.exchange(f.response(f.authorize(ada.cookie)).Get("code"))
	tokens := g.node.layers.tokens
	page := tokens.Issue(csrf.Session, []byte("binding"), "", time.Now())
	verifies := func() bool {
		_, err := tokens.Verify(page, csrf.Session, [][]byte{[]byte("binding")}, "", time.Now())
		return err == nil
	}
	if w.status != 200 || !verifies() {
		t.Fatalf("before: %d %s, CSRF %v", w.status, w.raw, verifies())
	}
	g.command("keyset", "drop", "csrf", "1")
	within(t, "CSRF", func() bool { return !verifies() })
	g.command("keyset", "drop", "refresh", "1")
	ring := g.node.layers.rings[secret.PurposeRefresh]
	within(t, "refresh", func() bool { _, there := ring.Version(1); return !there })
	g.wantError("of the dropped key", f.refresh(w.RefreshToken), 400, "invalid_grant")
	g.wantReply("the access token", g.get(w.AccessToken), 200, "")
	again := f.exchange(f.response(f.authorize(ada.cookie)).Get("code"))
	if next := f.refresh(again.RefreshToken); next.status != 200 {
		t.Errorf("of the new key: %d %s", next.status, next.raw)
	}
}

// A node that could not read its keys when one was dropped tries again, and does not keep it.
func TestDroppedKeyThatCouldNotBeRead(t *testing.T) {
	dir := t.TempDir()
	g := startGate(t, dir, "step_up")
	master := g.node.layers.master
	right, err := openMaster(t.Context(), g.node.config.Load())
	if err != nil {
		t.Fatal(err)
	}
	wrong, err := secret.NewMaster(secret.NewString(strings.Repeat("w", 31) + "x"))
	if err != nil {
		t.Fatal(err)
	}
	master.Use(wrong)
	g.command("keyset", "drop", "csrf", "1")
	soon(t, "it is said", func() bool { return strings.Contains(g.log.String(), "a server key could not be loaded") })
	ring := g.node.layers.rings[secret.PurposeCSRF]
	if _, there := ring.Version(1); !there {
		t.Fatal("nothing to try again")
	}
	master.Use(right)
	within(t, "read again", func() bool { _, there := ring.Version(1); return !there })
}
