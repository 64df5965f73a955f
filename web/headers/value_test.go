package headers

import (
	"strings"
	"testing"
)

// The fast form of the rule and the rule agree at every place of a word.
func TestCleanValue(t *testing.T) {
	for c := range 256 {
		for at := range 20 {
			for _, fill := range []string{"a", "\x80", "\xff", " ", "\t", "~"} {
				v := strings.Repeat(fill, at) + string([]byte{byte(c)}) + strings.Repeat(fill, 19-at)
				want := !(c < 0x20 && c != 0x09 || c == 0x7f)
				if got := cleanValue(v); got != want {
					t.Fatalf("cleanValue(%q) = %v, want %v", v, got, want)
				}
			}
		}
	}
}

func FuzzCleanValue(f *testing.F) {
	f.Add("text/html,application/xhtml+xml\x7f")
	f.Fuzz(func(t *testing.T, v string) {
		if cleanValue(v) != cleanBytes(v) {
			t.Errorf("cleanValue(%q) = %v", v, cleanValue(v))
		}
	})
}
