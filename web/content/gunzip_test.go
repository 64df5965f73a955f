package content

import (
	"bytes"
	"compress/gzip"
	"strings"
	"testing"
)

func zipped(s string) []byte {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, _ = z.Write([]byte(s))
	_ = z.Close()
	return b.Bytes()
}

func TestGunzip(t *testing.T) {
	const html = "text/html; charset=utf-8"
	long := `["` + strings.Repeat("a", Window) + `"]`
	for _, tt := range []struct {
		name, contentType string
		coded             []byte
		want              string
		finding           Finding
	}{
		{"JSON", html, zipped(`{"a":"<b>"}`), "application/json", JSONCorrected},
		{"page", html, zipped("<p>a"), html, ""},
		{"page without charset", "text/html", zipped("<p>é"), html, CharsetAdded},
		{"page in Latin 1", "text/html", zipped("<p>\xe9 "), "text/html", CharsetMissing},
		{"too long unpacked", html, zipped(long), html, ""},
		{"just not too long", html, zipped(long[:Window-2] + `"]`), "application/json", JSONCorrected},
		{"no gzip", html, []byte(`{"a":1}`), html, ""},
		{"cut short", html, zipped(`{"a":"<b>"}`)[:20], html, ""},
		{"wrong checksum", html, append(zipped(`{"a":"<b>"}`)[:31], 0, 0, 0, 0), html, ""},
		{"empty", html, zipped(""), html, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var z Gunzip
			for range 2 { // the second with a reader that was used before
				if got, finding := z.Settle(tt.contentType, tt.coded); got != tt.want || finding != tt.finding {
					t.Errorf("got %q (%s), want %q (%s)", got, finding, tt.want, tt.finding)
				}
			}
		})
	}
}

func BenchmarkGunzip(b *testing.B) {
	page := zipped("<!doctype html>" + strings.Repeat("<p>The gate gives one verdict.</p>", 600))
	var z Gunzip
	b.ReportAllocs()
	for b.Loop() {
		z.Settle("text/html; charset=utf-8", page)
	}
}
