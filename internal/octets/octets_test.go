package octets

import (
	"net/textproto"
	"testing"
)

// TestSets: every byte against RFC 9110, Sections 5.5 and 5.6.2, typed again.
func TestSets(t *testing.T) {
	const tchar = "!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	in := map[byte]bool{}
	for i := range len(tchar) {
		in[tchar[i]] = true
	}
	for i := range 256 {
		c := byte(i)
		if IsToken(c) != in[c] || Token(string(c)) != (in[c] && c < 0x80) {
			t.Errorf("%#x: token %v", c, IsToken(c))
		}
		for at := range 17 { // wherever it stands in words of eight
			b := []byte("aaaaaaaaaaaaaaaaa")
			b[at] = c
			if want := c < 0x20 && c != 0x09 || c == 0x7f; Controlled(b) != want {
				t.Errorf("%#x at %d: controlled %v", c, at, !want)
			}
		}
		if want := c >= 0x21 && c <= 0x7e; Visible([]byte{'a', c}) != want {
			t.Errorf("%#x: visible %v", c, !want)
		}
	}
	if Token("") || TokenLen("ab:c") != 2 || Unhex('g') != -1 || Unhex('F') != 15 || Unhex('a') != 10 || Unhex('9') != 9 {
		t.Error("tokens or hex digits")
	}
	if string(Trim([]byte(" \t a b\t "))) != "a b" || len(Trim([]byte(" \t"))) != 0 {
		t.Error("white space")
	}
	if !Fold([]byte("ChunKed"), "chunked") || Fold([]byte("chunkeD "), "chunked") || Fold([]byte("chunker"), "chunked") {
		t.Error("case")
	}
}

// FuzzCanonical: the same as net/textproto for every name that is a token.
func FuzzCanonical(f *testing.F) {
	for _, s := range []string{"content-length", "X-A", "x--b-", "ETAG", "www-authenticate", "x_y-z", "1-a"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, name string) {
		if !Token(name) {
			return
		}
		got := []byte(name)
		if Canonical(got); string(got) != textproto.CanonicalMIMEHeaderKey(name) {
			t.Errorf("%q: %q", name, got)
		}
	})
}

func BenchmarkControlled(b *testing.B) {
	value := []byte("Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0")
	b.ReportAllocs()
	for b.Loop() {
		Controlled(value)
	}
}
