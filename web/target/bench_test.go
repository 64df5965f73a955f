package target_test

import (
	"testing"

	"github.com/sanmon-gate/sanmon/web/target"
)

func BenchmarkParse(b *testing.B) {
	for _, bb := range []struct{ name, raw string }{
		{"plain", "/notes/0123456789?page=2&sort=created"},
		{"long", "/api/v1/organisations/acme/projects/4711/documents/0123456789/revisions/12?expand=author,comments&fields=id,title"},
		{"escaped", "/caf%C3%A9/a%20b?page=2"},
	} {
		b.Run(bb.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				t, err := target.Parse("GET", bb.raw)
				if err != nil || t.Admit(target.Options{}) != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkHost(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := target.Host("app.example.com:8443", "https"); err != nil {
			b.Fatal(err)
		}
	}
}

func TestPlainPathsAllocateNothing(t *testing.T) {
	if n := testing.AllocsPerRun(100, func() { _, _ = target.Parse("GET", "/notes/0123456789?page=%202") }); n != 0 {
		t.Errorf("Parse allocates %v times", n)
	}
	if n := testing.AllocsPerRun(100, func() { _, _ = target.Host("app.example.com:8443", "https") }); n != 0 {
		t.Errorf("Host allocates %v times", n)
	}
}
