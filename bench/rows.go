package main

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"
)

// loadKind is one kind of load.
type loadKind struct {
	name     string
	method   string
	path     string
	body     string
	duration time.Duration
}

func (b *bench) loads() []loadKind {
	body := `{"title":"note","body":"` + strings.Repeat("y", 280-26) + `"}`
	all := []loadKind{{"json", "GET", "/json", "", b.json}, {"html", "GET", "/html", "", b.html}, {"post", "POST", "/notes", body, b.post}}
	return slices.DeleteFunc(all, func(l loadKind) bool { return l.duration <= 0 })
}

// row is one thing that is measured.
type row struct {
	name   string
	prefix string // of the path, which selects the route
	auth   string // "", "session", "token" or "key"
	start  func(*bench) (addr string, p *process, err error)
}

func (b *bench) rows() []row {
	sanmon := func(level string) func(*bench) (string, *process, error) {
		return func(b *bench) (string, *process, error) { return b.gate.start(b, level, "local") }
	}
	all := []row{
		{"direct", "", "", func(b *bench) (string, *process, error) { return b.reference("upstream") }},
		{"bare", "", "", func(b *bench) (string, *process, error) { return b.reference("bare") }},
		{"public", "/p", "", sanmon(b.log)},
		{"session", "/s", "session", sanmon(b.log)},
		{"session+log", "/s", "session", sanmon("info")},
		{"token", "/t", "token", func(b *bench) (string, *process, error) {
			addr, p, err := b.gate.start(b, b.log, "local")
			if err == nil {
				err = b.gate.fetchTokens(addr)
			}
			return addr, p, err
		}},
		{"key", "/k", "key", sanmon(b.log)},
	}
	if b.limiter != "" {
		all = append(all, row{"key+limiter", "/k", "key", func(b *bench) (string, *process, error) { return b.gate.start(b, b.log, b.limiter) }})
	}
	only := list(b.only)
	return slices.DeleteFunc(all, func(r row) bool { return len(only) > 0 && !slices.Contains(only, r.name) })
}

// reference starts the bare proxy, or an upstream that is asked directly.
func (b *bench) reference(role string) (string, *process, error) {
	addr, err := freeAddr()
	if err != nil {
		return "", nil, err
	}
	p, err := b.launch.start(role, nil, b.self, "-role", role, "-addr", addr, "-to", b.upstream)
	if err != nil {
		return "", nil, err
	}
	return addr, p, waitOpen(addr, 5*time.Second)
}

// headSize is the size of every request head. A browser's is about that.
const headSize = 1100

// head builds a request head of headSize bytes: the fields of a browser, and a cookie of
// the application that fills it up.
func (b *bench) head(l loadKind, path, credential string) string {
	accept, dest := "application/json,text/html;q=0.9,*/*;q=0.8", "Sec-Fetch-Dest: empty\r\nSec-Fetch-Mode: cors\r\n"
	if l.name == "html" { // a person opens the page: all of layer 1 works on it
		accept, dest = "text/html,application/xhtml+xml,*/*;q=0.8", "Sec-Fetch-Dest: document\r\nSec-Fetch-Mode: navigate\r\n"
	}
	h := l.method + " " + path + " HTTP/1.1\r\nHost: " + b.gate.host + "\r\n" +
		"User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0\r\nAccept: " + accept + "\r\n" +
		"Accept-Language: en-GB,en;q=0.7,ja;q=0.3\r\nAccept-Encoding: gzip, deflate, br, zstd\r\n" + dest + "Sec-Fetch-Site: same-origin\r\n"
	if l.method == "POST" {
		h += fmt.Sprintf("Origin: http://%s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n", b.gate.host, len(l.body))
	}
	cookie := "Cookie: theme=dark; prefs="
	if c, ok := strings.CutPrefix(credential, "Cookie: "); ok {
		c, rest, _ := strings.Cut(c, "\r\n")
		cookie, credential = "Cookie: "+c+"; theme=dark; prefs=", rest
	}
	if credential != "" {
		h += credential + "\r\n"
	}
	fill := headSize - len(h) - len(cookie) - 4
	return h + cookie + strings.Repeat("z", max(fill, 1)) + "\r\n\r\n"
}

// requests builds the requests that take turns.
func (r row) requests(b *bench, l loadKind) []string {
	var all []string
	for _, c := range b.gate.credentials(r.auth, l.method) {
		all = append(all, b.head(l, r.prefix+l.path, c)+l.body)
	}
	return all
}

// check asks each row for what it must do: 200, the security headers, the assertion at
// the backend and no credential there; without credentials 401.
func (b *bench) check(addr string, r row) error {
	l := loadKind{method: "GET", path: "/check"}
	good, err := ask(addr, r.requestsFor(b, l, r.auth))
	if err != nil {
		return err
	}
	if good.status != http.StatusOK {
		return fmt.Errorf("check: status %d: %s", good.status, good.body)
	}
	if r.prefix == "" {
		return nil
	}
	if good.header.Get("X-Content-Type-Options") != "nosniff" || good.header.Get("Content-Security-Policy") == "" || good.header.Get("X-Request-Id") == "" {
		return fmt.Errorf("check: a security header is missing: %v", good.header)
	}
	if want := fmt.Sprintf("assertion=%t credentials=false", r.auth != ""); good.body != want {
		return fmt.Errorf("check: the backend saw %.80q, want %q", good.body, want)
	}
	if r.auth == "session" {
		if err := b.checkPage(addr, r); err != nil {
			return err
		}
	}
	if r.auth == "key" && good.header.Get("RateLimit") == "" {
		return fmt.Errorf("check: no RateLimit field")
	}
	bad, err := ask(addr, r.requestsFor(b, l, ""))
	if err != nil {
		return err
	}
	if r.auth != "" && bad.status != http.StatusUnauthorized {
		return fmt.Errorf("check: without credentials status %d, want 401", bad.status)
	}
	return nil
}

// checkPage asks for the page and for all that layer 1 does to it: a token in each of its
// three forms and in its head, our script with a nonce, and the strict policy.
func (b *bench) checkPage(addr string, r row) error {
	a, err := ask(addr, r.requestsFor(b, loadKind{name: "html", method: "GET", path: "/html"}, r.auth))
	if err != nil {
		return err
	}
	policy := strings.Join(a.header.Values("Content-Security-Policy"), ",")
	if n := strings.Count(a.body, "name=_sanmon"); n != 3 || !strings.Contains(a.body, "<script nonce=") || !strings.Contains(a.body, "src=/.sanmon/csrf.js") || !strings.Contains(policy, "'nonce-") {
		return fmt.Errorf("check: the page has %d of 3 tokens, or no script or nonce: %v\n%.600s", n, a.header, a.body)
	}
	return nil
}

func (r row) requestsFor(b *bench, l loadKind, auth string) string {
	return b.head(l, r.prefix+l.path, b.gate.credentials(auth, l.method)[0])
}

type asked struct {
	status int
	header http.Header
	body   string
}

func ask(addr, request string) (asked, error) {
	c, err := net.DialTimeout("tcp", addr, 2*time.Second)
	if err != nil {
		return asked{}, err
	}
	defer func() { _ = c.Close() }()
	_ = c.SetDeadline(time.Now().Add(5 * time.Second))
	if _, err := io.WriteString(c, request); err != nil {
		return asked{}, err
	}
	res, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		return asked{}, err
	}
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(res.Body)
	return asked{res.StatusCode, res.Header, string(body)}, err
}
