package base64url

import (
	"encoding/base64"
	"strings"
	"testing"
)

// The vectors of RFC 4648, Section 10, without padding, and what is not canonical.
func TestAppendDecode(t *testing.T) {
	for _, tt := range []struct {
		in, want string
		ok       bool
	}{
		{"", "", true}, {"Zg", "f", true}, {"Zm8", "fo", true}, {"Zm9v", "foo", true}, {"Zm9vYg", "foob", true}, {"Zm9vYmE", "fooba", true}, {"Zm9vYmFy", "foobar", true}, {"-_-_", "\xfb\xff\xbf", true},
		{"Zg==", "", false}, {"Zg=", "", false}, {"Zh", "", false}, {"Zm9", "", false}, {"Z", "", false}, {"Zm9vY", "", false}, {"Zm9v\n", "", false}, {"Zm\r9v", "", false}, {"Zm 9v", "", false}, {"+/+/", "", false}, {"Zm9\x00", "", false}, {"Zm9é", "", false}, {".m9v", "", false},
	} {
		got, ok := AppendDecode([]byte("x"), tt.in)
		if ok != tt.ok || ok && string(got) != "x"+tt.want {
			t.Errorf("%q: %q, %v", tt.in, got, ok)
		}
	}
}

// FuzzAppendDecode: what is decoded is what the standard library decodes, and is encoded
// to the same text again.
func FuzzAppendDecode(f *testing.F) {
	for _, s := range []string{"", "A", "AA", "AB", "AAA", "AAB", "AAAA", "_-", "AAAA=", "AA\nAA", "AA+/"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got, ok := AppendDecode(nil, s)
		want, err := base64.RawURLEncoding.Strict().DecodeString(s)
		canonical := err == nil && base64.RawURLEncoding.EncodeToString(want) == s
		if ok != canonical || ok && string(got) != string(want) {
			t.Errorf("%q: %x %v, want %x %v", s, got, ok, want, canonical)
		}
	})
}

func BenchmarkAppendDecode(b *testing.B) {
	s, buf := strings.Repeat("Zm9v", 150), make([]byte, 0, 450)
	b.ReportAllocs()
	for b.Loop() {
		if _, ok := AppendDecode(buf, s); !ok {
			b.Fatal("not read")
		}
	}
}
