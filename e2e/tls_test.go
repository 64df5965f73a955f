package e2e_test

import (
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/sanmon-gate/sanmon/e2e/harness"
)

// secure is a gate with a certificate of its own.
func secure(t *testing.T) *harness.Gate {
	t.Helper()
	app := harness.SharedBackend(t, harness.FastAPI)
	return harness.SharedGate(t, "secure", func() harness.Options {
		return harness.Options{Upstream: app.URL, TLS: "{ self_signed: true }", Routes: `
  - { id: echo, match: { path: "/echo/{rest...}", methods: [GET, POST] }, boundary: public, ` + open + ` }
  - { id: page, match: { path: "/page" }, boundary: public }
  - { id: cookies, match: { path: "/cookies/{name}" }, boundary: public }
  - { id: download, match: { path: "/download" }, boundary: public }
  - { id: private, match: { path: "/private/{rest...}", methods: [GET, POST] }, boundary: [session], require: ["notes:read"] }
`}
	}, func(g *harness.Gate) { g.AddUser(t, writer, "writer") })
}

func TestTLS(t *testing.T) {
	g := secure(t)
	c := g.Client(t)
	a := c.TryLogin(t, writer, harness.Password)
	want(t, "login", a, 200, "")
	checkSessionCookie(t, g, a.Header) // __Host-, Secure
	c.CSRF = c.Session(t, "").CSRFToken
	a = c.Get(t, "/private/x")
	s := echoed(t, a)
	if a.Proto != "HTTP/2.0" || s.value("X-Forwarded-Proto") != "https" || s.Scheme != "https" {
		t.Errorf("over %s the backend sees %q, %q", a.Proto, s.value("X-Forwarded-Proto"), s.Scheme)
	}
	if hsts := a.Header.Get("Strict-Transport-Security"); !strings.HasPrefix(hsts, "max-age=31536000") {
		t.Errorf("HSTS %q", hsts)
	}
	want(t, "POST over HTTP/2", c.PostJSON(t, "/private/x", "y"), 200, "")
	if lines := c.Get(t, "/cookies/csrf").Header.Values("Set-Cookie"); len(lines) != 1 || !strings.Contains(lines[0], "Secure") {
		t.Errorf("a backend's cookie over https: %q", lines)
	}
	if a := c.Get(t, "/download?size=4194304"); len(a.Body) != 4<<20 {
		t.Errorf("download over HTTP/2: %d bytes", len(a.Body))
	}
	want(t, "the cookie of plain http", g.Client(t).Get(t, "/private/x", "Cookie", "sanmon="+c.Cookie(t)), 401, "login_required")
}

// TestPlainHTTPOnTheTLSPort: a navigation is sent to https, everything else is refused.
func TestPlainHTTPOnTheTLSPort(t *testing.T) {
	g := secure(t)
	plain := func(request string) harness.Answer {
		conn, err := net.Dial("tcp", g.Addr)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = conn.Close() }()
		_, _ = io.WriteString(conn, request)
		return harness.One(t, harness.ReadAnswers(conn, "GET", 10*time.Second, time.Second))
	}
	a := plain(get(g, "/page?x=1", "Sec-Fetch-Mode: navigate", "Accept: text/html"))
	if a.Status != 308 || a.Header.Get("Location") != g.URL+"/page?x=1" {
		t.Errorf("a navigation = %d to %q", a.Status, a.Header.Get("Location"))
	}
	want(t, "a fetch", plain(get(g, "/page", "Sec-Fetch-Mode: cors", "Accept: */*")), 403, "https_required")
	want(t, "a POST", plain(raw(g, "POST", "/echo/x", "a=b")), 403, "https_required")
	evil := plain("GET /page HTTP/1.1\r\nHost: evil.example\r\nSec-Fetch-Mode: navigate\r\nAccept: text/html\r\nConnection: close\r\n\r\n")
	if strings.Contains(evil.Header.Get("Location"), "evil.example") {
		t.Errorf("plain http redirects to %q", evil.Header.Get("Location"))
	}
}

// TestOldTLSIsRefused: TLS 1.2 is the oldest version, RFC 8996 and RFC 9325.
func TestOldTLSIsRefused(t *testing.T) {
	g := secure(t)
	for version, ok := range map[uint16]bool{tls.VersionTLS10: false, tls.VersionTLS11: false, tls.VersionTLS12: true, tls.VersionTLS13: true} {
		conn, err := tls.Dial("tcp", g.Addr, &tls.Config{InsecureSkipVerify: true, MinVersion: version, MaxVersion: version, ServerName: "localhost"})
		if (err == nil) != ok {
			t.Errorf("%s: %v", tls.VersionName(version), err)
		}
		if err == nil {
			_ = conn.Close()
		}
	}
}

// TestTLSWithoutSNIOrALPN: old and simple clients are served over HTTP/1.1.
func TestTLSWithoutALPN(t *testing.T) {
	g := secure(t)
	conn, err := tls.Dial("tcp", g.Addr, &tls.Config{InsecureSkipVerify: true})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	_, _ = io.WriteString(conn, get(g, "/page"))
	if a := harness.One(t, harness.ReadAnswers(conn, "GET", 10*time.Second, time.Second)); a.Status != http.StatusOK || a.Proto != "HTTP/1.1" {
		t.Errorf("%d over %s", a.Status, a.Proto)
	}
}
