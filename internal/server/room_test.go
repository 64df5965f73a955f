package server

import (
	"bytes"
	"io"
	"strings"
	"testing"

	"github.com/sanmon-gate/sanmon/refusal"
)

// TestRoom: bodies that are read ahead share one bound; what was taken comes back, and a
// body without room is still whole for the forwarder.
func TestRoom(t *testing.T) {
	var shared room
	open := func(size int) *prefixed {
		b := &prefixed{}
		b.reset(io.NopCloser(strings.NewReader(strings.Repeat("x", size))), &shared)
		return b
	}
	small := open(aheadStep)
	if got, whole, err := small.Prefix(1 << 20); len(got) != aheadStep || !whole || err != nil || shared.used.Load() != 0 && shared.used.Load() != aheadStep {
		t.Fatalf("%d %v %v, %d taken", len(got), whole, err, shared.used.Load())
	}
	small.reset(nil, nil)
	big := open(1 << 20)
	if got, whole, err := big.Prefix(1<<20 + 1); len(got) != 1<<20 || !whole || err != nil {
		t.Fatalf("%d %v %v", len(got), whole, err)
	}
	if used := shared.used.Load(); used < 1<<20-aheadStep || used > 1<<20 {
		t.Errorf("%d bytes are taken", used)
	}
	full := open(1 << 20)
	shared.used.Add(maxAhead)
	got, whole, err := full.Prefix(1 << 20)
	if refusal.From(err).Code != refusal.Busy || whole || full.err != nil {
		t.Errorf("%v %v %v", whole, err, full.err)
	}
	if rest, _ := io.ReadAll(io.MultiReader(bytes.NewReader(got), full.src)); len(rest) != 1<<20 {
		t.Errorf("%d bytes are left to forward", len(rest))
	}
	shared.used.Add(-maxAhead)
	big.reset(nil, nil)
	full.reset(nil, nil)
	if used := shared.used.Load(); used != 0 {
		t.Errorf("%d bytes are never given back", used)
	}
}
