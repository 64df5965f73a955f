package upstream

import (
	"bufio"
	"bytes"
	"io"
	"maps"
	"net"
	"net/http"
	"slices"
	"testing"
	"time"
)

// script is a connection that delivers fixed bytes, step at a time, and then ends.
type script struct {
	net.Conn
	left []byte
	step int
}

func (s *script) Read(p []byte) (int, error) {
	if len(s.left) == 0 {
		return 0, io.EOF
	}
	n := copy(p[:min(len(p), s.step)], s.left)
	s.left = s.left[n:]
	return n, nil
}
func (s *script) SetReadDeadline(time.Time) error { return nil }
func (s *script) Close() error                    { return nil }

// FuzzResponse: whatever is accepted, the standard library reads the same, ending at the
// same byte, however the bytes arrive. It takes more than we do; nothing that we take may
// mean something else to it.
func FuzzResponse(f *testing.F) {
	const h = "HTTP/1.1 200 OK\r\n"
	for _, s := range []string{
		ok, ok + ok, h + "Transfer-Encoding: chunked\r\nTrailer: T\r\n\r\n1;x=y\r\na\r\n0\r\nT: v\r\nU: w\r\n\r\nHTTP", "HTTP/1.0 200 OK\r\n\r\nbody", "HTTP/1.1 204 No Content\r\nX: a\r\n b\r\n\r\n",
		"HTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\n" + ok, "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", h + "Connection: close, X-A\r\nX-A: 1\r\nx-a: 2\r\n\r\nabc",
		h + "Content-Length: 1\r\nContent-Length: 1\r\n\r\na", h + "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n", "HTTP/1.1 200\r\nContent-Length:\t3 \r\n\r\nabc",
	} {
		f.Add([]byte(s), false, byte(1))
		f.Add([]byte(s), true, byte(255))
	}
	f.Fuzz(func(t *testing.T, answer []byte, head bool, step byte) {
		q := get()
		if head {
			q.Method = "HEAD"
		}
		s := &script{left: answer, step: int(step) + 1}
		c := &conn{net: s, buf: make([]byte, readBuffer), pool: New(Options{}), kill: func() {}}
		r, err := c.answer(q)
		if err != nil {
			return
		}
		r.stop = never
		got := make(map[string][]string)
		for i := range r.Fields() {
			name, value := r.Field(i)
			got[name] = append(got[name], value)
		}
		body, err := io.ReadAll(r)
		if err != nil {
			return
		}
		unread := append(bytes.Clone(c.buf[c.r:c.w]), s.left...)

		br := bufio.NewReaderSize(bytes.NewReader(answer), 1<<20)
		var res *http.Response
		for res == nil || res.StatusCode < 200 {
			if res, err = http.ReadResponse(br, &http.Request{Method: q.Method}); err != nil {
				t.Fatalf("net/http refuses what is accepted: %v", err)
			}
		}
		theirs, err := io.ReadAll(res.Body)
		if err != nil {
			t.Fatalf("net/http refuses a body that is accepted: %v", err)
		}
		rest, _ := io.ReadAll(br)
		if r.Status != res.StatusCode || !bytes.Equal(body, theirs) {
			t.Errorf("%d %q, net/http: %d %q", r.Status, body, res.StatusCode, theirs)
		}
		if r.Status != 204 && !bytes.Equal(unread, rest) { // a 204 ends its connection where anything is said to follow
			t.Errorf("%q follows, net/http: %q", unread, rest)
		}
		want := map[string][]string(res.Header)
		for _, h := range []map[string][]string{got, want} { // what net/http takes out or makes up
			for _, name := range []string{"Transfer-Encoding", "Trailer", "Connection", "Cache-Control", "Content-Length"} {
				delete(h, name)
			}
		}
		if !maps.EqualFunc(got, want, slices.Equal) {
			t.Errorf("fields %q, net/http: %q", got, want)
		}
		for name, values := range r.Trailer {
			if !slices.Equal(values, res.Trailer[name]) {
				t.Errorf("trailer %s: %q, net/http: %q", name, values, res.Trailer[name])
			}
		}
	})
}
