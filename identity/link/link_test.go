package link

import (
	"crypto/sha256"
	"strings"
	"testing"
	"time"
)

func TestParse(t *testing.T) {
	text, hash := New()
	if got, ok := Parse(string(text.Expose())); !ok || got != hash || hash != sha256.Sum256(text.Expose()) {
		t.Errorf("a new link: %v", ok)
	}
	if another, _ := New(); another.Equal(text) {
		t.Error("two links are the same")
	}
	good := "sml_" + strings.Repeat("a", 43)
	for text, want := range map[string]bool{
		good: true, "": false, "sml_": false, good[:46]: false, good + "a": false, "SML_" + good[4:]: false, "smk_" + good[4:]: false,
		good[:46] + "-": false, good[:46] + "\x00": false, " " + good[1:]: false, good[:46] + "é": false,
	} {
		if _, ok := Parse(text); ok != want {
			t.Errorf("%q: %v", text, ok)
		}
	}
}

func TestLife(t *testing.T) {
	for kind, want := range map[Kind]time.Duration{Reset: 30 * time.Minute, Invite: 72 * time.Hour, Signup: 24 * time.Hour, "other": 30 * time.Minute} {
		if kind.Life() != want {
			t.Errorf("%s: %v", kind, kind.Life())
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add("sml_" + strings.Repeat("a", 43))
	f.Fuzz(func(t *testing.T, s string) {
		if _, ok := Parse(s); ok && len(s) != 47 {
			t.Errorf("%q was taken", s)
		}
	})
}
