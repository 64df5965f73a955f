package proxy

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/sanmon-gate/sanmon/internal/wire"
	"github.com/sanmon-gate/sanmon/refusal"
)

// behindWire forwards from a wire.Server, as the gate does.
func behindWire(t testing.TB, url string) (addr string) {
	t.Helper()
	b, err := New(Options{Name: "app", URL: url, Tunnels: &Tunnels{}})
	if err != nil {
		t.Fatal(err)
	}
	s, err := wire.New(wire.Config{Addr: "127.0.0.1:0", RequestID: func() string { return "id" }, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		out := outgoing(r)
		out.Body, out.Upgrade = wire.Body(r), r.Header.Get("Upgrade") != ""
		if err := b.Forward(w, r, out); err != nil && !errors.Is(err, ErrClientGone) {
			no := refusal.From(err)
			w.WriteHeader(no.Status())
			_, _ = io.WriteString(w, string(no.Code))
		}
	})})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Listen(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Serve(ctx) }()
	t.Cleanup(func() { cancel(); <-done; b.Close() })
	return s.Addr().String()
}

// TestBrokenChunksNeverBecomeARequest: a body whose framing breaks is refused to
// the client and never ends well for the backend.
func TestBrokenChunksNeverBecomeARequest(t *testing.T) {
	var whole atomic.Int32
	url := backend(t, func(w http.ResponseWriter, r *http.Request) {
		if _, err := io.Copy(io.Discard, r.Body); err == nil {
			whole.Add(1)
		}
	})
	addr := behindWire(t, url)
	for _, body := range []string{"3\r\nabcd\r\n0\r\n\r\n", "3\nabc\r\n0\r\n\r\n", "0\r\nA : b\r\n\r\n", "3\r\nabc\r\n0\r\nA: b\n\r\n", "zz\r\n"} {
		c, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		_ = c.SetDeadline(time.Now().Add(5 * time.Second))
		_, _ = io.WriteString(c, "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"+body)
		res, err := http.ReadResponse(bufio.NewReader(c), nil)
		if err != nil {
			t.Errorf("%q: %v", body, err)
			continue
		}
		text, _ := io.ReadAll(res.Body)
		if got := fmt.Sprintf("%d %s", res.StatusCode, text); got != "400 header_ambiguous" || !res.Close {
			t.Errorf("%q: %q, close %v", body, got, res.Close)
		}
		_ = c.Close()
	}
	time.Sleep(50 * time.Millisecond)
	if whole.Load() != 0 {
		t.Errorf("%d of them looked complete to the backend", whole.Load())
	}
}

func TestWebSocketBehindWire(t *testing.T) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	c, _, err := websocket.Dial(ctx, "http://"+behindWire(t, backend(t, echoSocket)), nil)
	if err != nil {
		t.Fatal(err)
	}
	sent := []byte(strings.Repeat("\r\n\x00", 5000)) // bytes that no request may have
	if err := c.Write(ctx, websocket.MessageBinary, sent); err != nil {
		t.Fatal(err)
	}
	if _, got, err := c.Read(ctx); string(got) != string(sent) || err != nil {
		t.Errorf("%d bytes, %v", len(got), err)
	}
	_ = c.Close(websocket.StatusNormalClosure, "")
}

// TestEarlyAnswerLeavesNoRequest: the backend answers while an upload of which it
// reads nothing is under way; what is left of it is never read as a request.
func TestEarlyAnswerLeavesNoRequest(t *testing.T) {
	var served atomic.Int32
	url := backend(t, func(w http.ResponseWriter, r *http.Request) {
		served.Add(1)
		w.WriteHeader(http.StatusTeapot)
	})
	c, err := net.Dial("tcp", behindWire(t, url))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(5 * time.Second))
	body := strings.Repeat("GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n", 100<<10)
	go func() {
		_, _ = fmt.Fprintf(c, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
	}()
	br := bufio.NewReader(c)
	res, err := http.ReadResponse(br, nil)
	if err != nil || res.StatusCode != http.StatusTeapot {
		t.Fatalf("%v, %v", res, err)
	}
	_, _ = io.ReadAll(res.Body)
	if res, err := http.ReadResponse(br, nil); err == nil {
		t.Errorf("a second answer: %v", res.Status)
	}
	if served.Load() != 1 {
		t.Errorf("%d requests were served", served.Load())
	}
}

func ExampleBackend_Forward() {
	app := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = fmt.Fprintf(w, "%s sees %s", r.Header.Get("Remote-User"), r.RequestURI)
	}))
	defer app.Close()
	backend, err := New(Options{Name: "app", URL: app.URL})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer backend.Close()
	gate := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		err := backend.Forward(w, r, Outgoing{
			Method: r.Method, Target: r.RequestURI, Host: r.Host,
			Header: http.Header{"Remote-User": {"ada"}}, // nothing of the client's passes unless it is put here
			Body:   r.Body, ContentLength: r.ContentLength,
		})
		if err != nil && !errors.Is(err, ErrClientGone) {
			w.WriteHeader(refusal.From(err).Status())
		}
	}))
	defer gate.Close()
	res, err := http.Get(gate.URL + "/notes/%C3%A9")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer res.Body.Close()
	text, _ := io.ReadAll(res.Body)
	fmt.Println(string(text))
	// Output: ada sees /notes/%C3%A9
}
