package apikey

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/sanmon-gate/sanmon/caller"
	"github.com/sanmon-gate/sanmon/refusal"
	"github.com/sanmon-gate/sanmon/secret"
)

const elsewhere = "acme_9f8e7d6c5b4a39281706"

func TestImport(t *testing.T) {
	h := build(t)
	prefixes := []string{"acme_", "zp-"}
	if err := h.Foreign(prefixes); err != nil {
		t.Fatal(err)
	}
	spec := Spec{Owner: "usr_1", Env: Live, Roles: []string{"reader"}, Lifetime: time.Hour}
	r, err := h.s.Import(t.Context(), spec, secret.NewString(elsewhere), prefixes, "cli", t0)
	if err != nil || !r.Foreign || strings.Contains(elsewhere, r.ID) {
		t.Fatalf("%+v %v", r, err)
	}
	if _, err := h.s.Import(t.Context(), spec, secret.NewString(elsewhere), prefixes, "cli", t0); !errors.Is(err, ErrImported) {
		t.Errorf("imported again: %v", err)
	}
	for _, tt := range []struct {
		key   string
		after time.Duration
		code  refusal.Code
	}{
		{elsewhere, 0, ""}, {elsewhere, time.Hour, refusal.KeyInvalid}, {elsewhere + "x", 0, refusal.KeyInvalid}, {elsewhere[:24], 0, refusal.KeyInvalid},
		{"zp-" + elsewhere[5:], 0, refusal.KeyInvalid}, {"other_" + elsewhere[5:], 0, refusal.KeyInvalid}, {"acme_", 0, refusal.KeyInvalid}, {"acme_" + strings.Repeat("a", 252), 0, refusal.KeyInvalid},
		{"acme_ 9f8e7d6c5b4a39281706", 0, refusal.KeyInvalid}, {"acme_9f8e7d6c5b4a3928170\x00", 0, refusal.KeyInvalid},
	} {
		var c caller.Caller
		err := h.Judge(t.Context(), tt.key, home, t0.Add(tt.after), &c)
		code := refusal.Code("")
		if err != nil {
			code = refusal.From(err).Code
			if strings.Contains(err.Error(), tt.key[min(5, len(tt.key)):]) && len(tt.key) > 5 {
				t.Errorf("the refusal shows the key: %v", err)
			}
		}
		if code != tt.code || code == "" && c.KeyID != r.ID {
			t.Errorf("%q after %v: %v %v", tt.key, tt.after, code, err)
		}
	}
	for s, want := range map[string]bool{elsewhere: true, "zp-x": true, "acme": false, "": false, vector: true, "eyJ": false} {
		if h.Looks(s) != want {
			t.Errorf("Looks(%q) = %v", s, !want)
		}
	}
	fresh, key, err := h.s.Rotate(t.Context(), r.ID, 0, "cli", t0)
	if err != nil || fresh.Foreign || h.store.keys[fresh.ID].Foreign {
		t.Fatalf("rotated: %+v %v", fresh, err)
	}
	if code, reason, _ := h.judge(t, string(key.Expose()), home, t0); code != "" {
		t.Errorf("the key of our own: %s", reason)
	}
	if found, err := h.s.Report(t.Context(), secret.NewString(elsewhere), "holder", "", t0); err != nil || !found.Ours || found.ID != r.ID {
		t.Errorf("reported: %+v %v", found, err)
	}
	if found, err := h.s.Report(t.Context(), secret.NewString(elsewhere+"x"), "holder", "", t0); err != nil || found.Ours {
		t.Errorf("another one reported: %+v %v", found, err)
	}
	if err := h.Foreign(nil); err != nil || h.Looks(elsewhere) {
		t.Errorf("a prefix that was taken back still counts (%v)", err)
	}
}

func TestImportRefuses(t *testing.T) {
	h := build(t)
	good := Spec{Owner: "usr_1", Env: Live, Roles: []string{"reader"}}
	for name, tt := range map[string]struct {
		key  string
		spec Spec
		says string
	}{
		"short": {"acme_1234", good, "characters"}, "long": {"acme_" + strings.Repeat("a", 252), good, "characters"}, "blank": {"acme_ 9f8e7d6c5b4a39281706", good, "visible ASCII"}, "comma": {"acme_,9f8e7d6c5b4a39281706", good, "comma"},
		"prefix": {"other_9f8e7d6c5b4a39281706", good, "prefixes"}, "canary": {elsewhere, Spec{Owner: "usr_1", Env: Live, Canary: true}, "canary"}, "owner": {elsewhere, Spec{Env: Live}, "owner"},
	} {
		_, err := h.s.Import(t.Context(), tt.spec, secret.NewString(tt.key), []string{"acme_"}, "cli", t0)
		if err == nil || !strings.Contains(err.Error(), tt.says) || strings.Contains(err.Error(), tt.key) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, p := range []string{"", "a", "smk_", "smk_live", "sm", "smr_x", "ey", "eyJhb", "a b", "é", strings.Repeat("a", 17)} {
		if h.Foreign([]string{p}) == nil {
			t.Errorf("the prefix %q was taken", p)
		}
	}
}

// The pepper under which a foreign key was imported stays its pepper.
func TestImportedKeyStaysWithItsPepper(t *testing.T) {
	two := secret.NewRing(secret.PurposePepper, secret.Key{Version: 1, Value: secret.New(make([]byte, 32))}, secret.Key{Version: 2, Value: secret.NewString(strings.Repeat("p", 32))})
	h := build(t)
	if err := h.Foreign([]string{"acme_"}); err != nil {
		t.Fatal(err)
	}
	if _, err := h.s.Import(t.Context(), Spec{Owner: "usr_1", Env: Live, Roles: []string{"reader"}}, secret.NewString(elsewhere), []string{"acme_"}, "cli", t0); err != nil {
		t.Fatal(err)
	}
	x, err := NewIndex(h.store, Options{Env: Live, Peppers: two, Owners: h.people, Remacs: h.store})
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(x.Load(t.Context()), x.Foreign([]string{"acme_"})); err != nil {
		t.Fatal(err)
	}
	var c caller.Caller
	if err := x.Judge(t.Context(), elsewhere, home, t0, &c); err != nil {
		t.Error(err)
	}
	if len(x.remacs.take()) != 0 {
		t.Error("it would move to a pepper under which it cannot be found")
	}
}
