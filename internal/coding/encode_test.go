package coding

import (
	"bytes"
	"compress/gzip"
	"io"
	"strings"
	"testing"
)

func TestEncoder(t *testing.T) {
	for _, pieces := range [][]string{nil, {""}, {"a"}, {"hello, ", "", "world"}, {strings.Repeat("the same again ", 1<<16), "x"}} {
		e := Encoder("gzip")
		var coded []byte
		for _, p := range pieces {
			before := len(coded)
			if coded = e.Push(coded, []byte(p)); len(p) > 0 && len(coded) == before {
				t.Errorf("%q was held back", p)
			}
		}
		coded = e.Close(coded)
		r, err := gzip.NewReader(bytes.NewReader(coded))
		if err != nil {
			t.Fatal(err)
		}
		plain, err := io.ReadAll(r)
		if want := strings.Join(pieces, ""); err != nil || string(plain) != want {
			t.Errorf("%d bytes came back as %d (%v)", len(want), len(plain), err)
		}
		if n := len(strings.Join(pieces, "")); n > 1000 && len(coded) > n/20 {
			t.Errorf("%d bytes became %d", n, len(coded))
		}
	}
	if Encoder("br") != nil {
		t.Error("an encoder for br")
	}
}
