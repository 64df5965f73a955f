package wire

import (
	"bufio"
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/big"
	mrand "math/rand/v2"
	"net"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sanmon-gate/sanmon/refusal"
)

// gate is a running Server and what it told.
type gate struct {
	*Server
	addr string
	stop func() error

	mu   sync.Mutex
	told []Refusal
}

func (g *gate) refusals() []Refusal {
	g.mu.Lock()
	defer g.mu.Unlock()
	return append([]Refusal(nil), g.told...)
}

// echo answers with method, target and the length of the body it read.
func echo(w http.ResponseWriter, r *http.Request) {
	n, err := io.Copy(io.Discard, Body(r))
	if err != nil {
		no, ok := errors.AsType[*refusal.Refusal](err)
		if !ok {
			panic(http.ErrAbortHandler) // the client went away
		}
		w.Header().Set("Connection", "close")
		w.WriteHeader(no.Status())
		_, _ = fmt.Fprint(w, no.Code)
		return
	}
	_, _ = fmt.Fprintf(w, "%s %s %d secure=%v", r.Method, r.RequestURI, n, Secure(r.Context()))
}

func start(t testing.TB, c Config) *gate {
	t.Helper()
	g := &gate{}
	c.Addr = "127.0.0.1:0"
	if c.Handler == nil {
		c.Handler = http.HandlerFunc(echo)
	}
	c.RequestID = func() string { return "req-1" }
	c.Refused = func(r Refusal) {
		g.mu.Lock()
		defer g.mu.Unlock()
		g.told = append(g.told, r)
	}
	s, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Listen(); err != nil {
		t.Fatal(err)
	}
	g.Server, g.addr = s, s.Addr().String()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Serve(ctx) }()
	var once sync.Once
	var result error
	g.stop = func() error {
		once.Do(func() { cancel(); result = <-done })
		return result
	}
	t.Cleanup(func() { _ = g.stop() })
	return g
}

func dial(t testing.TB, addr string) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	_ = c.SetDeadline(time.Now().Add(10 * time.Second))
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// answers sends raw and reads responses until the connection ends, or n of them.
func answers(t testing.TB, c net.Conn, raw string, n int) (out []string) {
	t.Helper()
	if _, err := io.WriteString(c, raw); err != nil {
		t.Fatal(err)
	}
	br := bufio.NewReader(c)
	for len(out) < n {
		res, err := http.ReadResponse(br, nil)
		if err != nil {
			return append(out, "end")
		}
		body, _ := io.ReadAll(res.Body)
		out = append(out, fmt.Sprintf("%d %s", res.StatusCode, body))
	}
	return out
}

func equal(t testing.TB, got []string, want ...string) {
	t.Helper()
	if strings.Join(got, "|") != strings.Join(want, "|") {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

const refusedBody = `{"type":"/.sanmon/problems#header_ambiguous","title":"The header of this request can be read in more than one way.","status":400,"code":"header_ambiguous","request_id":"req-1"}`

func TestServesAndKeepsAlive(t *testing.T) {
	g := start(t, Config{})
	equal(t, answers(t, dial(t, g.addr), "GET /a HTTP/1.1\r\nHost: x\r\n\r\n"+
		"POST /b HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"+
		"POST /c HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nabcd"+
		"GET /d HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", 9),
		"200 GET /a 0 secure=false", "200 POST /b 3 secure=false", "200 POST /c 4 secure=false", "200 GET /d 0 secure=false", "end")
	if told := g.refusals(); len(told) != 0 {
		t.Errorf("told %v", told)
	}
}

func TestRefusalIsACompleteAnswer(t *testing.T) {
	g := start(t, Config{})
	c := dial(t, g.addr)
	_, _ = io.WriteString(c, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n")
	res, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		t.Fatal(err)
	}
	body, _ := io.ReadAll(res.Body)
	if string(body) != refusedBody || !json.Valid(body) {
		t.Errorf("body %s", body)
	}
	for name, want := range map[string]string{"Content-Type": "application/problem+json", "Cache-Control": "no-store", "X-Request-Id": "req-1", "Content-Length": fmt.Sprint(len(refusedBody))} {
		if got := res.Header.Get(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	if res.StatusCode != 400 || !res.Close {
		t.Errorf("status %d, close %v", res.StatusCode, res.Close)
	}
	told := g.refusals()
	if len(told) != 1 || told[0].RequestID != "req-1" || told[0].Code != refusal.HeaderAmbiguous || told[0].Peer.Addr().String() != "127.0.0.1" {
		t.Errorf("told %+v", told)
	}
}

// TestEveryCaseOverTheWire sends the judge's corpus: nothing that is refused
// reaches a handler, and each refusal is answered and told once.
func TestEveryCaseOverTheWire(t *testing.T) {
	g := start(t, Config{})
	for _, c := range cases() {
		before := len(g.refusals())
		conn := dial(t, g.addr)
		_, _ = io.WriteString(conn, c.raw)
		if half, ok := conn.(*net.TCPConn); ok {
			_ = half.CloseWrite()
		}
		all, _ := io.ReadAll(conn)
		_ = conn.Close()
		wantCode := string(c.want)
		if c.want != ok && !bytes.Contains(all, []byte(wantCode)) {
			t.Errorf("%s: the answer %q has no %s", c.name, all, c.want)
		}
		if c.want == ok && bytes.Contains(all, []byte("ambiguous")) {
			t.Errorf("%s: refused: %q", c.name, all)
		}
		told := g.refusals()[before:]
		if n := len(told); (c.want == ok) != (n == 0) || n > 1 {
			t.Errorf("%s: told %v", c.name, told)
		}
	}
}

// TestRefusalWaitsForTheAnswerInFlight: a bad pipelined request neither cancels nor
// overtakes the good one before it.
func TestRefusalWaitsForTheAnswerInFlight(t *testing.T) {
	release := make(chan struct{})
	var cancelled error
	g := start(t, Config{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		<-release
		cancelled = r.Context().Err()
		_, _ = io.WriteString(w, "done")
	})})
	for _, second := range []string{"GET  / HTTP/1.1\r\n\r\n", "\r\nGET / HTTP/1.1\r\n", "\x00"} {
		for _, pieces := range [][]string{{"GET / HTTP/1.1\r\nHost: x\r\n\r\n" + second}, {"GET / HTTP/1.1\r\nHost: x\r\n\r\n", second}} {
			c := dial(t, g.addr)
			for _, p := range pieces {
				_, _ = io.WriteString(c, p)
				time.Sleep(20 * time.Millisecond)
			}
			go func() { release <- struct{}{} }()
			got := answers(t, c, "", 9)
			if len(got) != 3 || got[0] != "200 done" || !strings.HasPrefix(got[1], "400 ") || got[2] != "end" {
				t.Errorf("%q: %q", second, got)
			}
			if cancelled != nil {
				t.Errorf("%q: the first request was cancelled: %v", second, cancelled)
			}
		}
	}
}

// TestBadChunkReachesTheHandlerAsRefusal: a handler that reads the body answers.
func TestBadChunkReachesTheHandlerAsRefusal(t *testing.T) {
	g := start(t, Config{})
	equal(t, answers(t, dial(t, g.addr), chunked+"3\r\nabc\r\n", 0))
	equal(t, answers(t, dial(t, g.addr), chunked+"3\r\nabcd\r\n0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n", 9), "400 header_ambiguous", "end")
}

// TestNetHTTPsOwnRefusalIsReplaced: whatever net/http refuses and the judge does
// not know of is still answered in our form.
func TestNetHTTPsOwnRefusalIsReplaced(t *testing.T) {
	g := start(t, Config{netHTTPMaxHead: 1}) // net/http finds it too long; the judge does not
	c := dial(t, g.addr)
	got := answers(t, c, "GET / HTTP/1.1\r\nHost: x\r\nA: "+strings.Repeat("b", 8<<10)+"\r\n\r\n", 9)
	equal(t, got, "400 "+refusedBody, "end")
}

func TestSlowHeadIsCut(t *testing.T) {
	g := start(t, Config{ReadHeaderTimeout: 150 * time.Millisecond})
	c := dial(t, g.addr)
	begin := time.Now()
	go func() {
		for _, b := range []byte("GET / HTTP/1.1\r\nHost: x\r\nA: " + strings.Repeat("b", 1000)) {
			if _, err := c.Write([]byte{b}); err != nil {
				return
			}
			time.Sleep(10 * time.Millisecond)
		}
	}()
	_, _ = io.ReadAll(c)
	if took := time.Since(begin); took > 2*time.Second {
		t.Errorf("cut after %s", took)
	}
}

// A head that does not come to its end is no attack: nobody is answered, nothing is counted,
// wherever the cut is and whoever cuts.
func TestCutHeadIsNobodysFault(t *testing.T) {
	g := start(t, Config{ReadHeaderTimeout: 50 * time.Millisecond, IdleTimeout: 200 * time.Millisecond})
	for _, first := range []string{"", "GET /a HTTP/1.1\r\nHost: x\r\n\r\n"} {
		for _, part := range []string{"GE", "GET /as", "GET / HTTP/1.1\r", "GET / HTTP/1.1\r\n", "GET / HTTP/1.1\r\nHost: x\r\n", "GET / HTTP/1.1\r\nHos"} {
			for _, ends := range []bool{false, true} {
				c := dial(t, g.addr)
				if first != "" {
					equal(t, inTurn(t, c, first), "200 GET /a 0 secure=false")
				}
				_, _ = io.WriteString(c, part)
				if ends {
					_ = c.(*net.TCPConn).CloseWrite()
				}
				if got, err := io.ReadAll(c); len(got) > 0 || err != nil {
					t.Errorf("%q behind %q, client ends %v: %q, %v", part, first, ends, got, err)
				}
			}
		}
	}
	if told := g.refusals(); len(told) > 0 {
		t.Errorf("%v", told)
	}
}

func TestBodyMayBeSlowButMustMove(t *testing.T) {
	g := start(t, Config{ReadHeaderTimeout: 100 * time.Millisecond, BodyStall: 300 * time.Millisecond})
	c := dial(t, g.addr)
	_, _ = io.WriteString(c, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 6\r\n\r\n")
	for range 6 { // 0.9 s altogether, three times BodyStall
		time.Sleep(150 * time.Millisecond)
		_, _ = c.Write([]byte{'a'})
	}
	equal(t, answers(t, c, "", 1), "200 POST / 6 secure=false")

	c = dial(t, g.addr)
	_, _ = io.WriteString(c, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 6\r\n\r\na")
	begin := time.Now()
	_, _ = io.ReadAll(c)
	if took := time.Since(begin); took > 3*time.Second || took < 200*time.Millisecond {
		t.Errorf("a body that stands still was cut after %s", took)
	}
}

// TestClientThatDoesNotReadIsCut: a write that nobody takes fails.
func TestClientThatDoesNotReadIsCut(t *testing.T) {
	failed := make(chan error, 1)
	g := start(t, Config{WriteStall: 100 * time.Millisecond, Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		block := make([]byte, 1<<20)
		for range 1000 {
			if _, err := w.Write(block); err != nil {
				failed <- err
				return
			}
		}
		failed <- nil
	})})
	c := dial(t, g.addr)
	_, _ = io.WriteString(c, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
	select {
	case err := <-failed:
		if err == nil {
			t.Error("a gigabyte was written to nobody")
		}
	case <-time.After(5 * time.Second):
		t.Error("still writing")
	}
}

// TestQuietStreamIsNotCut: a handler may say nothing for longer than every stall.
func TestQuietStreamIsNotCut(t *testing.T) {
	g := start(t, Config{WriteStall: 50 * time.Millisecond, BodyStall: 50 * time.Millisecond, ReadHeaderTimeout: 50 * time.Millisecond, IdleTimeout: 50 * time.Millisecond,
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.WriteString(w, "one ")
			_ = http.NewResponseController(w).Flush()
			time.Sleep(400 * time.Millisecond)
			_, _ = fmt.Fprintf(w, "two %v", r.Context().Err())
		})})
	equal(t, answers(t, dial(t, g.addr), "GET / HTTP/1.1\r\nHost: x\r\n\r\n", 1), "200 one two <nil>")
}

func TestClientGoneCancelsTheRequest(t *testing.T) {
	cancelled := make(chan struct{})
	g := start(t, Config{Handler: http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		<-r.Context().Done()
		close(cancelled)
	})})
	c := dial(t, g.addr)
	_, _ = io.WriteString(c, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
	time.Sleep(30 * time.Millisecond)
	_ = c.Close()
	select {
	case <-cancelled:
	case <-time.After(2 * time.Second):
		t.Error("the handler was not told")
	}
}

// TestHijackedConnectionIsTransparent: after an upgrade bytes are no HTTP, not even
// those that were judged before the answer.
func TestHijackedConnectionIsTransparent(t *testing.T) {
	g := start(t, Config{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		time.Sleep(50 * time.Millisecond)
		c, rw, err := http.NewResponseController(w).Hijack()
		if err != nil {
			panic(err)
		}
		defer c.Close()
		_, _ = rw.WriteString("HTTP/1.1 101 Switching Protocols\r\n\r\n")
		_ = rw.Flush()
		buf := make([]byte, 12)
		_, _ = io.ReadFull(rw, buf)
		_, _ = c.Write(buf)
	})})
	c := dial(t, g.addr)
	_, _ = io.WriteString(c, "GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: y\r\n\r\n\x00\n\r ear")
	time.Sleep(100 * time.Millisecond)
	_, _ = io.WriteString(c, "\x01later")
	all, _ := io.ReadAll(c)
	if want := "HTTP/1.1 101 Switching Protocols\r\n\r\n\x00\n\r ear\x01late"; string(all) != want {
		t.Errorf("got %q, want %q", all, want)
	}
	if told := g.refusals(); len(told) != 0 {
		t.Errorf("told %v", told)
	}
}

func TestMaxConnsWaitInTheBacklog(t *testing.T) {
	g := start(t, Config{MaxConns: 2})
	a, b, c := dial(t, g.addr), dial(t, g.addr), dial(t, g.addr)
	const get = "GET / HTTP/1.1\r\nHost: x\r\n\r\n"
	equal(t, answers(t, a, get, 1), "200 GET / 0 secure=false")
	equal(t, answers(t, b, get, 1), "200 GET / 0 secure=false")
	_, _ = io.WriteString(c, get)
	_ = c.SetReadDeadline(time.Now().Add(100 * time.Millisecond))
	if n, _ := c.Read(make([]byte, 1)); n != 0 {
		t.Error("a third connection was served")
	}
	_ = a.Close()
	_ = c.SetReadDeadline(time.Now().Add(2 * time.Second))
	equal(t, answers(t, c, "", 1), "200 GET / 0 secure=false")
}

func TestMaxConnsPerPeer(t *testing.T) {
	g := start(t, Config{MaxConnsPerPeer: 1})
	a, b := dial(t, g.addr), dial(t, g.addr)
	equal(t, answers(t, a, "GET / HTTP/1.1\r\nHost: x\r\n\r\n", 1), "200 GET / 0 secure=false")
	if _, err := b.Read(make([]byte, 1)); err == nil {
		t.Error("a second connection was served")
	}
}

func TestShutdownFinishesRequests(t *testing.T) {
	begun := make(chan struct{})
	g := start(t, Config{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		close(begun)
		time.Sleep(200 * time.Millisecond)
		_, _ = io.WriteString(w, "finished")
	})})
	fresh, c := dial(t, g.addr), dial(t, g.addr)
	_, _ = io.WriteString(c, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
	<-begun
	begin := time.Now()
	stopped := make(chan error, 1)
	go func() { stopped <- g.stop() }()
	equal(t, answers(t, c, "", 1), "200 finished")
	if err := <-stopped; err != nil {
		t.Error(err)
	}
	if took := time.Since(begin); took > 3*time.Second {
		t.Errorf("shutdown took %s", took)
	}
	if _, err := fresh.Read(make([]byte, 1)); err == nil {
		t.Error("a connection outlived the server")
	}
}

func TestShutdownHasADeadline(t *testing.T) {
	begun := make(chan struct{})
	g := start(t, Config{ShutdownTimeout: 100 * time.Millisecond, Handler: http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		close(begun)
		<-r.Context().Done()
	})})
	c := dial(t, g.addr)
	_, _ = io.WriteString(c, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
	<-begun
	if err := g.stop(); err == nil {
		t.Error("no error, though a request was cut")
	}
}

// TestNoise: mutated requests crash nothing, leak nothing, and are answered with
// 2xx or 4xx where they are answered at all.
func TestNoise(t *testing.T) {
	g := start(t, Config{ReadHeaderTimeout: time.Second, BodyStall: time.Second})
	before := runtime.NumGoroutine()
	corpus := cases()
	random := mrand.New(mrand.NewPCG(1, 2))
	n := 5000
	if testing.Short() {
		n = 500
	}
	work := make(chan []byte)
	var workers sync.WaitGroup
	for range 8 {
		workers.Go(func() {
			for raw := range work {
				c, err := net.Dial("tcp", g.addr)
				if err != nil {
					t.Error(err)
					continue
				}
				_ = c.SetDeadline(time.Now().Add(5 * time.Second))
				_, _ = c.Write(raw)
				_ = c.(*net.TCPConn).CloseWrite()
				all, _ := io.ReadAll(c)
				_ = c.Close()
				if bytes.HasPrefix(all, []byte("HTTP/1.1 5")) || bytes.HasPrefix(all, []byte("HTTP/1.0 5")) {
					t.Errorf("%.200q: %.200q", raw, all)
				}
			}
		})
	}
	for range n {
		raw := []byte(corpus[random.IntN(len(corpus))].raw)
		raw = raw[:min(len(raw), 600)]
		for range random.IntN(5) {
			raw[random.IntN(len(raw))] = byte(random.Uint32())
		}
		work <- raw
	}
	close(work)
	workers.Wait()
	for range 100 {
		g.Server.mu.Lock()
		open := len(g.Server.conns)
		g.Server.mu.Unlock()
		if open == 0 && runtime.NumGoroutine() <= before+3 {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Errorf("%d goroutines before, %d after; %d connections", before, runtime.NumGoroutine(), len(g.Server.conns))
}

func certificate(t testing.TB) (*tls.Config, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "t"}, NotAfter: time.Now().Add(time.Hour),
		DNSNames: []string{"localhost"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	leaf, _ := x509.ParseCertificate(der)
	pool := x509.NewCertPool()
	pool.AddCert(leaf)
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}, pool
}

func TestTLS(t *testing.T) {
	config, pool := certificate(t)
	g := start(t, Config{TLS: config, Plain: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "https://"+r.Host+r.RequestURI, http.StatusPermanentRedirect)
	})})
	for _, h2 := range []bool{false, true} {
		client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}, ForceAttemptHTTP2: h2}}
		res, err := client.Post("https://"+g.addr+"/x", "text/plain", strings.NewReader("body"))
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(res.Body)
		_ = res.Body.Close()
		if string(body) != "POST /x 4 secure=true" || (res.ProtoMajor == 2) != h2 || res.TLS == nil {
			t.Errorf("h2=%v: %q over %s", h2, body, res.Proto)
		}
		client.CloseIdleConnections()
	}
	c := dial(t, g.addr)
	_, _ = io.WriteString(c, "GET /y HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
	all, _ := io.ReadAll(c)
	if !bytes.HasPrefix(all, []byte("HTTP/1.1 308")) || !bytes.Contains(all, []byte("Location: https://h/y\r\n")) {
		t.Errorf("plain HTTP on the TLS port: %q", all)
	}
	equal(t, answers(t, dial(t, g.addr), "GET  / HTTP/1.1\r\n\r\n", 9), `400 {"type":"/.sanmon/problems#target_ambiguous","title":"The address of this request can be read in more than one way.","status":400,"code":"target_ambiguous","request_id":"req-1"}`, "end")

	c = tls.Client(dial(t, g.addr), &tls.Config{RootCAs: pool, ServerName: "localhost"})
	equal(t, answers(t, c, "GET / HTTP/1.1\r\nHost: x\r\nA : b\r\n\r\n", 9), "400 "+refusedBody, "end")
}

func TestTLSVersionsAndSuites(t *testing.T) {
	config, pool := certificate(t)
	g := start(t, Config{TLS: config})
	for _, c := range []struct {
		name   string
		config *tls.Config
		ok     bool
	}{
		{"1.3", &tls.Config{MinVersion: tls.VersionTLS13}, true},
		{"1.2 AEAD", &tls.Config{MaxVersion: tls.VersionTLS12}, true},
		{"1.2 CBC", &tls.Config{MaxVersion: tls.VersionTLS12, CipherSuites: []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA}}, false},
		{"1.1", &tls.Config{MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}, false},
	} {
		c.config.RootCAs, c.config.ServerName = pool, "localhost"
		err := tls.Client(dial(t, g.addr), c.config).Handshake()
		if (err == nil) != c.ok {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	silent := dial(t, g.addr)
	_, _ = silent.Write([]byte{'G'}) // no Plain handler: closed
	if _, err := silent.Read(make([]byte, 1)); err == nil {
		t.Error("plain HTTP was answered without a handler for it")
	}
}

func TestHandshakeTimeout(t *testing.T) {
	config, _ := certificate(t)
	g := start(t, Config{TLS: config, HandshakeTimeout: 100 * time.Millisecond})
	for _, first := range []string{"", "\x16", "\x16\x03\x01"} {
		c := dial(t, g.addr)
		_, _ = io.WriteString(c, first)
		begin := time.Now()
		_, _ = io.ReadAll(c)
		if took := time.Since(begin); took > 2*time.Second {
			t.Errorf("%q: cut after %s", first, took)
		}
	}
}

// TestHTTP2StreamsAreTimed: neither a body that stands still nor a window that
// never opens holds a handler.
func TestHTTP2StreamsAreTimed(t *testing.T) {
	config, pool := certificate(t)
	ended := make(chan error, 2)
	g := start(t, Config{TLS: config, BodyStall: 200 * time.Millisecond, WriteStall: 200 * time.Millisecond, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			_, err := io.Copy(io.Discard, r.Body)
			ended <- err
			return
		}
		block := make([]byte, 1<<20)
		for range 100 {
			if _, err := w.Write(block); err != nil {
				ended <- err
				return
			}
		}
		ended <- nil
	})})
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}, ForceAttemptHTTP2: true}}
	pr, pw := io.Pipe()
	defer pw.Close()
	go func() {
		if res, err := client.Post("https://"+g.addr, "", pr); err == nil {
			_ = res.Body.Close()
		}
	}()
	res, err := client.Get("https://" + g.addr) // nobody reads its body
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	for range 2 {
		select {
		case err := <-ended:
			if err == nil {
				t.Error("a stalled stream ended well")
			}
		case <-time.After(5 * time.Second):
			t.Fatal("a stalled stream holds its handler")
		}
	}
}

func TestNewValidates(t *testing.T) {
	id := func() string { return "" }
	for _, c := range []Config{{RequestID: id, Addr: ":0"}, {Handler: http.NotFoundHandler(), Addr: ":0"}, {Handler: http.NotFoundHandler(), RequestID: id}} {
		if _, err := New(c); err == nil {
			t.Errorf("no error for %+v", c)
		}
	}
}

func BenchmarkServe(b *testing.B) {
	hello := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "hello") })
	b.Run("judged", func(b *testing.B) { roundTrips(b, start(b, Config{Handler: hello}).addr) })
	b.Run("net/http", func(b *testing.B) {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			b.Fatal(err)
		}
		s := &http.Server{Handler: hello, ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 75 * time.Second}
		go func() { _ = s.Serve(l) }()
		defer s.Close()
		roundTrips(b, l.Addr().String())
	})
}

func roundTrips(b *testing.B, addr string) {
	c := dial(b, addr)
	_ = c.SetDeadline(time.Time{})
	raw := []byte("GET /notes/42 HTTP/1.1\r\nHost: app.example.com\r\nUser-Agent: bench\r\nAccept: */*\r\nAccept-Encoding: gzip\r\nCookie: __Host-sanmon=0123456789abcdefghijklmnopqrstuvwxyzABCDEFG\r\n\r\n")
	buf := make([]byte, 4096)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := c.Write(raw); err != nil {
			b.Fatal(err)
		}
		if _, err := c.Read(buf); err != nil {
			b.Fatal(err)
		}
	}
}
