package apikey

import (
	"bytes"
	"testing"

	"github.com/sanmon-gate/sanmon/caller"
	"github.com/sanmon-gate/sanmon/secret"
)

// BenchmarkJudgeUnderOldPepper is a key that waits to be moved: as fast as any other.
func BenchmarkJudgeUnderOldPepper(b *testing.B) {
	h := build(b)
	_, key := h.issue(b, Spec{})
	ring := secret.NewRing(secret.PurposePepper, secret.Key{Version: 1, Value: secret.New(make([]byte, 32))}, secret.Key{Version: 2, Value: secret.New(bytes.Repeat([]byte{1}, 32))})
	x, err := NewIndex(h.store, Options{Env: Live, Peppers: ring, Owners: h.people, Remacs: h.store})
	if err != nil {
		b.Fatal(err)
	}
	if err := x.Load(b.Context()); err != nil {
		b.Fatal(err)
	}
	var c caller.Caller
	b.ReportAllocs()
	for b.Loop() {
		if err := x.Judge(b.Context(), key, home, t0, &c); err != nil {
			b.Fatal(err)
		}
	}
}
