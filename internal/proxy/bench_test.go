package proxy

import (
	"bytes"
	"encoding/pem"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"testing"
)

func pemOf(der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}

// canned is a backend that reads a request's bytes and writes fixed ones, so that
// little but the forwarder is measured.
func canned(b *testing.B, body int) string {
	b.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = l.Close() })
	var answer bytes.Buffer
	res := http.Response{StatusCode: 200, ProtoMajor: 1, ProtoMinor: 1, ContentLength: int64(body), Body: http.NoBody, Header: http.Header{
		"Content-Type": {"application/json"}, "Server": {"uvicorn"}, "Date": {"Wed, 25 Nov 2026 14:00:00 GMT"}, "X-Frame-Options": {"DENY"}, "Vary": {"Cookie"}}}
	res.Body = http.NoBody
	answer.WriteString("HTTP/1.1 200 OK\r\nContent-Length: " + itoa(body) + "\r\n")
	_ = res.Header.Write(&answer)
	answer.WriteString("\r\n")
	answer.Write(bytes.Repeat([]byte("x"), body))
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				buf := make([]byte, 16<<10)
				for {
					if _, err := c.Read(buf); err != nil {
						return
					}
					if _, err := c.Write(answer.Bytes()); err != nil {
						return
					}
				}
			}()
		}
	}()
	return "http://" + l.Addr().String()
}

func itoa(n int) string {
	if n < 10 {
		return string(rune('0' + n))
	}
	return itoa(n/10) + string(rune('0'+n%10))
}

type sink struct {
	h http.Header
	n int
}

func (s *sink) Header() http.Header         { return s.h }
func (s *sink) WriteHeader(int)             {}
func (s *sink) Write(p []byte) (int, error) { s.n += len(p); return len(p), nil }

func request() *http.Request {
	r := httptest.NewRequest("GET", "/notes/42?view=full", nil)
	r.RemoteAddr = "192.0.2.1:1234"
	for name, v := range map[string]string{"User-Agent": "Mozilla/5.0", "Accept": "application/json", "Accept-Encoding": "gzip, br", "Accept-Language": "en", "Cookie": "csrftoken=abc", "Referer": "https://app.example.com/"} {
		r.Header.Set(name, v)
	}
	return r
}

// BenchmarkForward compares with httputil.ReverseProxy on the same tuned transport
// and backend; both get a request that was parsed before. Our caller builds the
// outgoing header in each round, as the gate does; ReverseProxy clones it.
func BenchmarkForward(b *testing.B) {
	backendURL := canned(b, 1024)
	fwd, err := New(Options{Name: "app", URL: backendURL})
	if err != nil {
		b.Fatal(err)
	}
	b.Run("sanmon", func(b *testing.B) {
		b.ReportAllocs()
		r := request()
		for b.Loop() {
			h := make(http.Header, len(r.Header)+3)
			for name, v := range r.Header {
				h[name] = v
			}
			w := &sink{h: make(http.Header)}
			if err := fwd.Forward(w, r, Outgoing{Method: r.Method, Target: "/notes/42?view=full", Host: r.Host, Header: h}); err != nil || w.n != 1024 {
				b.Fatal(err, w.n)
			}
		}
	})
	b.Run("transport", func(b *testing.B) { // what no forwarder on this transport can go below
		b.ReportAllocs()
		r := request()
		buf := make([]byte, copyBuffer)
		u, _ := url.Parse(backendURL)
		for b.Loop() {
			res, err := fwd.transport.RoundTrip(&http.Request{Method: "GET", URL: u, ProtoMajor: 1, ProtoMinor: 1, Header: r.Header, Host: r.Host})
			if err != nil {
				b.Fatal(err)
			}
			for err == nil {
				_, err = res.Body.Read(buf)
			}
			_ = res.Body.Close()
		}
	})
	b.Run("reverseproxy", func(b *testing.B) {
		b.ReportAllocs()
		u, _ := url.Parse(backendURL)
		rp := &httputil.ReverseProxy{Transport: fwd.transport, BufferPool: pool{fwd}, Rewrite: func(p *httputil.ProxyRequest) { p.SetURL(u); p.Out.Host = p.In.Host; p.SetXForwarded() }}
		r := request()
		for b.Loop() {
			w := &sink{h: make(http.Header)}
			if rp.ServeHTTP(w, r); w.n != 1024 {
				b.Fatal(w.n)
			}
		}
	})
}

type pool struct{ b *Backend }

func (p pool) Get() []byte  { return p.b.buffers.Get().(*[copyBuffer]byte)[:] }
func (p pool) Put(x []byte) { p.b.buffers.Put((*[copyBuffer]byte)(x)) }
