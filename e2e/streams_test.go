package e2e_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"mime/multipart"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/sanmon-gate/sanmon/e2e/harness"
)

// TestServerSentEvents: each tick passes when it is made, not when the stream ends.
func TestServerSentEvents(t *testing.T) {
	g := notes(t)
	c := g.Client(t)
	start := time.Now()
	res, err := c.HTTP.Do(c.Request(t, "GET", "/events?n=4&gap=0.3", nil, "Accept", "text/event-stream"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	var at []time.Duration
	for s := bufio.NewScanner(res.Body); s.Scan(); {
		if strings.HasPrefix(s.Text(), "data:") {
			at = append(at, time.Since(start))
		}
	}
	if len(at) != 4 {
		t.Fatalf("%d ticks, want 4", len(at))
	}
	if at[0] > 250*time.Millisecond || at[1]-at[0] < 150*time.Millisecond || at[3]-at[2] < 150*time.Millisecond {
		t.Errorf("ticks arrived at %v", at)
	}
}

// TestClientCancelReachesTheBackend.
func TestClientCancelReachesTheBackend(t *testing.T) {
	g := notes(t)
	app := harness.SharedBackend(t, harness.FastAPI)
	cancelled := func() int {
		res, err := http.Get(app.URL + "/seen")
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = res.Body.Close() }()
		b, _ := io.ReadAll(res.Body)
		var seen struct{ Cancelled int }
		harness.Answer{Body: b}.JSON(t, &seen)
		return seen.Cancelled
	}
	before := cancelled()
	c := g.Client(t)
	ctx, cancel := context.WithCancel(context.Background())
	res, err := c.HTTP.Do(c.Request(t, "GET", "/events?n=1000&gap=0.05", nil).WithContext(ctx))
	if err != nil {
		t.Fatal(err)
	}
	_, _ = io.ReadFull(res.Body, make([]byte, 10))
	cancel()
	_ = res.Body.Close()
	eventually(t, 2*time.Second, func() bool { return cancelled() > before })
}

// dialWS opens a WebSocket as a browser does.
func dialWS(t *testing.T, g *harness.Gate, c *harness.Client, origin string, protocols ...string) (*websocket.Conn, *http.Response, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	t.Cleanup(cancel)
	h := http.Header{"Origin": {origin}, "Cookie": {g.CookieName() + "=" + c.Cookie(t)}}
	return websocket.Dial(ctx, "ws://"+publicHost(g)+"/ws", &websocket.DialOptions{HTTPHeader: h, Subprotocols: protocols, HTTPClient: &http.Client{Transport: &http.Transport{
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, network, g.Addr)
		}}}})
}

func TestWebSocket(t *testing.T) {
	g := notes(t)
	c := signedIn(t, g, writer)
	conn, res, err := dialWS(t, g, c, g.URL, "chat")
	if err != nil {
		if res == nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(res.Body)
		t.Fatalf("%v\n%s\n%s", err, body, harness.LogOf(res.Header.Get("X-Request-Id")))
	}
	defer func() { _ = conn.CloseNow() }()
	conn.SetReadLimit(1 << 20)
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if conn.Subprotocol() != "chat" {
		t.Errorf("subprotocol %q", conn.Subprotocol())
	}
	_, hello, err := conn.Read(ctx)
	if err != nil {
		t.Fatal(err)
	}
	var first served
	harness.Answer{Body: hello}.JSON(t, &first)
	if first.value("Sanmon-Assertion") == "" || strings.Contains(string(hello), c.Cookie(t)) {
		t.Errorf("the backend's handshake: assertion %t, our cookie %t", first.value("Sanmon-Assertion") != "", strings.Contains(string(hello), c.Cookie(t)))
	}
	big := bytes.Repeat([]byte("0123456789abcdef"), 16<<10) // 256 KiB
	for _, m := range []struct {
		kind websocket.MessageType
		data []byte
	}{{websocket.MessageText, []byte("hello")}, {websocket.MessageBinary, []byte{0, 255, 1}}, {websocket.MessageText, []byte("こんにちは")}, {websocket.MessageBinary, big}} {
		if err := conn.Write(ctx, m.kind, m.data); err != nil {
			t.Fatal(err)
		}
		kind, data, err := conn.Read(ctx)
		if err != nil || kind != m.kind || !bytes.Equal(data, m.data) {
			t.Fatalf("echo of %d bytes: %v %d bytes %v", len(m.data), kind, len(data), err)
		}
	}
	if err := conn.Close(websocket.StatusNormalClosure, "done"); err != nil {
		t.Errorf("close: %v", err)
	}
}

// TestWebSocketNeedsOurOrigin: an upgrade is effectful: DESIGN §2 step 3, §7 CSRF.
func TestWebSocketNeedsOurOrigin(t *testing.T) {
	g := notes(t)
	c := signedIn(t, g, writer)
	for _, origin := range []string{"https://evil.example", "null", g.URL + ".evil.example", ""} {
		conn, res, err := dialWS(t, g, c, origin)
		if err == nil {
			_ = conn.CloseNow()
			t.Errorf("origin %q: the socket opened", origin)
			continue
		}
		if res == nil || res.StatusCode < 400 || res.StatusCode > 499 {
			t.Errorf("origin %q: %v", origin, err)
		}
	}
	if conn, res, err := dialWS(t, g, g.Client(t), g.URL); err == nil || res == nil || res.StatusCode != 401 {
		if err == nil {
			_ = conn.CloseNow()
		}
		t.Errorf("without a session: %v", err)
	}
}

// TestUpload: 50 MB pass as they come, in bounded memory, with and without a length.
func TestUpload(t *testing.T) {
	// A gate of its own: nobody signs in here, so that its memory is that of bodies.
	g := harness.StartGate(t, harness.Options{Upstream: harness.SharedBackend(t, harness.FastAPI).URL, Routes: "  - { id: upload, match: { path: \"/upload\", methods: [PUT] }, boundary: [key] }\n"})
	key := newKey(t, g, "service:uploads", "--role", "writer").Key
	const size = 50 << 20
	block := make([]byte, 1<<20)
	_, _ = rand.Read(block)
	sum := sha256.New()
	for range size / len(block) {
		sum.Write(block)
	}
	wanted := hex.EncodeToString(sum.Sum(nil))
	for _, sized := range []bool{true, false} {
		t.Run(fmt.Sprintf("sized=%v", sized), func(t *testing.T) {
			c := g.Client(t)
			req := c.Request(t, "PUT", "/upload", io.LimitReader(&repeat{block: block}, size), "X-Api-Key", key, "Content-Type", "application/octet-stream")
			if sized {
				req.ContentLength = size
			}
			a := c.Do(t, req)
			want(t, "upload", a, 200, "")
			var got struct {
				Length        int64
				SHA256        string
				ContentLength *string `json:"content_length"`
			}
			a.JSON(t, &got)
			if got.Length != size || got.SHA256 != wanted {
				t.Errorf("the backend got %d bytes, sha256 %s", got.Length, got.SHA256)
			}
			if (got.ContentLength != nil) != sized {
				t.Errorf("the backend saw Content-Length %v", got.ContentLength)
			}
		})
	}
	if rss := peakRSS(t, g.PID()); rss > 64<<20 {
		t.Errorf("peak memory is %d MiB: bodies are not streamed", rss>>20)
	} else {
		t.Logf("peak memory %d MiB", rss>>20)
	}
}

type repeat struct {
	block []byte
	at    int
}

func (r *repeat) Read(p []byte) (int, error) {
	n := copy(p, r.block[r.at:])
	r.at = (r.at + n) % len(r.block)
	return n, nil
}

// peakRSS reads VmHWM of a process in bytes.
func peakRSS(t *testing.T, pid int) int64 {
	t.Helper()
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Skip("no /proc")
	}
	for line := range strings.Lines(string(b)) {
		if rest, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			kb, err := strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
			if err != nil {
				t.Fatal(err)
			}
			return kb << 10
		}
	}
	t.Skip("no VmHWM")
	return 0
}

// TestUploadStreams: the first bytes reach the backend before the last are sent.
func TestUploadStreams(t *testing.T) {
	got := make(chan string, 10)
	backend := listen(t, func(c net.Conn) {
		r := bufio.NewReader(c)
		req, err := http.ReadRequest(r)
		if err != nil {
			return
		}
		buf := make([]byte, 64)
		for {
			n, err := req.Body.Read(buf)
			if n > 0 {
				got <- string(buf[:n])
			}
			if err != nil {
				break
			}
		}
		_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
	})
	g := harness.StartGate(t, harness.Options{Upstream: backend, Routes: "  - { id: up, match: { path: \"/up\", methods: [POST] }, boundary: public, " + open + " }\n"})
	conn := g.Dial(t)
	_, _ = fmt.Fprintf(conn, "POST /up HTTP/1.1\r\nHost: %s\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n", publicHost(g))
	select {
	case s := <-got:
		if s != "first" {
			t.Errorf("the backend got %q first", s)
		}
	case <-time.After(3 * time.Second):
		t.Fatal("the first chunk did not pass while the second was not sent")
	}
	_, _ = io.WriteString(conn, "6\r\nsecond\r\n0\r\n\r\n")
	want(t, "upload", harness.One(t, harness.ReadAnswers(conn, "POST", 10*time.Second, time.Second)), 200, "")
}

func TestMultipartUpload(t *testing.T) {
	g := notes(t)
	key := newKey(t, g, writer, "--role", "writer").Key
	file := bytes.Repeat([]byte("a line of a file\n"), 1<<16)
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	part, err := w.CreateFormFile("file", "notes.txt")
	if err != nil {
		t.Fatal(err)
	}
	_, _ = part.Write(file)
	_ = w.Close()
	a := g.Client(t).Post(t, "/upload/file", w.FormDataContentType(), b.String(), "X-Api-Key", key)
	want(t, "upload", a, 200, "")
	var got struct {
		Filename string
		Length   int
		SHA256   string
	}
	sum := sha256.Sum256(file)
	if a.JSON(t, &got); got.Filename != "notes.txt" || got.Length != len(file) || got.SHA256 != hex.EncodeToString(sum[:]) {
		t.Errorf("the backend got %+v", got)
	}
}

func TestDownload(t *testing.T) {
	g := notes(t)
	c := g.Client(t)
	for _, sized := range []string{"true", "false"} {
		a := c.Get(t, "/download?size=8388608&sized="+sized)
		if a.Status != 200 || len(a.Body) != 8<<20 || a.Body[300] != 300%256 || (a.Header.Get("Content-Length") != "") != (sized == "true") {
			t.Errorf("sized=%s: %d, %d bytes, Content-Length %q", sized, a.Status, len(a.Body), a.Header.Get("Content-Length"))
		}
	}
	h := c.Do(t, c.Request(t, "HEAD", "/", nil))
	if h.Status != 200 || len(h.Body) != 0 {
		t.Errorf("HEAD / = %d with %d bytes", h.Status, len(h.Body))
	}
}

// TestBodyBoundHoldsWithoutALength: RT 23: a chunked body is counted while it passes.
func TestBodyBoundHoldsWithoutALength(t *testing.T) {
	g := notes(t)
	c := signedIn(t, g, writer)
	req := c.Request(t, "POST", "/notes", io.LimitReader(&repeat{block: []byte(`{"title":"` + strings.Repeat("x", 1000))}, 200<<10), "Content-Type", "application/json")
	a, err := c.Try(req)
	if err == nil && a.Status != 413 {
		t.Errorf("200 KiB chunked to a route that takes 64 KiB = %d %s", a.Status, a.Code())
	}
}
