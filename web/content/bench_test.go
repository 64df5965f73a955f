package content

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
)

// records is what an API lists: short strings, numbers, nothing to escape.
func records() []byte {
	var b bytes.Buffer
	b.WriteByte('[')
	for i := range 400 {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `{"id":%d,"email":"ada%d@example.com","name":"Ada Lovelace","active":true,"tags":["a","bc"],"created_at":"2026-11-25T15:28:35Z","balance":%d.25}`, i*7919, i, i)
	}
	return append(b.Bytes(), ']')
}

// prose is what a page of text looks like as JSON.
func prose() []byte {
	s := strings.Repeat("The gate gives one verdict on a request, and nothing of it is guessed. ", 12)
	return []byte(`[{"title":"` + s[:60] + `","body":"` + strings.Repeat(s+`\n\n`, 50) + `"}]`)
}

func BenchmarkEscaper(b *testing.B) {
	for _, bb := range []struct {
		name string
		body []byte
	}{
		{"prose", prose()},
		{"records", records()},
		{"escaping", bytes.ReplaceAll(prose(), []byte("gate"), []byte("<b>g</b>"))},
	} {
		b.Run(bb.name, func(b *testing.B) {
			b.SetBytes(int64(len(bb.body)))
			b.ReportAllocs()
			dst := make([]byte, 0, 2*len(bb.body))
			for b.Loop() {
				var e Escaper
				dst = e.Push(dst[:0], bb.body)
			}
		})
	}
}
