package upstream

import (
	"context"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
)

// Whatever size the last answer had, the next one is read right; once an answer was large,
// the next one comes as a whole where all of it is there.
func TestWidens(t *testing.T) {
	sizes := []int{100, 20 << 10, 20 << 10, 60 << 10, 100, 20 << 10, 31 << 10, readBuffer, readBuffer - 1, 0, 100}
	b := serve(t, Options{}, func(c net.Conn) {
		for _, n := range sizes {
			if !request(c) {
				return
			}
			_, _ = fmt.Fprintf(c, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", n, strings.Repeat("b", n))
		}
	})
	var c *conn
	var widened int
	for i, n := range sizes {
		r, err := b.Do(context.Background(), get())
		if err != nil {
			t.Fatal(err)
		}
		if c != nil && r.conn != c {
			t.Fatal("another connection")
		}
		c = r.conn
		if c.wide != nil {
			widened++
			if sizes[i-1] < readBuffer-100 {
				t.Errorf("answer %d has a wide buffer behind one of %d bytes", i, sizes[i-1])
			}
		}
		body, err := io.ReadAll(r)
		if err != nil || string(body) != strings.Repeat("b", n) {
			t.Errorf("answer %d: %d of %d bytes, %v", i, len(body), n, err)
		}
		_ = r.Close()
		if len(c.buf) != readBuffer {
			t.Errorf("an idle connection keeps %d bytes", len(c.buf))
		}
	}
	if widened == 0 {
		t.Error("no answer got a wide buffer")
	}
}
