package upstream

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// backend answers each connection with serve, and counts connections.
type backend struct {
	*Pool
	conns atomic.Int32
}

func serve(t testing.TB, o Options, serve func(net.Conn)) *backend {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	b := &backend{}
	var open sync.WaitGroup
	open.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			b.conns.Add(1)
			open.Go(func() { defer c.Close(); serve(c) })
		}
	})
	o.Address, o.DialTimeout = l.Addr().String(), 5*time.Second
	if o.IdleTimeout == 0 {
		o.IdleTimeout = 5 * time.Second
	}
	if o.MaxIdle == 0 {
		o.MaxIdle = 16
	}
	b.Pool = New(o)
	t.Cleanup(func() { b.Close(); _ = l.Close(); open.Wait() })
	return b
}

// request reads one head without a body; false at the end.
func request(c net.Conn) bool { _, ok := head(c); return ok }

func head(c net.Conn) (string, bool) {
	var all []byte
	for b := make([]byte, 1); !strings.HasSuffix(string(all), "\r\n\r\n"); {
		if n, err := c.Read(b); n == 0 || err != nil {
			return string(all), false
		}
		all = append(all, b[0])
	}
	return string(all), true
}

// say answers each request of a connection with the same bytes.
func say(answer string) func(net.Conn) {
	return func(c net.Conn) {
		for request(c) {
			if _, err := io.WriteString(c, answer); err != nil {
				return
			}
		}
	}
}

func get() *Request {
	return &Request{Method: "GET", Target: "/x", Host: "h", Timeout: 5 * time.Second, Idle: 5 * time.Second}
}

// do makes a request and reads the answer as a whole.
func do(t testing.TB, p *Pool, q *Request) (status int, body string, err error) {
	t.Helper()
	r, err := p.Do(context.Background(), q)
	if err != nil {
		return 0, "", err
	}
	defer r.Close()
	all, err := io.ReadAll(r)
	return r.Status, string(all), err
}

const ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

// TestRequestOnTheWire: the order of the fields is fixed, framing is ours, and what ends
// at this hop does not pass.
func TestRequestOnTheWire(t *testing.T) {
	got := make(chan string, 1)
	b := serve(t, Options{}, func(c net.Conn) {
		for h, more := head(c); more; h, more = head(c) {
			if strings.Contains(h, "Length: 3") {
				_, _ = io.CopyN(io.Discard, c, 3)
			}
			got <- h
			_, _ = io.WriteString(c, ok)
		}
	})
	for _, c := range []struct {
		q    Request
		want string
	}{
		{Request{Method: "GET", Target: "/a?b", Host: "h", Header: map[string][]string{"X-B": {"2", ""}, "Accept": {"*/*"}, "User-Agent": nil}}, "GET /a?b HTTP/1.1\r\nHost: h\r\nAccept: */*\r\nX-B: 2\r\nX-B: \r\n\r\n"},
		{Request{Method: "POST", Target: "/", Host: "h"}, "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n"},
		{Request{Method: "DELETE", Target: "/", Host: "h"}, "DELETE / HTTP/1.1\r\nHost: h\r\n\r\n"},
		{Request{Method: "DELETE", Target: "/", Host: "h", Body: []byte("abc")}, "DELETE / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\n"},
		{Request{Method: "GET", Target: "/", Host: "h", Header: map[string][]string{"Content-Length": {"9"}, "Transfer-Encoding": {"chunked"}, "Host": {"evil"}, "Connection": {"x"}, "Upgrade": {"y"}, "Te": {"z"}, "Trailer": {"T"}, "Expect": {"100-continue"}}}, "GET / HTTP/1.1\r\nHost: h\r\n\r\n"},
	} {
		c.q.Timeout, c.q.Idle = 5*time.Second, 5*time.Second
		if _, _, err := do(t, b.Pool, &c.q); err != nil {
			t.Fatal(err)
		}
		if g := <-got; g != c.want {
			t.Errorf("got  %q\nwant %q", g, c.want)
		}
	}
}

// TestRequestsThatWouldSplit never reach the backend.
func TestRequestsThatWouldSplit(t *testing.T) {
	b := serve(t, Options{}, func(c net.Conn) {
		if h, _ := head(c); h != "" {
			t.Errorf("sent %q", h)
		}
	})
	for _, q := range []Request{
		{Method: "GET /", Target: "/", Host: "h"}, {Method: "", Target: "/", Host: "h"}, {Method: "GET", Target: "", Host: "h"},
		{Method: "GET", Target: "/ HTTP/1.1\r\nX: y", Host: "h"}, {Method: "GET", Target: "/a b", Host: "h"}, {Method: "GET", Target: "/", Host: "h\r\nX: y"},
		{Method: "GET", Target: "/", Host: "h", Header: map[string][]string{"X": {"a\r\nY: b"}}},
		{Method: "GET", Target: "/", Host: "h", Header: map[string][]string{"X": {"a\x00"}}},
		{Method: "GET", Target: "/", Host: "h", Header: map[string][]string{"X: y\r\nZ": {"a"}}},
		{Method: "GET", Target: "/", Host: "h", Header: map[string][]string{"X ": {"a"}}},
	} {
		q.Timeout, q.Idle = time.Second, time.Second
		if _, err := b.Do(context.Background(), &q); !isRequest(err) {
			t.Errorf("%+v: %v", q, err)
		}
	}
}

func isRequest(err error) bool { _, ok := errors.AsType[ErrRequest](err); return ok }

// TestAnswers: each form of a body ends where its framing says, and only a connection
// whose answer ended there is used again.
func TestAnswers(t *testing.T) {
	const h = "HTTP/1.1 200 OK\r\n"
	for _, c := range []struct {
		name, method, answer, want string
		again                      bool // the connection
	}{
		{"sized", "GET", ok, "200 ok", true},
		{"no reason", "GET", "HTTP/1.1 200\r\nContent-Length: 2\r\n\r\nok", "200 ok", true},
		{"space, no reason", "GET", "HTTP/1.1 200 \r\nContent-Length: 2\r\n\r\nok", "200 ok", true},
		{"names in any case", "GET", h + "content-LENGTH:2\r\n\r\nok", "200 ok", true},
		{"empty", "GET", h + "Content-Length: 0\r\n\r\n", "200 ", true},
		{"chunked", "GET", h + "Transfer-Encoding: Chunked\r\n\r\n1\r\no\r\n01;a=b\r\nk\r\n0\r\n\r\n", "200 ok", true},
		{"chunked with trailers", "GET", h + "Transfer-Encoding: chunked\r\nTrailer: T\r\n\r\n2\r\nok\r\n0\r\nT: v\r\nU: w\r\n\r\n", "200 ok", true},
		{"until it closes", "GET", h + "\r\nok", "200 ok", false},
		{"HTTP/1.0", "GET", "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok", "200 ok", false},
		{"close", "GET", h + "Connection: x, Close\r\nContent-Length: 2\r\n\r\nok", "200 ok", false},
		{"HEAD", "HEAD", h + "Content-Length: 2\r\n\r\n", "200 ", false},
		{"HEAD, no length", "HEAD", h + "\r\n", "200 ", false},
		{"HEAD chunked", "HEAD", h + "Transfer-Encoding: chunked\r\n\r\n", "200 ", false},
		{"304, length", "GET", "HTTP/1.1 304 Not Modified\r\nContent-Length: 2\r\n\r\n", "304 ", false},
		{"304, chunks", "GET", "HTTP/1.1 304 Not Modified\r\nTransfer-Encoding: chunked\r\n\r\n", "304 ", false},
		{"304", "GET", "HTTP/1.1 304 Not Modified\r\n\r\n", "304 ", true},
		{"204", "GET", "HTTP/1.1 204 No Content\r\n\r\n", "204 ", true},
		{"204, length 0", "GET", "HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n", "204 ", true},
		{"204, length", "GET", "HTTP/1.1 204 No Content\r\nContent-Length: 2\r\n\r\nok", "204 ", false},
		{"204, chunks", "GET", "HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "204 ", false},
		{"HEAD with a body", "HEAD", ok, "200 ", false},
		{"more than its length", "GET", ok + "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil", "200 ok", false},
		{"more behind chunks", "GET", h + "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\nX", "200 ", false},
		{"interim", "GET", "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + ok, "200 ok", true},
	} {
		b := serve(t, Options{}, func(c2 net.Conn) {
			for request(c2) {
				_, _ = io.WriteString(c2, c.answer)
				if strings.HasPrefix(c.name, "until") {
					return
				}
			}
		})
		q := get()
		q.Method = c.method
		for range 2 {
			status, body, err := do(t, b.Pool, q)
			if got := fmt.Sprintf("%d %s", status, body); got != c.want || err != nil {
				t.Errorf("%s: %q, %v; want %q", c.name, got, err, c.want)
			}
		}
		if again := b.conns.Load() == 1; again != c.again {
			t.Errorf("%s: connection used again: %v, want %v", c.name, again, c.again)
		}
	}
}

// TestMalformedHeads: what has two readings has none.
func TestMalformedHeads(t *testing.T) {
	const h = "HTTP/1.1 200 OK\r\n"
	const l = "Content-Length: 2\r\n"
	for _, answer := range []string{
		"secret\r\n\r\n", "\r\n" + ok, "HTTP/2.0 200 OK\r\n\r\n", "HTTP/1.2 200 OK\r\n\r\n", "http/1.1 200 OK\r\n\r\n", "HTTP/1.1  200 OK\r\n\r\n", "HTTP/1.1\t200 OK\r\n\r\n",
		"HTTP/1.1 20 OK\r\n\r\n", "HTTP/1.1 2000 OK\r\n\r\n", "HTTP/1.1 200OK\r\n\r\n", "HTTP/1.1 099 OK\r\n\r\n", "HTTP/1.1 600 OK\r\n\r\n", "HTTP/1.1 -20 OK\r\n\r\n",
		"HTTP/1.1 200 O\x00K\r\n\r\n", "HTTP/1.1 200 O\rK\r\n\r\n", "HTTP/1.1 200 OK\n" + l + "\r\nok", h + "X: y\n\r\n", h + l + "\nok",
		h + "X: y\r\n folded\r\n\r\n", h + " X: y\r\n\r\n", h + "X : y\r\n\r\n", h + ": y\r\n\r\n", h + "X\r\n\r\n", h + "X\x00: y\r\n\r\n", h + "X(: y\r\n\r\n", h + "\xc3\xa4: y\r\n\r\n",
		h + "X: a\x00b\r\n\r\n", h + "X: a\rb\r\n\r\n", h + "X: a\x7fb\r\n\r\n", h + "X: \x1b[2J\r\n\r\n",
		h + l + l + "\r\nok", h + l + "Content-Length: 3\r\n\r\nok", h + "Content-Length: 2, 2\r\n\r\nok", h + "Content-Length: +2\r\n\r\nok", h + "Content-Length: -2\r\n\r\nok",
		h + "Content-Length: 0x2\r\n\r\nok", h + "Content-Length: 2 2\r\n\r\nok", h + "Content-Length:\r\n\r\nok", h + "Content-Length: 9999999999999999999\r\n\r\nok", h + "Content-Length: ２\r\n\r\nok",
		h + l + "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", h + "Transfer-Encoding: chunked\r\n" + l + "\r\n0\r\n\r\n", h + "Transfer-Encoding: gzip\r\n\r\n", h + "Transfer-Encoding: gzip, chunked\r\n\r\n",
		h + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n", h + "Transfer-Encoding: chunked, identity\r\n\r\n", h + "Transfer-Encoding: identity\r\n\r\n", h + "Transfer-Encoding:\r\n\r\n", h + "Transfer-Encoding: \x0bchunked\r\n\r\n",
		"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", h + "Trailer: Content-Length\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
		"HTTP/1.1 101 Switching Protocols\r\n\r\n", "HTTP/1.1 103 Early Hints\r\nContent-Length: 5\r\n\r\n" + ok, "HTTP/1.1 100 Continue\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + ok,
		strings.Repeat("HTTP/1.1 103 Early Hints\r\n\r\n", 9) + ok, h + strings.Repeat("X: y\r\n", 257) + "\r\n", h + "X: " + strings.Repeat("y", 64<<10) + "\r\n\r\n", "HTTP/1.1 200 " + strings.Repeat("y", 70<<10),
	} {
		b := serve(t, Options{}, say(answer))
		q := get()
		q.Repeat = true // malformed is no reason to ask again
		r, err := b.Do(context.Background(), q)
		if err == nil {
			_ = r.Close()
		}
		if _, bad := errors.AsType[Malformed](err); !bad {
			t.Errorf("%.60q: %v", answer, err)
		}
		if b.conns.Load() != 1 || b.Idle() != 0 {
			t.Errorf("%.60q: %d connections, %d kept", answer, b.conns.Load(), b.Idle())
		}
	}
}

// TestMalformedBodies: a body that breaks its framing never looks complete, and its
// connection is not used again.
func TestMalformedBodies(t *testing.T) {
	const h = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
	for _, answer := range []string{
		"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nok", h, h + "2\r\nok", h + "2\r\nok\r\n", h + "2\r\nok\r\n0\r\n", h + "2\r\nok\r\n0\r\nT: v\r\n",
		h + "x\r\n", h + "\r\n", h + "-1\r\n", h + "+2\r\nok\r\n0\r\n\r\n", h + "0x2\r\nok\r\n0\r\n\r\n", h + " 2\r\nok\r\n0\r\n\r\n", h + "2 \r\nok\r\n0\r\n\r\n", h + "2 ;a\r\nok\r\n0\r\n\r\n",
		h + "2\nok\r\n0\r\n\r\n", h + "2\r\nok\n0\r\n\r\n", h + "2\r\nokX\r\n0\r\n\r\n", h + "2\r\nok\r\n0\r\n\n", h + "2\r\nokok\r\n0\r\n\r\n", h + "2;a\x00\r\nok\r\n0\r\n\r\n", h + "2;a\rb\r\nok\r\n0\r\n\r\n",
		h + "ffffffffffffffff\r\nok", h + "0000000000000002\r\nok\r\n0\r\n\r\n", h + "2;" + strings.Repeat("a", 4<<10) + "\r\nok\r\n0\r\n\r\n", h + strings.Repeat("1;"+strings.Repeat("a", 1000)+"\r\nx\r\n", 20) + "0\r\n\r\n",
		h + "0\r\nT v\r\n\r\n", h + "0\r\n T: v\r\n\r\n", h + "0\r\nT: \x00\r\n\r\n", h + "0\r\n" + strings.Repeat("T: v\r\n", 257) + "\r\n", h + "0\r\n" + strings.Repeat("T: "+strings.Repeat("v", 1<<10)+"\r\n", 70) + "\r\n",
	} {
		b := serve(t, Options{}, func(c net.Conn) { request(c); _, _ = io.WriteString(c, answer) })
		if status, body, err := do(t, b.Pool, get()); err == nil || status != 200 {
			t.Errorf("%.70q: %d %q, %v", answer, status, body, err)
		}
		if b.Idle() != 0 {
			t.Errorf("%.70q: its connection is kept", answer)
		}
	}
}

// TestNothingArrivesUnasked: an answer that nobody asked for is not the next request's
// (response queue poisoning).
func TestNothingArrivesUnasked(t *testing.T) {
	sent := make(chan struct{}, 3)
	b := serve(t, Options{}, func(c net.Conn) {
		for request(c) {
			_, _ = io.WriteString(c, ok)
			time.Sleep(20 * time.Millisecond) // a packet of its own, when the first answer was read
			_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil")
			sent <- struct{}{}
		}
	})
	for range 3 {
		if _, body, err := do(t, b.Pool, get()); body != "ok" || err != nil {
			t.Fatalf("%q, %v", body, err)
		}
		<-sent
	}
	if n := b.conns.Load(); n != 3 {
		t.Errorf("%d connections for 3 answers", n)
	}
}

// TestContentBehindHEAD: a backend that sends content for HEAD, later than the head, does not
// write the answer to somebody else's request.
func TestContentBehindHEAD(t *testing.T) {
	for _, head := range []string{"Content-Length: 42\r\n\r\n", "Transfer-Encoding: chunked\r\n\r\n", "\r\n"} {
		b := serve(t, Options{}, func(c net.Conn) {
			for n := 0; request(c); n++ {
				if n == 0 {
					_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\n"+head)
				} else { // what was returned for HEAD, when the next request is there
					_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil")
				}
			}
		})
		q := get()
		q.Method = "HEAD"
		if _, _, err := do(t, b.Pool, q); err != nil {
			t.Fatal(err)
		}
		if b.Idle() != 0 {
			t.Errorf("%q: the connection is kept", head)
		}
	}
}

// TestRepeats: RFC 9112, Section 9.3.1: only on a connection that was kept, that ended
// without a word, and only what may be sent twice.
func TestRepeats(t *testing.T) {
	for _, c := range []struct {
		name   string
		repeat bool
		second string // what the backend does with the second request of a connection
		fails  bool
		sent   int32
	}{
		{"silent end", true, "", false, 2},
		{"silent end, once", false, "", true, 1},
		{"half an answer", true, "HTTP/1.1 2", true, 1},
		{"malformed", true, "nonsense\r\n\r\n", true, 1},
	} {
		var sent atomic.Int32
		b := serve(t, Options{}, func(conn net.Conn) {
			for n := 0; ; n++ {
				h, more := head(conn)
				if !more {
					return
				}
				second := strings.HasPrefix(h, "GET /second")
				if second {
					sent.Add(1)
				}
				if second && n > 0 {
					_, _ = io.WriteString(conn, c.second)
					return
				}
				_, _ = io.WriteString(conn, ok)
			}
		})
		q := get()
		if _, _, err := do(t, b.Pool, q); err != nil {
			t.Fatal(err)
		}
		q.Target, q.Repeat = "/second", c.repeat
		if _, _, err := do(t, b.Pool, q); (err != nil) != c.fails || sent.Load() != c.sent {
			t.Errorf("%s: %v, sent %d times", c.name, err, sent.Load())
		}
	}
}

// TestFreshConnectionsAreNotRepeated: a backend that takes requests and says nothing gets
// each once.
func TestFreshConnectionsAreNotRepeated(t *testing.T) {
	b := serve(t, Options{}, func(c net.Conn) { request(c) })
	q := get()
	q.Repeat = true
	if _, err := b.Do(context.Background(), q); !errors.Is(err, io.ErrUnexpectedEOF) || b.conns.Load() != 1 {
		t.Errorf("%v, %d connections", err, b.conns.Load())
	}
}

func TestTimeouts(t *testing.T) {
	b := serve(t, Options{}, func(c net.Conn) {
		if h, _ := head(c); strings.HasPrefix(h, "GET /body") {
			_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nok")
		} else if strings.HasPrefix(h, "GET /half") {
			_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nX")
		}
		_, _ = c.Read(make([]byte, 1))
	})
	q := get()
	q.Timeout, q.Idle, q.Repeat = 50*time.Millisecond, 50*time.Millisecond, true
	for _, target := range []string{"/silent", "/half"} {
		q.Target = target
		if _, err := b.Do(context.Background(), q); !errors.Is(err, ErrTimeout) {
			t.Errorf("%s: %v", target, err)
		}
	}
	q.Target, q.Timeout = "/body", 5*time.Second
	if _, body, err := do(t, b.Pool, q); body != "ok" || !isTimeout(err) {
		t.Errorf("%q, %v", body, err)
	}
	if n := b.conns.Load(); n != 3 {
		t.Errorf("%d connections for 3 requests", n)
	}
}

// TestIdleConnectionsExpire, are bounded, and end with the pool.
func TestIdleConnectionsExpire(t *testing.T) {
	b := serve(t, Options{IdleTimeout: 30 * time.Millisecond, MaxIdle: 2}, say(ok))
	var open []*Response
	for range 3 {
		r, err := b.Do(context.Background(), get())
		if err != nil {
			t.Fatal(err)
		}
		_ = r.Whole()
		open = append(open, r)
	}
	for _, r := range open {
		_ = r.Close()
		_ = r.Close()
	}
	if n := b.Idle(); n > 2 {
		t.Errorf("%d kept", n)
	}
	eventually(t, "idle connections have expired", func() bool { return b.Idle() == 0 })
	r, err := b.Do(context.Background(), get())
	if err != nil {
		t.Fatal(err)
	}
	b.Close()
	_ = r.Whole()
	_ = r.Close()
	if n := b.Idle(); n != 0 {
		t.Errorf("%d kept after the end", n)
	}
}

func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for range 500 {
		if ok() {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Errorf("never true: %s", what)
}

// TestCancelEndsTheConnection before and behind the head.
func TestCancelEndsTheConnection(t *testing.T) {
	for _, answer := range []string{"", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nok"} {
		told := make(chan struct{})
		asked := make(chan struct{})
		b := serve(t, Options{}, func(c net.Conn) {
			request(c)
			_, _ = io.WriteString(c, answer)
			close(asked)
			_, _ = c.Read(make([]byte, 1))
			close(told)
		})
		ctx, cancel := context.WithCancel(context.Background())
		go func() { <-asked; cancel() }()
		r, err := b.Do(ctx, get())
		if err == nil {
			_, err = io.ReadAll(r)
			_ = r.Close()
		}
		if err == nil {
			t.Errorf("%q: looks complete", answer)
		}
		<-told
	}
}

// TestCut ends a waiting read; afterwards it touches nothing.
func TestCut(t *testing.T) {
	b := serve(t, Options{}, func(c net.Conn) {
		for {
			h, more := head(c)
			if !more {
				return
			}
			if strings.HasPrefix(h, "GET /wait") {
				_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nok")
			} else {
				_, _ = io.WriteString(c, ok)
			}
		}
	})
	q := get()
	q.Target = "/wait"
	r, err := b.Do(context.Background(), q)
	if err != nil {
		t.Fatal(err)
	}
	go r.Cut()
	if _, err := io.ReadAll(r); err == nil {
		t.Error("looks complete")
	}
	_ = r.Close()
	if r, err = b.Do(context.Background(), get()); err != nil {
		t.Fatal(err)
	}
	_ = r.Whole()
	_ = r.Close()
	r.Cut()
	if _, body, err := do(t, b.Pool, get()); body != "ok" || err != nil || b.conns.Load() != 2 {
		t.Errorf("%q, %v, %d connections", body, err, b.conns.Load())
	}
}

// TestStreamsDoNotWait: what has come is given before what follows is there.
func TestStreamsDoNotWait(t *testing.T) {
	for _, parts := range [][]string{
		{"HTTP/1.1 200 OK\r\n\r\na", "b"}, {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na", "\r\n1\r\nb\r\n0\r\n\r\n"},
		{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n", "1\r\nb\r\n0\r\n\r\n"}, {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n1", "\r\nb\r\n0\r\n\r\n"},
		{"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\na", "b"}, {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n", "\r\n"},
	} {
		goOn := make(chan struct{})
		b := serve(t, Options{}, func(c net.Conn) {
			request(c)
			_, _ = io.WriteString(c, parts[0])
			<-goOn
			_, _ = io.WriteString(c, parts[1])
		})
		r, err := b.Do(context.Background(), get())
		if err != nil {
			t.Fatal(err)
		}
		buf := make([]byte, 100)
		if n, err := r.Read(buf); string(buf[:n]) != "a" || err != nil {
			t.Errorf("%q: %q, %v", parts, buf[:n], err)
		}
		close(goOn)
		if rest, err := io.ReadAll(r); err != nil || strings.TrimPrefix(string(rest), "b") != "" {
			t.Errorf("%q: then %q, %v", parts, rest, err)
		}
		_ = r.Close()
	}
}

func TestTrailer(t *testing.T) {
	b := serve(t, Options{}, say("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\ntrailer: t, x-u\r\n\r\n1\r\na\r\n0\r\nt: 1\r\nT: 2\r\nV: 3\r\n\r\n"))
	r, err := b.Do(context.Background(), get())
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if _, err := io.ReadAll(r); err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(r.Trailer); got != "map[T:[1 2] X-U:[]]" {
		t.Error(got)
	}
}

// TestManyAtOnce with cancels in every phase: under the race detector, no answer goes to
// another's request, and nothing is left over.
func TestManyAtOnce(t *testing.T) {
	before := runtime.NumGoroutine()
	b := serve(t, Options{MaxIdle: 8}, func(c net.Conn) {
		for {
			h, more := head(c)
			if !more {
				return
			}
			target := strings.Fields(h)[1]
			_, _ = fmt.Fprintf(c, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(target), target)
		}
	})
	var all sync.WaitGroup
	for i := range 16 {
		all.Go(func() {
			for j := range 50 {
				ctx, cancel := context.WithCancel(context.Background())
				q := get()
				q.Target, q.Repeat = fmt.Sprintf("/%d/%d", i, j), true
				if j%5 == 0 {
					go cancel()
				}
				r, err := b.Do(ctx, q)
				if err == nil {
					var body []byte
					if body, err = io.ReadAll(r); err == nil && string(body) != q.Target {
						t.Errorf("%s got the answer to %s", q.Target, body)
					}
					_ = r.Close()
				}
				if err != nil && ctx.Err() == nil {
					t.Error(err)
				}
				cancel()
			}
		})
	}
	all.Wait()
	b.Close()
	eventually(t, "goroutines are gone", func() bool { return runtime.NumGoroutine() <= before+1 })
}
