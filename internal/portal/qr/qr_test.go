package qr

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"
)

// matrix is a code as 0 and 1, row by row.
func matrix(c *Code) string {
	var b strings.Builder
	for y := range c.Size {
		for x := range c.Size {
			if c.Dark(x, y) {
				b.WriteByte('1')
			} else {
				b.WriteByte('0')
			}
		}
	}
	return b.String()
}

// TestSymbols compares every version, and every mask, with another encoder's symbols.
func TestSymbols(t *testing.T) {
	text, err := os.ReadFile("testdata/symbols.txt")
	if err != nil {
		t.Fatal(err)
	}
	rows := 0
	for line := range strings.Lines(string(text)) {
		var n, version, mask int
		var want string
		if _, err := fmt.Sscan(line, &n, &version, &mask, &want); err != nil {
			continue
		}
		rows++
		data := make([]byte, n)
		for i := range data {
			data[i] = byte(32 + (37*i+11)%95)
		}
		c, err := Encode(data)
		if err != nil {
			t.Fatal(err)
		}
		if c.Size != 17+4*version {
			t.Errorf("%d bytes: size %d, want version %d", n, c.Size, version)
			continue
		}
		s := newSymbol(version) // which mask is best is a matter of taste; any can be read
		s.place(interleave(version, codewords(version, data)))
		if matrix(c) != matrix(s.masked(c.Mask)) {
			t.Errorf("%d bytes: Encode does not return its mask", n)
		}
		sum := sha256.Sum256([]byte(matrix(s.masked(mask))))
		if got := hex.EncodeToString(sum[:16]); got != want {
			t.Errorf("%d bytes, version %d, mask %d: another matrix", n, version, mask)
		}
	}
	if rows < 60 {
		t.Errorf("only %d rows", rows)
	}
}

func TestTooLong(t *testing.T) {
	if _, err := Encode(make([]byte, 2331)); err != nil {
		t.Error(err)
	}
	if _, err := Encode(make([]byte, 2332)); !errors.Is(err, ErrTooLong) {
		t.Errorf("got %v", err)
	}
}

// TestPath: the path draws exactly the dark modules.
func TestPath(t *testing.T) {
	c, err := Encode([]byte("otpauth://totp/a:b?secret=GEZDGNBVGY3TQOJQ"))
	if err != nil {
		t.Fatal(err)
	}
	drawn := map[[2]int]bool{}
	strokes := regexp.MustCompile(`M(\d+) (\d+)h(\d+)v1h-(\d+)z`).FindAllStringSubmatch(c.Path(), -1)
	length := 0
	for _, m := range strokes {
		var x, y, n int
		_, _ = fmt.Sscan(m[1]+" "+m[2]+" "+m[3], &x, &y, &n)
		for i := range n {
			drawn[[2]int{x - Quiet + i, y - Quiet}] = true
		}
		length += len(m[0])
	}
	if length != len(c.Path()) {
		t.Error("the path has something else in it")
	}
	for y := range c.Size {
		for x := range c.Size {
			if drawn[[2]int{x, y}] != c.Dark(x, y) {
				t.Fatalf("module %d, %d", x, y)
			}
		}
	}
}

func BenchmarkEncode(b *testing.B) {
	data := []byte("otpauth://totp/app.example.com:alice%40example.com?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=app.example.com")
	b.ReportAllocs()
	for b.Loop() {
		_, _ = Encode(data)
	}
}
