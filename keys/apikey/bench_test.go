package apikey

import (
	"context"
	"fmt"
	"runtime"
	"testing"
	"time"

	"github.com/sanmon-gate/sanmon/caller"
	"github.com/sanmon-gate/sanmon/secret"
)

// generated is a Loader of n keys that are made as they are read.
type generated struct {
	*memory
	n int
}

func (g generated) EachKey(_ context.Context, yield func(Record) error) error {
	for i := range g.n {
		r := Record{ID: secret.Random62(idSize), Owner: fmt.Sprintf("usr_%020d", i%100_000), Env: "live", Roles: []string{"reader", fmt.Sprint("team", i%50)},
			Limit: "100/s", Pepper: 1, CreatedAt: t0, ExpiresAt: t0.Add(time.Hour)}
		r.MAC[0], r.MAC[1] = byte(i), byte(i>>8)
		if err := yield(r); err != nil {
			return err
		}
	}
	return nil
}

// A million keys fit into 200 MiB. (Issue: at most 250 MiB for the process.)
func TestMillionKeys(t *testing.T) {
	if testing.Short() {
		t.Skip("takes seconds")
	}
	h := build(t)
	before := heap()
	h.Index.store = generated{h.store, 1_000_000}
	start := time.Now()
	if err := h.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	used := float64(heap()-before) / (1 << 20)
	t.Logf("%d keys: %.0f MiB live heap, loaded in %v", h.Len(), used, time.Since(start))
	if h.Len() != 1_000_000 || used > 200 {
		t.Errorf("%d keys take %.0f MiB, want at most 200", h.Len(), used)
	}
}

func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

func BenchmarkJudge(b *testing.B) {
	h := build(b)
	_, key := h.issue(b, Spec{Roles: []string{"reader"}, Limit: "100/s"})
	_, unknown, _ := Generate(Live)
	for _, bb := range []struct {
		name, key string
	}{{"valid", key}, {"unknown", string(unknown.Expose())}, {"mistyped", key[:59] + "!"}} {
		b.Run(bb.name, func(b *testing.B) {
			b.ReportAllocs()
			var c caller.Caller
			for b.Loop() {
				_ = h.Judge(context.Background(), bb.key, home, t0, &c)
			}
		})
	}
}

func BenchmarkParse(b *testing.B) {
	for _, bb := range []struct{ name, key string }{{"right", vector}, {"checksum", vector[:59] + "M"}, {"size", vector[:59]}} {
		b.Run(bb.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				_, _, _ = Parse(bb.key)
			}
		})
	}
}
