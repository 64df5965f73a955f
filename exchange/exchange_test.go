package exchange

import (
	"bytes"
	"testing"

	"pgregory.net/rapid"
)

// hold is a filter that doubles a byte and keeps back one piece.
type hold struct {
	c    byte
	held []byte
}

func (h *hold) Push(dst, src []byte) []byte {
	dst = append(dst, h.held...)
	h.held = h.held[:0]
	for _, b := range src {
		h.held = append(h.held, b)
		if b == h.c {
			h.held = append(h.held, b)
		}
	}
	return dst
}

func (h *hold) Close(dst []byte) []byte { return append(dst, h.held...) }

// A chain is the filters one after another, whatever the pieces.
func TestChain(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		pieces := rapid.SliceOf(rapid.SliceOf(rapid.SampledFrom([]byte("abc")))).Draw(rt, "pieces")
		n := rapid.IntRange(0, 3).Draw(rt, "filters")
		var chain Chain
		want := bytes.Join(pieces, nil)
		for i := range n {
			c := "abc"[i]
			chain = append(chain, &hold{c: c})
			want = bytes.ReplaceAll(want, []byte{c}, []byte{c, c})
		}
		var got []byte
		for _, p := range pieces {
			got = chain.Push(got, p)
		}
		if got = chain.Close(got); !bytes.Equal(got, want) {
			rt.Fatalf("%q, want %q", got, want)
		}
	})
}

func TestFirst(t *testing.T) {
	h := Header{"A": {"1", "2"}, "B": {}}
	if First(h, "A") != "1" || First(h, "B") != "" || First(h, "C") != "" {
		t.Error("First")
	}
}
