package server

import (
	"io"
	"strings"
	"testing"
)

// A second look may be longer than the first, and a shorter one still gets what it asked
// for. Nothing is lost or doubled.
func TestPrefixGrows(t *testing.T) {
	src := strings.NewReader("0123456789")
	var b prefixed
	b.reset(io.NopCloser(src), nil)
	for _, tt := range []struct {
		n     int
		want  string
		whole bool
	}{
		{4, "0123", false}, {8, "01234567", false}, {2, "01", false}, {10, "0123456789", false}, {11, "0123456789", true}, {4, "0123", false}, {99, "0123456789", true},
	} {
		got, whole, err := b.Prefix(tt.n)
		if string(got) != tt.want || whole != tt.whole || err != nil {
			t.Errorf("Prefix(%d) = %q, %v, %v, want %q, %v", tt.n, got, whole, err, tt.want, tt.whole)
		}
	}
}
