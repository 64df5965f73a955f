package wire

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// TestUnreadBodyIsNeverARequest: a handler that answers early, over a body that it
// wrapped, must not make net/http read the rest of the body as the next request
// (client-side desync).
func TestUnreadBodyIsNeverARequest(t *testing.T) {
	const smuggled = "GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n"
	for _, filler := range []int{0, 1000, 256 << 10, 300 << 10} {
		for _, duplex := range []bool{false, true} {
			var served atomic.Int32
			g := start(t, Config{IdleTimeout: 100 * time.Millisecond, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				served.Add(1)
				if duplex {
					_ = http.NewResponseController(w).EnableFullDuplex()
				}
				r.Body = struct{ io.ReadCloser }{r.Body}
				_, _ = io.WriteString(w, r.RequestURI)
			})})
			c := dial(t, g.addr)
			body := smuggled + strings.Repeat("a", filler)
			go func() {
				_, _ = fmt.Fprintf(c, "POST /first HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
			}()
			got := answers(t, c, "", 2)
			if got[0] != "200 /first" || served.Load() != 1 {
				t.Errorf("filler %d, duplex %v: %q, %d requests served", filler, duplex, got, served.Load())
			}
			_ = c.Close()
		}
	}
}
