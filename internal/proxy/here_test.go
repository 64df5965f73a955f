package proxy

import (
	"io"
	"net/http"
	"testing"
	"time"
)

// hoarder is a filter that gives nothing before the end.
type hoarder struct{}

func (hoarder) Push(dst, _ []byte) []byte { return dst }
func (hoarder) Close(dst []byte) []byte   { return dst }

// The head of what streams leaves with the first bytes of its body only where those are sure
// to leave at once: here the backend waits, with more or less of a chunk sent.
func TestHeadWaitsForNothing(t *testing.T) {
	plain := func(*http.Request, *Outgoing) {}
	hoards := func(_ *http.Request, out *Outgoing) {
		out.Release = func(int, http.Header, []byte, bool) Content { return Content{Filter: hoarder{}} }
	}
	decodes := func(_ *http.Request, out *Outgoing) {
		out.Release = func(int, http.Header, []byte, bool) Content {
			return Content{Decode: func(r io.Reader) io.Reader {
				return readFunc(func(p []byte) (int, error) { return io.ReadFull(r, p) })
			}}
		}
	}
	const chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
	for _, c := range []struct {
		name, answer string
		edit         func(*http.Request, *Outgoing)
	}{
		{"nothing", chunked + "…", plain}, {"half a size", chunked + "5…", plain}, {"a size", chunked + "5\r\n…", plain},
		{"an end without its trailer", chunked + "0\r\n…", plain}, {"an end in the middle of its trailer", chunked + "00\r\nX: y…", plain},
		{"a byte", chunked + "5\r\nh…", plain}, {"a byte until the end", "HTTP/1.1 200 OK\r\n\r\nh…", plain},
		{"a byte that is kept back", chunked + "5\r\nh…", hoards}, {"too little to decode", chunked + "5\r\nh…", decodes},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := forwarder(t, rawBackend(t, c.answer).url, Options{}, c.edit)
			client := &http.Client{Timeout: 5 * time.Second}
			res, err := client.Get(f.URL)
			if err != nil {
				t.Fatalf("the head waits: %v", err)
			}
			_ = res.Body.Close()
		})
	}
}
