package e2e_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sanmon-gate/sanmon/e2e/harness"
)

const everything = "  - { id: all, match: { path: \"/{rest...}\", methods: [GET, POST, PUT] }, boundary: public, " + open + " }\n"

// TestBrokenBackends: whatever a backend does, the client gets the declared refusal and
// reads nothing about addresses or causes.
func TestBrokenBackends(t *testing.T) {
	say := func(s string) func(net.Conn) {
		return func(c net.Conn) { _, _ = http.ReadRequest(bufio.NewReader(c)); _, _ = io.WriteString(c, s) }
	}
	for _, row := range []struct {
		what  string
		serve func(net.Conn)
		code  string
	}{
		{"closes at once", func(net.Conn) {}, "upstream_unreachable"},
		{"closes after the request", say(""), "upstream_unreachable"},
		{"no HTTP", say("nonsense\r\n\r\n"), "upstream_unreachable"},
		{"half a head", say("HTTP/1.1 200 OK\r\nContent-Le"), "upstream_unreachable"},
		{"bad length", say("HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n"), "upstream_unreachable"},
		{"a head without end", func(c net.Conn) {
			_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\n")
			for range 4096 {
				if _, err := io.WriteString(c, "X-Fill: "+strings.Repeat("x", 4096)+"\r\n"); err != nil {
					return
				}
			}
		}, "upstream_unreachable"},
		{"silent", func(c net.Conn) { _, _ = io.Copy(io.Discard, c) }, "upstream_timeout"},
	} {
		t.Run(row.what, func(t *testing.T) {
			t.Parallel()
			url := listen(t, row.serve)
			g := harness.StartGate(t, harness.Options{Upstreams: map[string]string{"app": fmt.Sprintf("{ url: %q, timeout: 1s }", url)}, Routes: everything})
			start := time.Now()
			a := g.Client(t).Get(t, "/x")
			status := map[string]int{"upstream_unreachable": 502, "upstream_timeout": 504}[row.code]
			want(t, row.what, a, status, row.code)
			if took := time.Since(start); took > 5*time.Second {
				t.Errorf("answered after %v", took)
			}
			if body := string(a.Body); strings.Contains(body, "127.0.0.1") || strings.Contains(body, "dial") || strings.Contains(body, "EOF") {
				t.Errorf("the client reads %s", body)
			}
		})
	}
}

// TestBackendDiesInTheMiddle: a cut answer stays visibly cut.
func TestBackendDiesInTheMiddle(t *testing.T) {
	url := listen(t, func(c net.Conn) {
		_, _ = http.ReadRequest(bufio.NewReader(c))
		_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n")
		time.Sleep(100 * time.Millisecond)
	})
	g := harness.StartGate(t, harness.Options{Upstream: url, Routes: everything})
	c := g.Client(t)
	a, err := c.Try(c.Request(t, "GET", "/x", nil))
	if err == nil {
		t.Errorf("a cut answer looks complete: %d %q", a.Status, a.Body)
	}
}

// TestBackendComesBack: 502 while it is away, and no memory of it afterwards; requests
// that are safe to repeat do not fail on a stale connection.
func TestBackendComesBack(t *testing.T) {
	port, err := harness.FreePort()
	if err != nil {
		t.Fatal(err)
	}
	g := harness.StartGate(t, harness.Options{Upstream: fmt.Sprintf("http://127.0.0.1:%d", port), Routes: everything})
	c := g.Client(t)
	want(t, "before it starts", c.Get(t, "/x"), 502, "upstream_unreachable")
	for range 3 {
		s := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "ok") })}
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err != nil {
			t.Fatal(err)
		}
		go func() { _ = s.Serve(l) }()
		want(t, "running", c.Get(t, "/x"), 200, "")
		_ = s.Close()
	}
	want(t, "gone again", c.Get(t, "/x"), 502, "upstream_unreachable")
}

// TestUnsafeRequestsAreNotRepeated: a POST reaches the backend once, even when its
// connection dies before the answer.
func TestUnsafeRequestsAreNotRepeated(t *testing.T) {
	var n atomic.Int64
	url := listen(t, func(c net.Conn) {
		r := bufio.NewReader(c)
		for {
			req, err := http.ReadRequest(r)
			if err != nil {
				return
			}
			_, _ = io.Copy(io.Discard, req.Body)
			if req.Method == "POST" {
				n.Add(1)
				return // no answer
			}
			_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
		}
	})
	g := harness.StartGate(t, harness.Options{Upstream: url, Routes: everything})
	c := g.Client(t)
	want(t, "warm connection", c.Get(t, "/x"), 200, "")
	want(t, "POST", c.PostJSON(t, "/x", 1), 502, "upstream_unreachable")
	if n.Load() != 1 {
		t.Errorf("the backend got the POST %d times", n.Load())
	}
}

// TestTrailersAndInformational: what HTTP can carry passes.
func TestTrailersAndInformational(t *testing.T) {
	backend := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Trailer", "X-Checksum")
		w.Header().Set("X-Sent", r.Trailer.Get("X-Sent"))
		_, _ = io.WriteString(w, "body")
		w.(http.Flusher).Flush()
		w.Header().Set("X-Checksum", "abc")
	}))
	t.Cleanup(backend.Close)
	g := harness.StartGate(t, harness.Options{Upstream: backend.URL, Routes: everything})
	c := g.Client(t)
	res, err := c.HTTP.Do(c.Request(t, "GET", "/x", nil, "TE", "trailers"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	b, err := io.ReadAll(res.Body)
	if err != nil || string(b) != "body" || res.Trailer.Get("X-Checksum") != "abc" {
		t.Errorf("body %q, trailers %v, %v", b, res.Trailer, err)
	}
}

// TestHostFromBackend: upstreams.NAME.host, DESIGN §7.
func TestHostFromBackend(t *testing.T) {
	backend := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, r.Host) }))
	t.Cleanup(backend.Close)
	for host, wanted := range map[string]string{"backend": strings.TrimPrefix(backend.URL, "http://"), "preserve": ""} {
		g := harness.StartGate(t, harness.Options{Upstreams: map[string]string{"app": fmt.Sprintf("{ url: %q, host: %s }", backend.URL, host)}, Routes: everything})
		if wanted == "" {
			wanted = publicHost(g)
		}
		if a := g.Client(t).Get(t, "/x"); string(a.Body) != wanted {
			t.Errorf("host: %s: the backend saw %q, want %q", host, a.Body, wanted)
		}
	}
}
