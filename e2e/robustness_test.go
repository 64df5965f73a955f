package e2e_test

import (
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sanmon-gate/sanmon/e2e/harness"
)

// seeds are well-formed requests that are mutated.
func seeds(g *harness.Gate, cookie, key string) []string {
	host := "Host: " + publicHost(g) + "\r\n"
	return []string{
		"GET / HTTP/1.1\r\n" + host + "\r\n",
		"GET /private/x?a=b HTTP/1.1\r\n" + host + "Cookie: " + g.CookieName() + "=" + cookie + "; theme=dark\r\n\r\n",
		"GET /notes HTTP/1.1\r\n" + host + "X-Api-Key: " + key + "\r\nAccept: application/json\r\n\r\n",
		"POST /notes HTTP/1.1\r\n" + host + "Content-Type: application/json\r\nContent-Length: 13\r\nAuthorization: Bearer " + key + "\r\n\r\n{\"title\":\"x\"}",
		"POST /form HTTP/1.1\r\n" + host + "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 21\r\nOrigin: " + g.URL + "\r\nSec-Fetch-Site: same-origin\r\nCookie: " + g.CookieName() + "=" + cookie + "\r\n\r\n_sanmon=abc&title=xyz",
		"POST /echo/x HTTP/1.1\r\n" + host + "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nX-Trailer: y\r\n\r\n",
		"POST /upload/file HTTP/1.1\r\n" + host + "Content-Type: multipart/form-data; boundary=b\r\nContent-Length: 87\r\n\r\n--b\r\nContent-Disposition: form-data; name=\"_sanmon\"\r\n\r\nabc\r\n--b--\r\n",
		"POST /.sanmon/login HTTP/1.1\r\n" + host + "Content-Type: application/json\r\nContent-Length: 34\r\n\r\n{\"email\":\"a@b.c\",\"password\":\"xxx\"}",
		"GET /.sanmon/login?next=/x HTTP/1.1\r\n" + host + "Accept-Language: ja,en;q=0.5\r\nSec-Fetch-Mode: navigate\r\nAccept: text/html\r\n\r\n",
		"GET /.sanmon/session?route=POST%20/notes HTTP/1.1\r\n" + host + "\r\n",
		"GET /ws HTTP/1.1\r\n" + host + "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
		"OPTIONS /echo/x HTTP/1.1\r\n" + host + "Origin: https://evil.example\r\nAccess-Control-Request-Method: PUT\r\n\r\n",
		"GET /echo/x HTTP/1.0\r\n" + host + "Range: bytes=0-10\r\nIf-None-Match: \"x\"\r\n\r\n",
		"POST /.sanmon/revoke-key HTTP/1.1\r\n" + host + "Content-Type: application/json\r\nContent-Length: 11\r\n\r\n{\"key\":\"x\"}",
	}
}

// mutate changes a few bytes as fuzzers do.
func mutate(r *rand.Rand, s string, others []string) string {
	b := []byte(s)
	special := []string{"\r\n", "\n", "\r", "\x00", "%", "%2e", "../", "//", ";", ":", " ", "\t", "_", "Content-Length: 1\r\n", "Transfer-Encoding: chunked\r\n", "Host: x\r\n", "Connection: close\r\n", "\xff\xfe", "é", strings.Repeat("A", 300), "Expect: 100-continue\r\n", "Cookie: sanmon=a\r\n", "X-Forwarded-For: 1.2.3.4\r\n"}
	for range 1 + r.IntN(4) {
		if len(b) == 0 {
			break
		}
		i := r.IntN(len(b))
		switch r.IntN(7) {
		case 0:
			b[i] = byte(r.IntN(256))
		case 1:
			b = append(b[:i], b[min(i+1+r.IntN(8), len(b)):]...)
		case 2:
			b = append(b[:i:i], append([]byte(special[r.IntN(len(special))]), b[i:]...)...)
		case 3:
			j := min(i+1+r.IntN(20), len(b))
			b = append(b[:j:j], append(append([]byte{}, b[i:j]...), b[j:]...)...)
		case 4:
			b = b[:i]
		case 5:
			o := others[r.IntN(len(others))]
			b = append(b[:i:i], o[r.IntN(len(o)):]...)
		case 6:
			b[i] ^= 1 << r.IntN(8)
		}
	}
	return string(b)
}

// TestRandomRequests: five thousand random and mutated raw requests cause no 5xx, no
// crash, and leave no goroutine and no descriptor behind (issue, "Bad input").
func TestRandomRequests(t *testing.T) {
	app := harness.SharedBackend(t, harness.FastAPI)
	routes := strings.NewReplacer("upstream: app, ", "", "upstream: hasty, ", "", "upstream: dead, ", "").Replace(notesRoutes)
	g := harness.StartGate(t, harness.Options{Upstream: app.URL, Routes: routes})
	g.AddUser(t, writer, "writer")
	c := g.Client(t)
	c.Login(t, writer)
	all := seeds(g, c.Cookie(t), g.AddKey(t, writer, "--role", "writer").Key)
	settle(t, g)
	goroutines, descriptors := g.Metric(t, "go_goroutines"), g.Metric(t, "process_open_fds")

	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	var mu sync.Mutex
	statuses := map[int]int{}
	var wg sync.WaitGroup
	for worker := range 40 {
		wg.Go(func() {
			r := rand.New(rand.NewPCG(seed, uint64(worker)))
			for range 125 {
				request := all[r.IntN(len(all))]
				if r.IntN(10) > 0 {
					request = mutate(r, request, all)
				}
				for _, status := range fire(g.Addr, request) {
					mu.Lock()
					statuses[status]++
					mu.Unlock()
					if status >= 500 {
						t.Errorf("status %d for %q", status, request)
					}
				}
			}
		})
	}
	wg.Wait()
	t.Logf("answers: %v", statuses)
	if done, err := g.Exited(); done {
		t.Fatalf("the server ended: %v", err)
	}
	if statuses[200] == 0 || statuses[400] == 0 {
		t.Error("the requests do not reach both verdicts")
	}
	// A second chance: idle connections to the backend time out on their own.
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(200 * time.Millisecond) {
		g2, d2 := g.Metric(t, "go_goroutines"), g.Metric(t, "process_open_fds")
		// The pool to the backend may keep a connection (two goroutines) per worker.
		if g2 <= goroutines+2*45 && d2 <= descriptors+45 {
			t.Logf("goroutines %v to %v, descriptors %v to %v", goroutines, g2, descriptors, d2)
			return
		}
		if time.Now().After(end) {
			t.Fatalf("goroutines %v to %v, descriptors %v to %v", goroutines, g2, descriptors, d2)
		}
	}
}

// settle lets what start-up began come to rest.
func settle(t *testing.T, g *harness.Gate) {
	t.Helper()
	for range 5 {
		harness.One(t, g.Raw(t, get(g, "/")))
	}
	time.Sleep(300 * time.Millisecond)
}

// fire sends bytes and returns the status of every answer. A client that has nothing more
// to say closes its side after a moment. "busy" to a client that has left is as good as
// no answer and counts as 0.
func fire(addr, request string) []int {
	conn, err := net.DialTimeout("tcp", addr, 5*time.Second)
	if err != nil {
		return []int{599}
	}
	defer func() { _ = conn.Close() }()
	_, _ = io.WriteString(conn, request)
	method, _, _ := strings.Cut(request, " ")
	all := harness.ReadAnswers(conn, method, 150*time.Millisecond, 150*time.Millisecond)
	left := len(all)
	_ = conn.(*net.TCPConn).CloseWrite()
	all = append(all, harness.ReadAnswers(conn, method, 8*time.Second, time.Second)...)
	var statuses []int
	for i, a := range all {
		if i >= left && a.Code() == "busy" {
			a.Status = 0
		}
		statuses = append(statuses, a.Status)
	}
	return statuses
}

// TestSlowClients: a head that never ends is cut, and other clients do not notice.
func TestSlowClients(t *testing.T) {
	g := notes(t)
	var conns []net.Conn
	for range 300 {
		c, err := net.Dial("tcp", g.Addr)
		if err != nil {
			t.Fatal(err)
		}
		conns = append(conns, c)
		_, _ = io.WriteString(c, "GET / HTTP/1.1\r\nHost: "+publicHost(g)+"\r\nX-Slow: ")
	}
	defer func() {
		for _, c := range conns {
			_ = c.Close()
		}
	}()
	start := time.Now()
	want(t, "another client", g.Client(t).Get(t, "/"), 200, "")
	if took := time.Since(start); took > time.Second {
		t.Errorf("another client waited %v", took)
	}
	_ = conns[0].SetReadDeadline(time.Now().Add(20 * time.Second))
	b, err := io.ReadAll(conns[0])
	if ne, ok := err.(net.Error); ok && ne.Timeout() {
		t.Error("a head that never ends is kept for more than 20 s")
	}
	if len(b) > 0 && !strings.HasPrefix(string(b), "HTTP/1.1 4") {
		t.Errorf("it was answered %q", clip(b))
	}
}

// TestNothingSecretIsLogged drives endpoints with planted secrets and searches every
// output: DESIGN §5.4, log hygiene.
func TestNothingSecretIsLogged(t *testing.T) {
	g := notes(t)
	c := signedIn(t, g, writer)
	k := g.AddKey(t, writer, "--role", "writer").Key
	canary := "canary-9f3b1c7d5e2a4680"
	secrets := []string{canary, c.Cookie(t), c.CSRF, k, k[22:54], harness.Password}
	for _, path := range []string{"/", "/echo/x", "/notes", "/form", "/nowhere", "/.sanmon/login", "/.sanmon/session", "/.sanmon/logout", "/dead/x"} {
		for _, fields := range [][]string{{"X-Api-Key", k}, {"Authorization", "Bearer " + canary}, {"Cookie", g.CookieName() + "=" + canary}, {"X-Sanmon-Csrf", canary}, {"Authorization", "Basic " + canary}, {"Sanmon-Assertion", canary}, {"Cookie", "sessionid=" + canary}} {
			c.Get(t, path, fields...)
			c.Post(t, path, urlencoded, "password="+canary+"&email=x@example.com", fields...)
		}
		c.Get(t, path+"?password="+canary+"&token="+canary+"&key="+canary)
	}
	c.TryLogin(t, writer, canary)
	_ = g.Run(t, canary+"\n", "user", "add", "--email", "bad address", "--role", "reader", "--password-stdin")
	time.Sleep(300 * time.Millisecond)
	for i, secret := range secrets {
		if n := strings.Count(g.Output(), secret); n > 0 {
			t.Errorf("secret number %d stands %d times in the log", i, n)
			for line := range strings.Lines(g.Output()) {
				if strings.Contains(line, secret) {
					t.Logf("%s", strings.ReplaceAll(line, secret, "<SECRET>"))
					break
				}
			}
		}
	}
	if a := g.AdminGet(t, "/metrics"); strings.Contains(string(a.Body), canary) || strings.Contains(string(a.Body), "nowhere") {
		t.Error("/metrics shows a secret or a path")
	}
	for line := range strings.Lines(g.Output()) {
		if !strings.HasPrefix(line, "{") || !strings.HasSuffix(strings.TrimSpace(line), "}") {
			t.Errorf("a log line is no JSON object: %s", clip([]byte(line)))
			break
		}
	}
}

// TestAdminListener: health, readiness and metrics there, and nothing of it in public.
func TestAdminListener(t *testing.T) {
	g := notes(t)
	for _, path := range []string{"/healthz", "/readyz", "/metrics"} {
		if a := g.AdminGet(t, path); a.Status != http.StatusOK {
			t.Errorf("%s = %d %s", path, a.Status, clip(a.Body))
		}
		if a := g.Client(t).Get(t, path); a.Status != 404 {
			t.Errorf("%s on the public listener = %d", path, a.Status)
		}
	}
	for _, path := range []string{"/.sanmon/", "/.sanmon/nothing", "/.sanmon/metrics", "/.sanmon/../x"} {
		if a := harness.One(t, g.Raw(t, get(g, path))); a.Status != 404 && a.Status != 400 {
			t.Errorf("%s = %d", path, a.Status)
		}
	}
	body := string(g.AdminGet(t, "/metrics").Body)
	for _, name := range []string{"sanmon_http_requests_total", "sanmon_build_info", "go_goroutines"} {
		if !strings.Contains(body, name) {
			t.Errorf("/metrics has no %s", name)
		}
	}
}
