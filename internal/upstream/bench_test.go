package upstream

import (
	"bytes"
	"context"
	"io"
	"net"
	"strings"
	"testing"
	"time"
)

const typical = "HTTP/1.1 200 OK\r\nserver: uvicorn\r\ndate: Wed, 25 Nov 2026 14:00:00 GMT\r\ncontent-type: application/json\r\nvary: Cookie\r\ncontent-length: 1024\r\n\r\n"

// BenchmarkHead reads the head of an answer with its body behind it.
func BenchmarkHead(b *testing.B) {
	answer := []byte(typical + strings.Repeat("x", 1024))
	s := &script{step: 1 << 20}
	c := &conn{net: s, buf: make([]byte, readBuffer), kill: func() {}}
	q := get()
	b.ReportAllocs()
	for b.Loop() {
		s.left, c.r, c.w = answer, 0, 0
		r, err := c.answer(q)
		if err != nil || len(r.Whole()) != 1024 {
			b.Fatal(err)
		}
	}
}

// BenchmarkWrite forms a request of a browser with what the gate adds.
func BenchmarkWrite(b *testing.B) {
	q := get()
	q.Header = map[string][]string{
		"User-Agent": {"Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0"}, "Accept": {"application/json"}, "Accept-Language": {"en-GB,en;q=0.7"}, "Accept-Encoding": {"gzip, br"},
		"Sec-Fetch-Dest": {"empty"}, "Sec-Fetch-Mode": {"cors"}, "Sec-Fetch-Site": {"same-origin"}, "Cookie": {strings.Repeat("c", 400)}, "X-Forwarded-For": {"192.0.2.1"}, "X-Forwarded-Proto": {"https"},
		"X-Forwarded-Host": {"app.example.com"}, "X-Request-Id": {"8wf4q59byrj42pedacr2t4t547"}, "Sanmon-Assertion": {strings.Repeat("a", 500)},
	}
	c := &conn{}
	b.ReportAllocs()
	for b.Loop() {
		if err := c.write(q); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkExchange is one whole exchange over loopback, the backend in the same process.
func BenchmarkExchange(b *testing.B) {
	answer := []byte(typical + strings.Repeat("x", 1024))
	p := serve(b, Options{IdleTimeout: time.Minute}, func(c net.Conn) {
		buf := make([]byte, 4<<10)
		for {
			if n, err := c.Read(buf); err != nil || !bytes.HasSuffix(buf[:n], []byte("\r\n\r\n")) {
				return
			}
			_, _ = c.Write(answer)
		}
	})
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	b.ReportAllocs()
	for b.Loop() {
		r, err := p.Do(ctx, get())
		if err != nil {
			b.Fatal(err)
		}
		if r.Whole() == nil {
			_, _ = io.Copy(io.Discard, r)
		}
		_ = r.Close()
	}
}
