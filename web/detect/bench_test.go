package detect

import (
	"strings"
	"testing"
)

func BenchmarkGate(b *testing.B) {
	for name, raw := range map[string]string{
		"typical": "q=annual+report+2026&page=2&sort=-created_at&next=%2Faccount%2F",
		"path":    "/notes/018f2a3c-77aa-7c3e-9d1c-5b1f0d4d2f11/comments",
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if Gate(raw) {
					b.Fatal("stopped")
				}
			}
		})
	}
}

func BenchmarkDetector(b *testing.B) {
	page := []byte(strings.Repeat(`<li class="row"><a href="/notes/1">The gate gives one verdict</a> and nothing is guessed.</li>`, 200))
	var v Values
	v.Add(Query, "q", `<script>alert(1)</script>`)
	b.SetBytes(int64(len(page)))
	b.ReportAllocs()
	dst := make([]byte, 0, len(page))
	for b.Loop() {
		d := New(&v, nil)
		dst = d.Push(dst[:0], page)
		d.Close(nil)
	}
}
