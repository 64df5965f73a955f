package main

import (
	"slices"
	"testing"

	"github.com/sanmon-gate/sanmon/identity/factor"
	"github.com/sanmon-gate/sanmon/identity/session"
	"github.com/sanmon-gate/sanmon/internal/storage"
)

// Rotating the master key knows everything that the store holds sealed, and what for.
func TestEverySealedKindHasItsPurpose(t *testing.T) {
	var names []string
	for _, k := range sealedKinds() {
		names = append(names, k.Name)
	}
	if stored := storage.SealedKinds(); !slices.Equal(names, stored) {
		t.Errorf("sealed anew are %v, and the store has %v", names, stored)
	}
	for i, want := range []string{"keyset/csrf", "totp/usr_1", "sanmon/session/jar/v1/ses_1"} {
		if got := sealedKinds()[i].Purpose([]string{"csrf/3", "usr_1", "ses_1"}[i]); got != want {
			t.Errorf("%s is sealed for %q, want %q", names[i], got, want)
		}
	}
	if factor.SealedFor("x") != "totp/x" || session.JarPurpose("x") != "sanmon/session/jar/v1/x" {
		t.Error("the purposes of docs/formats.md have changed: what is stored would not open")
	}
}

// What is sealed with a key that is not there is named; what names no key is not.
func TestMasterView(t *testing.T) {
	v := masterView{Current: "new", Others: []string{"old"}, Sealed: []storage.SealCount{
		{Kind: "totp", Master: "new", Count: 1}, {Kind: "totp", Master: "old", Count: 2}, {Kind: "totp", Master: "lost", Count: 4}, {Kind: "jar", Count: 8},
	}}
	if got := v.foreign(); !slices.Equal(got, []string{"4 totp with lost"}) {
		t.Errorf("foreign %q", got)
	}
	if got := v.left(); got != 14 {
		t.Errorf("%d left, want 14", got)
	}
}
