package proxy

import (
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"
)

// TestIdleConnectionsEndBeforeTheBackendsDo: with an idle timeout below the
// backend's keep-alive, no POST meets a connection that is just being closed,
// wherever in the backend's idle time it falls.
func TestIdleConnectionsEndBeforeTheBackendsDo(t *testing.T) {
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { _, _ = io.Copy(io.Discard, r.Body) }))
	s.Config.IdleTimeout = 200 * time.Millisecond
	s.Start()
	defer s.Close()
	f := forwarder(t, s.URL, Options{IdleTimeout: 150 * time.Millisecond}, nil)
	var clients sync.WaitGroup
	for pause := 100 * time.Millisecond; pause < 260*time.Millisecond; pause += 4 * time.Millisecond {
		clients.Go(func() {
			for range 4 {
				res, err := http.Post(f.URL, "text/plain", strings.NewReader("x"))
				if err != nil {
					t.Error(err)
					return
				}
				_ = res.Body.Close()
				if res.StatusCode != http.StatusOK {
					t.Errorf("pause %s: %d, %v", pause, res.StatusCode, f.failure())
				}
				time.Sleep(pause)
			}
		})
	}
	clients.Wait()
}

// FuzzResponse: whatever a backend sends, the client's header has no hop-by-hop
// field and no control byte, and nothing but an abort panics.
func FuzzResponse(f *testing.F) {
	for _, s := range []string{
		"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: x-a\r\nX-A: b\r\n\r\nok", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: T\r\n\r\n1\r\na\r\n0\r\nT: v\r\n\r\n",
		"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n", "HTTP/1.0 200 OK\r\n\r\nbody", "HTTP/1.1 204 No Content\r\nX: a\r\n b\r\n\r\n",
	} {
		f.Add([]byte(s))
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		f.Fatal(err)
	}
	defer l.Close()
	answers := make(chan []byte, 1)
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			_, _ = c.Read(make([]byte, 4096))
			_, _ = c.Write(<-answers)
			_ = c.(*net.TCPConn).CloseWrite()
			_, _ = io.Copy(io.Discard, c)
			_ = c.Close()
		}
	}()
	b, err := New(Options{Name: "app", URL: "http://" + l.Addr().String(), Timeout: time.Second, StreamIdle: time.Second})
	if err != nil {
		f.Fatal(err)
	}
	b.Close() // no connection is kept
	f.Fuzz(func(t *testing.T, answer []byte) {
		answers <- answer
		w := httptest.NewRecorder()
		func() {
			defer func() {
				if v := recover(); v != nil && v != http.ErrAbortHandler {
					panic(v)
				}
			}()
			_ = b.Forward(w, httptest.NewRequest("GET", "/", nil), Outgoing{Method: "GET", Target: "/", Host: "h", Once: true})
		}()
		for name, values := range w.Header() {
			if hopByHop(name) && name != "Trailer" {
				t.Errorf("%s passed", name)
			}
			for _, v := range values {
				if strings.ContainsFunc(v, func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }) {
					t.Errorf("%s: %q", name, v)
				}
			}
		}
	})
}
