package proxy

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/sanmon-gate/sanmon/refusal"
)

// front is a server that forwards everything, as the gate would.
type front struct {
	*httptest.Server
	backend *Backend
	tunnels *Tunnels

	mu      sync.Mutex
	err     error // of the last Forward
	aborted error
}

func (f *front) failure() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.err
}

func (f *front) cut() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.aborted
}

func forwarder(t testing.TB, url string, o Options, edit func(*http.Request, *Outgoing)) *front {
	t.Helper()
	f := &front{tunnels: &Tunnels{}}
	o.Name, o.URL, o.Tunnels = "app", url, f.tunnels
	b, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	f.backend = b
	f.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		out := outgoing(r)
		out.Aborted = func(err error) {
			f.mu.Lock()
			defer f.mu.Unlock()
			f.aborted = err
		}
		if edit != nil {
			edit(r, &out)
		}
		err := b.Forward(w, r, out)
		f.mu.Lock()
		f.err = err
		f.mu.Unlock()
		if err != nil && !errors.Is(err, ErrClientGone) {
			no := refusal.From(err)
			w.WriteHeader(no.Status())
			_, _ = io.WriteString(w, string(no.Code))
		}
	}))
	f.Server.EnableHTTP2 = true
	f.Server.Start()
	t.Cleanup(func() { f.Server.Close(); b.Close() })
	return f
}

func outgoing(r *http.Request) Outgoing {
	return Outgoing{
		Method: r.Method, Target: r.RequestURI, Host: r.Host, Header: r.Header.Clone(),
		Body: r.Body, ContentLength: r.ContentLength,
		Trailer: func(string) bool { return true },
	}
}

func backend(t testing.TB, h http.HandlerFunc) string {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s.URL
}

// raw is a backend that answers each connection with fixed bytes and remembers
// what it was sent. An answer that ends with "…" keeps the connection open.
type raw struct {
	url   string
	conns atomic.Int32
	mu    sync.Mutex
	got   string
}

func (r *raw) received() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.got
}

func rawBackend(t testing.TB, answer string) *raw {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r := &raw{url: "http://" + l.Addr().String()}
	var open sync.WaitGroup
	t.Cleanup(func() { _ = l.Close(); open.Wait() })
	stop := make(chan struct{})
	t.Cleanup(func() { close(stop) })
	open.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			r.conns.Add(1)
			open.Go(func() {
				defer c.Close()
				buf := make([]byte, 64<<10)
				_ = c.SetReadDeadline(time.Now().Add(5 * time.Second))
				n, _ := c.Read(buf)
				r.mu.Lock()
				r.got += string(buf[:n])
				r.mu.Unlock()
				text, hold := strings.CutSuffix(answer, "…")
				_, _ = io.WriteString(c, text)
				if hold {
					<-stop
				}
			})
		}
	})
	return r
}

func get(t testing.TB, url string) (status int, body string, err error) {
	t.Helper()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: 10 * time.Second}
	res, err := client.Get(url)
	if err != nil {
		return 0, "", err
	}
	defer res.Body.Close()
	all, err := io.ReadAll(res.Body)
	return res.StatusCode, string(all), err
}

// TestBytesOnTheWire: the backend gets what was judged, byte for byte, and nothing
// that the transport adds of its own accord.
func TestBytesOnTheWire(t *testing.T) {
	r := rawBackend(t, "HTTP/1.1 204 No Content\r\n\r\n")
	b, err := New(Options{Name: "app", URL: r.url})
	if err != nil {
		t.Fatal(err)
	}
	req := httptest.NewRequest("GET", "/", nil)
	err = b.Forward(httptest.NewRecorder(), req, Outgoing{Method: "GET", Target: "/a%2e;x/%C3%A9?q=%zz&&=#f", Host: "app.example.com",
		Header: http.Header{"Accept": {"a", "b"}, "Connection": {"close, X-Secret"}, "Te": {"trailers"}, "Upgrade": {"websocket"}, "Proxy-Authorization": {"x"}}})
	if err != nil {
		t.Fatal(err)
	}
	if want := "GET /a%2e;x/%C3%A9?q=%zz&&=#f HTTP/1.1\r\nHost: app.example.com\r\nAccept: a\r\nAccept: b\r\n\r\n"; r.received() != want {
		t.Errorf("got  %q\nwant %q", r.received(), want)
	}
}

func TestTargetsThatCannotPassAreRefused(t *testing.T) {
	r := rawBackend(t, "HTTP/1.1 204 No Content\r\n\r\n")
	b, _ := New(Options{Name: "app", URL: r.url})
	for _, target := range []string{"", "//evil/", "http://evil/", "*", "a"} {
		err := b.Forward(httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil), Outgoing{Method: "GET", Target: target})
		if no := refusal.From(err); no == nil || no.Code != refusal.TargetAmbiguous {
			t.Errorf("%q: %v", target, err)
		}
	}
	if r.conns.Load() != 0 {
		t.Error("the backend was reached")
	}
}

func TestHostOfTheBackend(t *testing.T) {
	r := rawBackend(t, "HTTP/1.1 204 No Content\r\n\r\n")
	b, _ := New(Options{Name: "app", URL: r.url, Host: Own})
	if err := b.Forward(httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil), Outgoing{Method: "GET", Target: "/", Host: "public"}); err != nil {
		t.Fatal(err)
	}
	if want := "Host: " + strings.TrimPrefix(r.url, "http://") + "\r\n"; !strings.Contains(r.received(), want) {
		t.Errorf("got %q", r.received())
	}
}

// TestBackendsThatFailBeforeTheHead: each becomes the declared refusal, and nothing
// of the backend's bytes reaches client or reason.
func TestBackendsThatFailBeforeTheHead(t *testing.T) {
	for _, c := range []struct{ name, answer, want string }{
		{"closes at once", "", "502 upstream_unreachable"},
		{"garbage", "hunter2 is not HTTP\r\n\r\n", "502 upstream_unreachable"},
		{"half a status line", "HTTP/1.1 20", "502 upstream_unreachable"},
		{"half a head", "HTTP/1.1 200 OK\r\nSet-Cookie: hunter2", "502 upstream_unreachable"},
		{"bad field", "HTTP/1.1 200 OK\r\nSet-Cookie hunter2\r\n\r\n", "502 upstream_unreachable"},
		{"control byte", "HTTP/1.1 200 OK\r\nX: hunter2\x01\r\nContent-Length: 0\r\n\r\n", "502 upstream_unreachable"},
		{"bare CR", "HTTP/1.1 200 OK\r\nX: a\rSet-Cookie: hunter2\r\nContent-Length: 0\r\n\r\n", "502 upstream_unreachable"},
		{"two lengths", "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nhunter2", "502 upstream_unreachable"},
		{"status 99", "HTTP/1.1 099 hunter2\r\n\r\n", "502 upstream_unreachable"},
		{"status 600", "HTTP/1.1 600 hunter2\r\nContent-Length: 0\r\n\r\n", "502 upstream_unreachable"},
		{"101 unasked", "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nhunter2…", "502 upstream_unreachable"},
		{"head too large", "HTTP/1.1 200 OK\r\nX: " + strings.Repeat("hunter2", 60<<10) + "\r\n\r\n", "502 upstream_unreachable"},
		{"too many fields", "HTTP/1.1 200 OK\r\n" + strings.Repeat("X: hunter2\r\n", 300) + "\r\n", "502 upstream_unreachable"},
		{"endless 1xx", strings.Repeat("HTTP/1.1 103 Early Hints\r\nLink: hunter2\r\n\r\n", 10000), "502 upstream_unreachable"},
		{"says nothing", "…", "504 upstream_timeout"},
		{"slow head", "HTTP/1.1 200 OK\r\n…", "504 upstream_timeout"},
	} {
		f := forwarder(t, rawBackend(t, c.answer).url, Options{Timeout: 200 * time.Millisecond}, nil)
		status, body, err := get(t, f.URL)
		if got := fmt.Sprintf("%d %s", status, body); got != c.want || err != nil {
			t.Errorf("%s: %q, %v; want %q", c.name, got, err, c.want)
		}
		if text := fmt.Sprint(f.failure()); strings.Contains(text, "hunter2") || !strings.Contains(text, `"app"`) || !strings.Contains(text, "[") {
			t.Errorf("%s: reason %q", c.name, text)
		}
	}
}

func TestNobodyListens(t *testing.T) {
	l, _ := net.Listen("tcp", "127.0.0.1:0")
	_ = l.Close()
	f := forwarder(t, "http://"+l.Addr().String(), Options{}, nil)
	if status, body, _ := get(t, f.URL); status != 502 || body != "upstream_unreachable" {
		t.Errorf("%d %q", status, body)
	}
	if text := f.failure().Error(); !strings.Contains(text, "connection refused") {
		t.Errorf("reason %q", text)
	}
}

// TestCutsAreVisible: a body that ends early never looks complete.
func TestCutsAreVisible(t *testing.T) {
	for _, c := range []struct{ name, answer string }{
		{"short of its length", "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc"},
		{"chunked without an end", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n"},
		{"bad chunk", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nabc\r\n0\r\n\r\n"},
		{"stands still", "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc…"},
	} {
		f := forwarder(t, rawBackend(t, c.answer).url, Options{StreamIdle: 200 * time.Millisecond}, nil)
		if status, body, err := get(t, f.URL); err == nil {
			t.Errorf("%s: looks complete: %d %q", c.name, status, body)
		}
		if f.cut() == nil {
			t.Errorf("%s: nobody was told", c.name)
		}
	}
}

func TestResponseHeaders(t *testing.T) {
	r := rawBackend(t, "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"+
		"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: x-hop, content-length\r\nX-Hop: 1\r\nKeep-Alive: timeout=5\r\nProxy-Authenticate: Basic\r\nUpgrade: h2c\r\n"+
		"Set-Cookie: a=1\r\nSet-Cookie: b=2\r\nX-Kept: yes\r\n\r\nok")
	var released int
	f := forwarder(t, r.url, Options{}, func(_ *http.Request, out *Outgoing) {
		out.Release = func(status int, h http.Header, _ []byte, _ bool) Content {
			released = status
			h.Set("X-Added", "1")
			h.Del("X-Kept")
			return Content{}
		}
	})
	res, err := http.Get(f.URL)
	if err != nil {
		t.Fatal(err)
	}
	body, _ := io.ReadAll(res.Body)
	_ = res.Body.Close()
	for _, name := range []string{"X-Hop", "Keep-Alive", "Proxy-Authenticate", "Upgrade", "X-Kept", "Link"} {
		if v := res.Header[name]; v != nil {
			t.Errorf("%s: %q passed", name, v)
		}
	}
	if got := fmt.Sprint(res.Header["Set-Cookie"], res.Header["X-Added"], res.ContentLength, released, " "+string(body)); got != "[a=1 b=2] [1] 2 200 ok" {
		t.Error(got)
	}
}

func TestStatusesWithoutBody(t *testing.T) {
	for _, c := range []struct {
		method, answer string
		status         int
		length         int64
	}{
		{"HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 1234\r\n\r\n", 200, 1234},
		{"GET", "HTTP/1.1 204 No Content\r\n\r\n", 204, 0},
		{"GET", "HTTP/1.1 304 Not Modified\r\nEtag: \"x\"\r\n\r\n", 304, 0},
		{"GET", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", 200, 0},
	} {
		f := forwarder(t, rawBackend(t, c.answer).url, Options{}, nil)
		req, _ := http.NewRequest(c.method, f.URL, nil)
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		_ = res.Body.Close()
		if res.StatusCode != c.status || res.ContentLength != c.length {
			t.Errorf("%s %d: status %d, length %d", c.method, c.status, res.StatusCode, res.ContentLength)
		}
	}
}

// TestRequestBodies: lengths are kept, chunks stay chunks, and limits refuse.
func TestRequestBodies(t *testing.T) {
	url := backend(t, func(w http.ResponseWriter, r *http.Request) {
		n, err := io.Copy(io.Discard, r.Body)
		_, _ = fmt.Fprintf(w, "%s %d %d %v", r.Method, r.ContentLength, n, err)
	})
	f := forwarder(t, url, Options{}, func(_ *http.Request, out *Outgoing) { out.Body = LimitBody(out.Body, 10<<10) })
	for _, c := range []struct {
		method string
		size   int
		length int64
		want   string
	}{
		{"POST", 0, 0, "200 POST 0 0 <nil>"},
		{"POST", 5, 5, "200 POST 5 5 <nil>"},
		{"PUT", 4 << 10, 4 << 10, "200 PUT 4096 4096 <nil>"},
		{"PUT", 4<<10 + 1, 4<<10 + 1, "200 PUT 4097 4097 <nil>"},
		{"POST", 10 << 10, 10 << 10, "200 POST 10240 10240 <nil>"},
		{"POST", 10 << 10, -1, "200 POST -1 10240 <nil>"},
		{"GET", 7, -1, "200 GET -1 7 <nil>"},
		{"DELETE", 7, 7, "200 DELETE 7 7 <nil>"},
		{"POST", 10<<10 + 1, 10<<10 + 1, "413 body_too_large"},
		{"POST", 10<<10 + 1, -1, "413 body_too_large"},
	} {
		req, _ := http.NewRequest(c.method, f.URL, io.NopCloser(strings.NewReader(strings.Repeat("a", c.size))))
		req.ContentLength = c.length
		if c.size == 0 {
			req.Body = http.NoBody
		}
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Errorf("%s %d: %v", c.method, c.size, err)
			continue
		}
		body, _ := io.ReadAll(res.Body)
		_ = res.Body.Close()
		if got := fmt.Sprintf("%d %s", res.StatusCode, body); got != c.want {
			t.Errorf("%s %d: got %q, want %q", c.method, c.size, got, c.want)
		}
	}
}

// TestSmallBodyIsOneWrite: head and small body travel together.
func TestSmallBodyIsOneWrite(t *testing.T) {
	r := rawBackend(t, "HTTP/1.1 204 No Content\r\n\r\n")
	f := forwarder(t, r.url, Options{}, nil)
	res, err := http.Post(f.URL, "text/plain", strings.NewReader("small"))
	if err != nil {
		t.Fatal(err)
	}
	_ = res.Body.Close()
	if !strings.HasSuffix(r.received(), "\r\n\r\nsmall") { // the backend reads once
		t.Errorf("the backend's first read has no body: %q", r.received())
	}
}

// TestUploadStreams: 100 MB pass in bounded memory, unchanged.
func TestUploadStreams(t *testing.T) {
	const size = 100 << 20
	sum := make(chan [32]byte, 1)
	url := backend(t, func(w http.ResponseWriter, r *http.Request) {
		h := sha256.New()
		n, _ := io.Copy(h, r.Body)
		sum <- [32]byte(h.Sum(nil))
		_, _ = fmt.Fprint(w, n)
	})
	f := forwarder(t, url, Options{}, nil)
	var before, peak runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	h := sha256.New()
	req, _ := http.NewRequest("POST", f.URL, io.NopCloser(io.TeeReader(io.LimitReader(&counter{}, size), h)))
	req.ContentLength = size
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	body, _ := io.ReadAll(res.Body)
	_ = res.Body.Close()
	runtime.ReadMemStats(&peak)
	if string(body) != fmt.Sprint(size) || <-sum != [32]byte(h.Sum(nil)) {
		t.Errorf("the backend got %s bytes, or other ones", body)
	}
	if grown := peak.TotalAlloc - before.TotalAlloc; grown > 16<<20 {
		t.Errorf("%d bytes were allocated on the way", grown)
	}
}

type counter struct{ n byte }

func (c *counter) Read(p []byte) (int, error) {
	for i := range p {
		c.n++
		p[i] = c.n
	}
	return len(p), nil
}

// TestEventsArriveAtOnce: neither head nor events wait for more.
func TestEventsArriveAtOnce(t *testing.T) {
	step := make(chan struct{})
	url := backend(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		_ = http.NewResponseController(w).Flush()
		for i := range 3 {
			<-step
			_, _ = fmt.Fprintf(w, "data: %d\n\n", i)
			_ = http.NewResponseController(w).Flush()
		}
	})
	f := forwarder(t, url, Options{}, nil)
	res, err := http.Get(f.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	br := bufio.NewReader(res.Body)
	for i := range 3 {
		begin := time.Now()
		step <- struct{}{}
		line, err := br.ReadString('\n')
		_, _ = br.ReadString('\n')
		if line != fmt.Sprintf("data: %d\n", i) || err != nil {
			t.Fatalf("%q, %v", line, err)
		}
		if took := time.Since(begin); took > 200*time.Millisecond {
			t.Errorf("event %d took %s", i, took)
		}
	}
}

// TestBothDirectionsAtOnce: an answer may begin while the body still comes.
func TestBothDirectionsAtOnce(t *testing.T) {
	url := backend(t, func(w http.ResponseWriter, r *http.Request) {
		_ = http.NewResponseController(w).EnableFullDuplex()
		br := bufio.NewReader(r.Body)
		for {
			line, err := br.ReadString('\n')
			if err != nil {
				return
			}
			_, _ = io.WriteString(w, strings.ToUpper(line))
			_ = http.NewResponseController(w).Flush()
		}
	})
	f := forwarder(t, url, Options{}, nil)
	pr, pw := io.Pipe()
	req, _ := http.NewRequest("POST", f.URL, pr)
	sent := make(chan struct{})
	go func() { _, _ = io.WriteString(pw, "one\n"); close(sent) }()
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	<-sent
	br := bufio.NewReader(res.Body)
	for _, want := range []string{"ONE\n", "TWO\n"} {
		if got, err := br.ReadString('\n'); got != want || err != nil {
			t.Fatalf("%q, %v", got, err)
		}
		if want == "ONE\n" {
			_, _ = io.WriteString(pw, "two\n")
		}
	}
	_ = pw.Close()
	if rest, err := io.ReadAll(br); len(rest) != 0 || err != nil {
		t.Errorf("%q, %v", rest, err)
	}
}

func TestExpectContinue(t *testing.T) {
	url := backend(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("X-Refuse") != "" {
			w.WriteHeader(http.StatusExpectationFailed)
			return
		}
		n, _ := io.Copy(io.Discard, r.Body)
		_, _ = fmt.Fprintf(w, "%d %s", n, r.Header.Get("Expect"))
	})
	f := forwarder(t, url, Options{}, nil)
	for _, c := range []struct{ refuse, want string }{{"", "200 5 100-continue"}, {"1", "417 "}} {
		read := false
		req, _ := http.NewRequest("POST", f.URL, io.NopCloser(readFunc(func(p []byte) (int, error) {
			if read {
				return 0, io.EOF
			}
			read = true
			return copy(p, "hello"), nil
		})))
		req.ContentLength = 5
		req.Header.Set("Expect", "100-continue")
		req.Header.Set("X-Refuse", c.refuse)
		client := &http.Client{Transport: &http.Transport{ExpectContinueTimeout: 5 * time.Second, DisableKeepAlives: true}}
		res, err := client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(res.Body)
		_ = res.Body.Close()
		if got := fmt.Sprintf("%d %s", res.StatusCode, body); got != c.want || read != (c.refuse == "") {
			t.Errorf("got %q, body sent %v", got, read)
		}
	}
}

type readFunc func([]byte) (int, error)

func (f readFunc) Read(p []byte) (int, error) { return f(p) }

// TestTrailers pass when declared and harmless, in both directions.
func TestTrailers(t *testing.T) {
	url := backend(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Trailer", "X-Sum, Set-Cookie, Content-Type")
		_, _ = fmt.Fprint(w, r.Trailer)
		w.Header().Set("X-Sum", "9")
		w.Header().Set("Set-Cookie", "evil=1")
		w.Header().Set(http.TrailerPrefix+"X-Undeclared", "1")
	})
	f := forwarder(t, url, Options{}, func(_ *http.Request, out *Outgoing) {
		out.Trailer = func(name string) bool { return name != "X-No" }
	})
	req, _ := http.NewRequest("POST", f.URL, io.NopCloser(strings.NewReader("x")))
	req.Trailer = http.Header{"X-Ok": {"1"}, "X-No": {"1"}, "Authorization": {"1"}, "Sanmon-Assertion": {"1"}, "X_ok": {"1"}}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	body, _ := io.ReadAll(res.Body)
	_ = res.Body.Close()
	if got := fmt.Sprint(string(body), " ", res.Trailer); got != "map[X-Ok:[1]] map[X-Sum:[9]]" {
		t.Error(got)
	}
}

// TestClientCancelReachesTheBackend in every phase of an exchange.
func TestClientCancelReachesTheBackend(t *testing.T) {
	gone := make(chan struct{}, 1)
	url := backend(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/stream" {
			_, _ = io.WriteString(w, "begun")
			_ = http.NewResponseController(w).Flush()
		}
		if r.URL.Path == "/upload" {
			_, _ = io.Copy(io.Discard, r.Body)
		} else {
			<-r.Context().Done()
		}
		gone <- struct{}{}
	})
	f := forwarder(t, url, Options{}, nil)
	for _, path := range []string{"/wait", "/stream", "/upload"} {
		ctx, cancel := context.WithCancel(context.Background())
		var body io.Reader
		if path == "/upload" {
			pr, pw := io.Pipe()
			time.AfterFunc(100*time.Millisecond, func() { _ = pw.CloseWithError(io.ErrClosedPipe) })
			body = pr
		}
		req, _ := http.NewRequestWithContext(ctx, "POST", f.URL+path, body)
		time.AfterFunc(100*time.Millisecond, cancel)
		if res, err := http.DefaultClient.Do(req); err == nil {
			_, _ = io.ReadAll(res.Body)
			_ = res.Body.Close()
		}
		select {
		case <-gone:
		case <-time.After(3 * time.Second):
			t.Fatalf("%s: the backend was not told", path)
		}
		time.Sleep(20 * time.Millisecond)
		if path == "/wait" && !errors.Is(f.failure(), ErrClientGone) {
			t.Errorf("%s: %v", path, f.failure())
		}
	}
}

// TestSlowUploadIsNotAnUpstreamTimeout: waiting for the client is not the
// backend's fault.
func TestSlowUploadIsNotAnUpstreamTimeout(t *testing.T) {
	url := backend(t, func(w http.ResponseWriter, r *http.Request) {
		n, _ := io.Copy(io.Discard, r.Body)
		_, _ = fmt.Fprint(w, n)
	})
	f := forwarder(t, url, Options{Timeout: 100 * time.Millisecond}, nil)
	pr, pw := io.Pipe()
	go func() {
		for range 4 {
			_, _ = pw.Write([]byte("x"))
			time.Sleep(150 * time.Millisecond)
		}
		_ = pw.Close()
	}()
	res, err := http.Post(f.URL, "", pr)
	if err != nil {
		t.Fatal(err)
	}
	body, _ := io.ReadAll(res.Body)
	_ = res.Body.Close()
	if string(body) != "4" {
		t.Errorf("%d %q, %v", res.StatusCode, body, f.failure())
	}
}

// TestRetries: a connection that the backend closed is no failure where the request
// may be sent again, and an effectful one is never sent twice.
func TestRetries(t *testing.T) {
	for _, c := range []struct {
		method string
		once   bool
		want   string
		sent   int32
	}{{"GET", false, "200 ok", 2}, {"GET", true, "502 upstream_unreachable", 1}, {"POST", false, "502 upstream_unreachable", 1}, {"POST", true, "502 upstream_unreachable", 1}} {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		var seconds atomic.Int32
		go func() {
			for {
				conn, err := l.Accept()
				if err != nil {
					return
				}
				go func() { // answers once, takes a second request and closes
					defer conn.Close()
					br := bufio.NewReader(conn)
					for n := 0; ; n++ {
						req, err := http.ReadRequest(br)
						if err != nil {
							return
						}
						if req.URL.Path == "/second" {
							seconds.Add(1)
							if n > 0 {
								return
							}
						}
						_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
					}
				}()
			}
		}()
		f := forwarder(t, "http://"+l.Addr().String(), Options{}, func(_ *http.Request, out *Outgoing) { out.Once = c.once })
		if status, body, _ := get(t, f.URL+"/first"); status != 200 {
			t.Fatal(body)
		}
		req, _ := http.NewRequest(c.method, f.URL+"/second", nil)
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(res.Body)
		_ = res.Body.Close()
		if got := fmt.Sprintf("%d %s", res.StatusCode, body); got != c.want || seconds.Load() != c.sent {
			t.Errorf("%s once=%v: %q, sent %d times", c.method, c.once, got, seconds.Load())
		}
		_ = l.Close()
	}
}

// TestOnceOnTheWire: what keeps the transport from repeating is not to be seen.
func TestOnceOnTheWire(t *testing.T) {
	for _, c := range []struct{ method, want string }{
		{"GET", "GET /x HTTP/1.1\r\nHost: h\r\n\r\n"},
		{"POST", "POST /x HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n"},
		{"DELETE", "DELETE /x HTTP/1.1\r\nHost: h\r\n\r\n"},
	} {
		r := rawBackend(t, "HTTP/1.1 204 No Content\r\n\r\n")
		b, _ := New(Options{Name: "app", URL: r.url})
		if err := b.Forward(httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil), Outgoing{Method: c.method, Target: "/x", Host: "h", Once: true}); err != nil {
			t.Fatal(err)
		}
		if r.received() != c.want {
			t.Errorf("got %q, want %q", r.received(), c.want)
		}
	}
}

func echoSocket(w http.ResponseWriter, r *http.Request) {
	c, err := websocket.Accept(w, r, &websocket.AcceptOptions{InsecureSkipVerify: true})
	if err != nil {
		return
	}
	defer func() { _ = c.CloseNow() }()
	c.SetReadLimit(2 << 20)
	for {
		kind, data, err := c.Read(r.Context())
		if err != nil {
			return
		}
		if c.Write(r.Context(), kind, data) != nil {
			return
		}
	}
}

func upgrading(owner string) func(*http.Request, *Outgoing) {
	return func(r *http.Request, out *Outgoing) {
		out.Upgrade = r.Header.Get("Upgrade") != ""
		out.Owner = owner
		out.Release = func(_ int, h http.Header, _ []byte, _ bool) Content {
			h.Set("X-Request-Id", "r1")
			return Content{}
		}
	}
}

func TestWebSocket(t *testing.T) {
	f := forwarder(t, backend(t, echoSocket), Options{}, upgrading("sid-1"))
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	c, res, err := websocket.Dial(ctx, f.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	if res.Header.Get("X-Request-Id") != "r1" {
		t.Error("the 101 was not released")
	}
	c.SetReadLimit(2 << 20)
	for _, size := range []int{1, 1000, 1 << 20} {
		sent := bytes.Repeat([]byte("x"), size)
		if err := c.Write(ctx, websocket.MessageBinary, sent); err != nil {
			t.Fatal(err)
		}
		if _, got, err := c.Read(ctx); err != nil || !bytes.Equal(got, sent) {
			t.Fatalf("%d bytes came back, %v", len(got), err)
		}
	}
	if f.tunnels.Len() != 1 {
		t.Errorf("%d tunnels", f.tunnels.Len())
	}
	if err := c.Close(websocket.StatusNormalClosure, "bye"); err != nil {
		t.Errorf("the close did not come back: %v", err)
	}
	eventually(t, "the tunnel is gone", func() bool { return f.tunnels.Len() == 0 })
}

// TestRevokedOwnerIsCut: sockets and streams of an ended session end at once, those
// of others stay.
func TestRevokedOwnerIsCut(t *testing.T) {
	url := backend(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Upgrade") != "" {
			echoSocket(w, r)
			return
		}
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
	})
	f := forwarder(t, url, Options{}, func(r *http.Request, out *Outgoing) { upgrading(r.URL.Path)(r, out) })
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	mine, _, err := websocket.Dial(ctx, f.URL+"/mine", nil)
	if err != nil {
		t.Fatal(err)
	}
	other, _, err := websocket.Dial(ctx, f.URL+"/other", nil)
	if err != nil {
		t.Fatal(err)
	}
	stream, err := http.Get(f.URL + "/mine")
	if err != nil {
		t.Fatal(err)
	}
	defer stream.Body.Close()
	eventually(t, "all are known", func() bool { return f.tunnels.Len() == 3 })
	if n := f.tunnels.Close("/mine"); n != 2 {
		t.Errorf("cut %d", n)
	}
	if _, _, err := mine.Read(ctx); err == nil {
		t.Error("the socket lives")
	}
	if _, err := io.ReadAll(stream.Body); err == nil {
		t.Error("the stream ended as if it were complete")
	}
	if err := other.Write(ctx, websocket.MessageText, []byte("x")); err != nil {
		t.Error(err)
	}
	if _, got, err := other.Read(ctx); string(got) != "x" || err != nil {
		t.Errorf("the other socket: %q, %v", got, err)
	}
	f.tunnels.CloseAll()
	eventually(t, "all are gone", func() bool { return f.tunnels.Len() == 0 })
}

// TestSocketsEndWithPrincipalAndCredential: disabling whoever is behind a credential
// cuts its sockets, and none outlives the credential's own end.
func TestSocketsEndWithPrincipalAndCredential(t *testing.T) {
	f := forwarder(t, backend(t, echoSocket), Options{}, func(r *http.Request, out *Outgoing) {
		upgrading("key-1")(r, out)
		out.Principal = "svc_1"
		if r.URL.Path == "/short" {
			out.Until = time.Now().Add(100 * time.Millisecond)
		}
	})
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	for _, path := range []string{"/short", "/long"} {
		c, _, err := websocket.Dial(ctx, f.URL+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		if n := f.tunnels.Close("svc_2"); n != 0 {
			t.Errorf("%s: another principal's end cut %d", path, n)
		}
		if path == "/long" {
			if n := f.tunnels.Close("svc_1"); n != 1 {
				t.Errorf("%s: the principal's end cut %d", path, n)
			}
		}
		if _, _, err := c.Read(ctx); err == nil || ctx.Err() != nil {
			t.Errorf("%s: the socket lives", path)
		}
		eventually(t, "it is forgotten", func() bool { return f.tunnels.Len() == 0 && len(f.tunnels.also) == 0 })
	}
}

// TestOwnerThatEndedMeanwhile: Alive closes the gap before the registration.
func TestOwnerThatEndedMeanwhile(t *testing.T) {
	f := forwarder(t, backend(t, echoSocket), Options{}, func(r *http.Request, out *Outgoing) {
		upgrading("sid")(r, out)
		out.Alive = func() error { return refusal.New(refusal.SessionExpired, "revoked meanwhile") }
	})
	_, res, err := websocket.Dial(context.Background(), f.URL, nil)
	if err == nil || res.StatusCode != http.StatusUnauthorized {
		t.Errorf("%v, %v", res, err)
	}
}

func TestIdleTunnelEnds(t *testing.T) {
	f := forwarder(t, backend(t, echoSocket), Options{TunnelIdle: 200 * time.Millisecond}, upgrading("sid"))
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	c, _, err := websocket.Dial(ctx, f.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	for range 4 { // traffic keeps it
		time.Sleep(100 * time.Millisecond)
		if err := c.Write(ctx, websocket.MessageText, []byte("x")); err != nil {
			t.Fatal(err)
		}
		if _, _, err := c.Read(ctx); err != nil {
			t.Fatal(err)
		}
	}
	begin := time.Now()
	_, _, err = c.Read(ctx)
	if took := time.Since(begin); err == nil || took > 2*time.Second {
		t.Errorf("%v after %s", err, took)
	}
}

func TestTunnelLimits(t *testing.T) {
	tunnels := &Tunnels{Max: 3, MaxPerOwner: 2}
	var remove []func()
	for _, c := range []struct {
		owner string
		ok    bool
	}{{"a", true}, {"a", true}, {"a", false}, {"b", true}, {"b", false}} {
		r, err := tunnels.add(c.owner, "", func() {})
		if (err == nil) != c.ok {
			t.Errorf("%s: %v", c.owner, err)
		}
		if err == nil {
			remove = append(remove, r)
		} else if refusal.From(err).Code != refusal.Busy {
			t.Error(err)
		}
	}
	for _, r := range remove {
		r()
		r()
	}
	if tunnels.Len() != 0 || len(tunnels.open) != 0 {
		t.Errorf("%d left", tunnels.Len())
	}
}

// TestSwitchToAnotherProtocolIsRefused: RFC 9110, Section 7.8.
func TestSwitchToAnotherProtocolIsRefused(t *testing.T) {
	r := rawBackend(t, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n…")
	f := forwarder(t, r.url, Options{}, upgrading("sid"))
	_, res, err := websocket.Dial(context.Background(), f.URL, nil)
	if err == nil || res.StatusCode != 502 {
		t.Errorf("%v, %v", res, err)
	}
}

func TestNewRefuses(t *testing.T) {
	for _, o := range []Options{{URL: ""}, {URL: "127.0.0.1:8000"}, {URL: "ftp://h"}, {URL: "http://u:hunter2@h"}, {URL: "http://h/path"}, {URL: "http://h?q"}, {URL: "http://h#f"}, {URL: "http://"}, {URL: "http://hunter2@h:x"}, {URL: "https://h", TLSCA: []byte("x")}} {
		if _, err := New(o); err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%q: %v", o.URL, err)
		}
	}
}

func TestTLSBackend(t *testing.T) {
	s := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "secure") }))
	defer s.Close()
	s.Config.ErrorLog = nil
	f := forwarder(t, s.URL, Options{}, nil)
	if status, _, _ := get(t, f.URL); status != 502 || !strings.Contains(f.failure().Error(), "certificate") {
		t.Errorf("%d, %v", status, f.failure())
	}
	pem := pemOf(s.Certificate().Raw)
	f = forwarder(t, s.URL, Options{TLSCA: pem}, nil)
	if status, body, _ := get(t, f.URL); status != 200 || body != "secure" {
		t.Errorf("%d %q %v", status, body, f.failure())
	}
}

// TestNothingLeaks: goroutines end with their exchanges.
func TestNothingLeaks(t *testing.T) {
	r := rawBackend(t, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc")
	f := forwarder(t, r.url, Options{}, nil)
	before := runtime.NumGoroutine()
	for range 50 {
		_, _, _ = get(t, f.URL)
	}
	f.backend.Close()
	eventually(t, "goroutines are gone", func() bool { return runtime.NumGoroutine() <= before+3 })
}

func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for range 150 {
		if ok() {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Errorf("never true: %s", what)
}
