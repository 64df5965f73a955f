package wire

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sanmon-gate/sanmon/exchange"
)

const asking = "/ask"

// told answers in place with what it was given.
func told(_ context.Context, r *exchange.Request, dst []byte) ([]byte, bool) {
	body := fmt.Sprintf("in place %s %s %s %v", r.Method, r.Target, r.Host, r.Fields.Values("X-A"))
	return fmt.Appendf(dst, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(body), body), true
}

// inTurn sends each request when the one before is answered.
func inTurn(t *testing.T, c io.ReadWriter, requests ...string) (out []string) {
	t.Helper()
	br := bufio.NewReader(c)
	for _, raw := range requests {
		method, _, _ := strings.Cut(raw, " ")
		if _, err := io.WriteString(c, raw); err != nil {
			return append(out, "end")
		}
		res, err := http.ReadResponse(br, &http.Request{Method: method})
		if err != nil {
			return append(out, "end")
		}
		body, err := io.ReadAll(res.Body)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, fmt.Sprintf("%d %s", res.StatusCode, body))
	}
	return out
}

// settle asks until the answer is given in place: net/http still watches the connection when
// its answer is out, and takes what comes in that moment.
func settle(t *testing.T, c io.ReadWriter) {
	t.Helper()
	for range 50 {
		if inTurn(t, c, ask)[0] == here {
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
	t.Fatal("nothing is answered in place")
}

const (
	here  = "200 in place GET /ask?x x [1 2]"
	there = "200 GET /ask?x 0 secure=false"
)

const ask = "GET /ask?x HTTP/1.1\r\nHost: x\r\nx-a: 1\r\nX-A:\t2 \r\n\r\n"

// The first request of a connection is net/http's, and so is whatever it is there for.
func TestInPlace(t *testing.T) {
	g := start(t, Config{InPlace: told, InPlacePrefix: asking})
	c := dial(t, g.addr)
	equal(t, inTurn(t, c, ask), there)
	settle(t, c)
	equal(t, inTurn(t, c, ask, ask), here, here)
	for name, raw := range map[string]string{
		"another target": "GET /as HTTP/1.1\r\nHost: x\r\n\r\n",
		"HEAD":           "HEAD /ask HTTP/1.1\r\nHost: x\r\n\r\n",
		"a body":         "GET /ask HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nab",
		"a length":       "GET /ask HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n",
		"chunks":         "GET /ask HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
		"HTTP/1.0":       "GET /ask HTTP/1.0\r\nHost: x\r\nConnection: keep-alive\r\n\r\n",
		"an upgrade":     "GET /ask HTTP/1.1\r\nHost: x\r\nUpgrade: h2c\r\n\r\n",
		"a long head":    "GET /ask HTTP/1.1\r\nHost: x\r\nA: " + strings.Repeat("a", 5000) + "\r\n\r\n",
	} {
		c := dial(t, g.addr)
		settle(t, c)
		if got := inTurn(t, c, raw)[0]; strings.Contains(got, "in place") || !strings.HasPrefix(got, "200") {
			t.Errorf("%s: %q", name, got)
		}
	}
	c = dial(t, g.addr)
	settle(t, c)
	equal(t, inTurn(t, c, "GET /ask HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", ask), "200 GET /ask 0 secure=false", "end")
	if told := g.refusals(); len(told) > 0 {
		t.Errorf("%v", told)
	}
}

// Requests that come together, or in pieces, are answered in their order.
func TestInPlaceKeepsTheOrder(t *testing.T) {
	g := start(t, Config{InPlace: told, InPlacePrefix: asking})
	c := dial(t, g.addr)
	settle(t, c)
	equal(t, answers(t, c, ask+ask+"GET /b HTTP/1.1\r\nHost: x\r\n\r\n", 3), there, there, "200 GET /b 0 secure=false")
	equal(t, answers(t, c, ask+"GET", 1), there)
	equal(t, answers(t, c, " /ask HTTP/1.1\r\nHost: x\r\n\r\n", 1), "200 GET /ask 0 secure=false")
	settle(t, c)
	equal(t, answers(t, c, ask, 1), here)
	equal(t, answers(t, c, "GET /ask HTTP/1.1\r\nHost: x\r\nHost: x\r\n\r\n", 2), "400 "+refusedBody, "end")
	c = dial(t, g.addr)
	settle(t, c)
	equal(t, answers(t, c, ask+"\x00", 2), there, "400 "+refusedBody)
}

// What is declined is net/http's, as if nobody had looked at it.
func TestInPlaceDeclined(t *testing.T) {
	var asked atomic.Int32
	decline := func(_ context.Context, _ *exchange.Request, dst []byte) ([]byte, bool) {
		asked.Add(1)
		return dst, false
	}
	g := start(t, Config{InPlace: decline, InPlacePrefix: asking, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = fmt.Fprint(w, r.RequestURI, r.Header["X-A"])
	})})
	c := dial(t, g.addr)
	for range 50 {
		if equal(t, inTurn(t, c, ask), "200 /ask?x[1 2]"); asked.Load() > 1 {
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
	t.Error("nobody was asked")
}

// The context says who is asking, as that of a handler does.
func TestInPlaceOverTLS(t *testing.T) {
	config, pool := certificate(t)
	var peer netip.Addr
	var secure bool
	g := start(t, Config{TLS: config, InPlacePrefix: asking, InPlace: func(ctx context.Context, r *exchange.Request, dst []byte) ([]byte, bool) {
		peer, secure = Peer(ctx), Secure(ctx) && r.Secure && r.Peer == Peer(ctx)
		return told(ctx, r, dst)
	}})
	c := tls.Client(dial(t, g.addr), &tls.Config{RootCAs: pool, ServerName: "localhost"})
	settle(t, c)
	equal(t, inTurn(t, c, ask), here)
	if !secure || peer != netip.MustParseAddr("127.0.0.1") {
		t.Errorf("peer %v, secure %v", peer, secure)
	}
}

// A connection that is answered in place is idle as long as any, from its last answer on,
// and a head that has begun has as long as any.
func TestInPlaceDeadlines(t *testing.T) {
	g := start(t, Config{InPlace: told, InPlacePrefix: asking, IdleTimeout: 400 * time.Millisecond, ReadHeaderTimeout: 200 * time.Millisecond})
	for _, last := range []string{"", "GET /ask HTT"} {
		c := dial(t, g.addr)
		settle(t, c)
		for range 4 {
			time.Sleep(250 * time.Millisecond)
			equal(t, inTurn(t, c, ask), here)
		}
		begun := time.Now()
		_, _ = io.WriteString(c, last)
		if got, err := io.ReadAll(c); last == "" && len(got) > 0 || err != nil {
			t.Errorf("%q: %q, %v", last, got, err)
		}
		if took := time.Since(begun); last == "" && took < 300*time.Millisecond || took > 3*time.Second {
			t.Errorf("%q: closed after %s", last, took)
		}
	}
}

// A shutdown waits for what is being answered, of which net/http knows nothing.
func TestInPlaceShutdown(t *testing.T) {
	inside, goOn := make(chan bool), make(chan bool)
	g := start(t, Config{InPlacePrefix: asking, InPlace: func(ctx context.Context, r *exchange.Request, dst []byte) ([]byte, bool) {
		if r.Target == asking+"/slow" {
			close(inside)
			<-goOn
		}
		return told(ctx, r, dst)
	}})
	c := dial(t, g.addr)
	settle(t, c)
	got := make(chan []string)
	go func() { got <- inTurn(t, c, "GET /ask/slow HTTP/1.1\r\nHost: x\r\n\r\n", ask) }()
	<-inside
	stopped := make(chan error)
	go func() { stopped <- g.stop() }()
	select {
	case <-stopped:
		t.Error("the shutdown did not wait")
	case <-time.After(100 * time.Millisecond):
	}
	close(goOn)
	equal(t, <-got, "200 in place GET /ask/slow x []", "end")
	if err := <-stopped; err != nil {
		t.Error(err)
	}
}

func TestInPlaceShutdownHasADeadline(t *testing.T) {
	inside, goOn := make(chan bool), make(chan bool)
	g := start(t, Config{InPlacePrefix: asking, ShutdownTimeout: 50 * time.Millisecond, InPlace: func(ctx context.Context, r *exchange.Request, dst []byte) ([]byte, bool) {
		if r.Target == asking+"/slow" {
			close(inside)
			<-goOn
		}
		return told(ctx, r, dst)
	}})
	c := dial(t, g.addr)
	settle(t, c)
	go func() { inTurn(t, c, "GET /ask/slow HTTP/1.1\r\nHost: x\r\n\r\n") }()
	<-inside
	time.AfterFunc(500*time.Millisecond, func() { close(goOn) }) // the goroutine is net/http's to wait for
	if err := g.stop(); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%v", err)
	}
}

// A panic ends its connection and nothing else.
func TestInPlacePanics(t *testing.T) {
	g := start(t, Config{InPlacePrefix: asking, InPlace: func(ctx context.Context, r *exchange.Request, dst []byte) ([]byte, bool) {
		if r.Target == asking+"/bad" {
			panic("a fault")
		}
		return told(ctx, r, dst)
	}})
	c, other := dial(t, g.addr), dial(t, g.addr)
	settle(t, c)
	settle(t, other)
	equal(t, inTurn(t, c, "GET /ask/bad HTTP/1.1\r\nHost: x\r\n\r\n"), "end")
	equal(t, inTurn(t, other, ask), here)
	if n := g.answering.Load(); n != 0 {
		t.Errorf("%d answers under way", n)
	}
}

// brief reads raw as a connection would that got it in one piece.
func brief(raw []byte) (*exchange.Request, bool) {
	c := &conn{judge: judge{maxHead: 32 << 10}, peer: &peer{}, server: &Server{config: Config{InPlacePrefix: asking}}}
	if good, v := c.judge.feed(raw); v != nil || good != len(raw) || !c.asked(raw) {
		return nil, false
	}
	return c.brief(bytes.Clone(raw))
}

// differs says how a request that may be answered in place differs from what net/http reads.
func differs(raw []byte) string {
	r, ok := brief(raw)
	if !ok {
		return ""
	}
	br := bufio.NewReader(bytes.NewReader(raw))
	want, err := http.ReadRequest(br)
	if err != nil {
		return fmt.Sprintf("net/http: %v", err)
	}
	if _, err := br.ReadByte(); err == nil || want.ContentLength != 0 || want.Close || want.TransferEncoding != nil {
		return fmt.Sprintf("net/http does not read it as one request without a body: %+v", want)
	}
	got := map[string][]string{}
	for name, values := range r.Fields.All() {
		if got[name] != nil || !slices.Equal(values, r.Fields.Values(name)) {
			return fmt.Sprintf("%s is there twice", name)
		}
		got[name] = values
	}
	if r.Method != want.Method || r.Target != want.RequestURI || r.Host != want.Host || !maps.EqualFunc(got, want.Header, slices.Equal[[]string]) {
		return fmt.Sprintf("%s %q %q %q, net/http: %s %q %q %q", r.Method, r.Target, r.Host, got, want.Method, want.RequestURI, want.Host, want.Header)
	}
	return ""
}

var briefSeeds = []string{
	ask,
	"GET /ask HTTP/1.1\r\nHost: x\r\nConnection: keep-alive\r\nKeep-Alive: 5\r\nTE: trailers\r\n\r\n",
	"GET /ask/a%41b?c=d#e HTTP/1.1\r\nhOST: [::1]:80\r\nx_y: 1\r\nx-y-Z: \xff\r\n!: \r\nX.Y:\r\n\r\n",
	"GET /ask HTTP/1.1\r\nHost:\r\nA:b\r\na: c\r\nB: d\r\nA:\te\t\r\n\r\n",
	"GET /ask HTTP/1.1\r\nHost: x\r\nCookie: a=b\r\nPragma: no-cache\r\n\r\n",
	"GET /ask HTTP/1.1\r\nHost: x\r\n\r\n" + ask,
	"GET /ask:b@c//d\\e|^`{}\"<> HTTP/1.1\r\nHost: x\r\n\r\n",
}

func TestBriefAgreesWithNetHTTP(t *testing.T) {
	taken := 0
	for _, raw := range briefSeeds {
		if why := differs([]byte(raw)); why != "" {
			t.Errorf("%q: %s", raw, why)
		}
		if _, ok := brief([]byte(raw)); ok {
			taken++
		}
	}
	if taken != 5 {
		t.Errorf("%d of the requests may be answered in place, want 5", taken)
	}
}

func FuzzBrief(f *testing.F) {
	for _, raw := range briefSeeds {
		f.Add([]byte(raw))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		if why := differs(raw); why != "" {
			t.Fatalf("%q: %s", raw, why)
		}
	})
}
