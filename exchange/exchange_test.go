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

// watch is a filter that changes nothing.
type watch struct {
	seen   []byte
	closed int
}

func (w *watch) Look(src []byte)             { w.seen = append(w.seen, src...) }
func (w *watch) Push(dst, src []byte) []byte { w.Look(src); return append(dst, src...) }
func (w *watch) Close(dst []byte) []byte     { w.closed++; return dst }

// A chain is the filters one after another, whatever the pieces. A watcher sees what
// stands at its place.
func TestChain(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		pieces := rapid.SliceOf(rapid.SliceOf(rapid.SampledFrom([]byte("abc")))).Draw(rt, "pieces")
		filters := rapid.SliceOfN(rapid.SampledFrom([]byte("abcww")), 0, 5).Draw(rt, "filters")
		nested := rapid.IntRange(0, len(filters)).Draw(rt, "nested")
		want := bytes.Join(pieces, nil)
		var list, inner []Filter
		var watchers []*watch
		var seen [][]byte
		for i, c := range filters {
			var f Filter = &hold{c: c}
			if c == 'w' {
				w := &watch{}
				f, watchers, seen = w, append(watchers, w), append(seen, want)
			} else {
				want = bytes.ReplaceAll(want, []byte{c}, []byte{c, c})
			}
			if i < nested {
				inner = append(inner, f)
			} else {
				list = append(list, f)
			}
		}
		chain := NewChain(append([]Filter{NewChain(inner...)}, list...)...)
		var got []byte
		for _, p := range pieces {
			got = chain.Push(got, p)
		}
		if got = chain.Close(got); !bytes.Equal(got, want) {
			rt.Fatalf("%q, want %q", got, want)
		}
		for i, w := range watchers {
			if !bytes.Equal(w.seen, seen[i]) || w.closed != 1 {
				rt.Fatalf("watcher %d saw %q, want %q; closed %d times", i, w.seen, seen[i], w.closed)
			}
		}
	})
}

func TestFirst(t *testing.T) {
	h := Header{"A": {"1", "2"}, "B": {}}
	if First(h, "A") != "1" || First(h, "B") != "" || First(h, "C") != "" {
		t.Error("First")
	}
}

// What passes between the filters of a chain uses the same memory again, and is small even
// where a filter makes much of its bytes.
func TestChainAllocates(t *testing.T) {
	page, dst := bytes.Repeat([]byte("a"), 64<<10), make([]byte, 0, 1<<20)
	chain := NewChain(blind{}, doubler{}, doubler{}, blind{})
	if n := testing.AllocsPerRun(20, func() { chain.Push(dst, page) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
	if n := cap(chain.between[0]); n > 3*piece {
		t.Errorf("%d bytes between two filters", n)
	}
}

// blind is a watcher that sees nothing.
type blind struct{}

func (blind) Look([]byte)                 {}
func (blind) Push(dst, src []byte) []byte { return append(dst, src...) }
func (blind) Close(dst []byte) []byte     { return dst }

// doubler makes two bytes of each.
type doubler struct{}

func (doubler) Push(dst, src []byte) []byte { return append(append(dst, src...), src...) }
func (doubler) Close(dst []byte) []byte     { return dst }
