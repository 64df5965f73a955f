package e2e_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/sanmon-gate/sanmon/e2e/harness"
)

// floorHTML is the header set of research layer 1, section C, on a page over plain
// http://localhost.
var floorHTML = map[string]string{
	"X-Content-Type-Options": "nosniff", "Referrer-Policy": "strict-origin-when-cross-origin", "X-Frame-Options": "SAMEORIGIN",
	"Cross-Origin-Opener-Policy": "same-origin-allow-popups", "Cross-Origin-Resource-Policy": "same-origin",
}

// single are the fields that an answer has at most once.
var single = []string{"X-Content-Type-Options", "Referrer-Policy", "X-Frame-Options", "Cross-Origin-Opener-Policy", "Cross-Origin-Resource-Policy", "Strict-Transport-Security", "X-Request-Id", "Content-Type", "Content-Length", "Date"}

func TestFloorHeaders(t *testing.T) {
	g := notes(t)
	c := g.Client(t)
	for _, path := range []string{"/page", "/form-nowhere", "/.sanmon/login"} {
		h := c.Get(t, path, navigation...).Header
		for name, wanted := range floorHTML {
			if name == "X-Frame-Options" && h.Get(name) == "DENY" || name == "Cross-Origin-Opener-Policy" && h.Get(name) == "same-origin" || name == "Referrer-Policy" && h.Get(name) == "no-referrer" || name == "Referrer-Policy" && h.Get(name) == "same-origin" {
				continue // stricter
			}
			if got := h.Get(name); got != wanted {
				t.Errorf("%s: %s = %q, want %q", path, name, got, wanted)
			}
		}
		csp := strings.Join(h.Values("Content-Security-Policy"), ", ")
		for _, directive := range []string{"object-src 'none'", "base-uri", "frame-ancestors", "form-action"} {
			if !strings.Contains(csp, directive) && !strings.Contains(csp, "default-src 'none'") {
				t.Errorf("%s: CSP %q has no %s", path, csp, directive)
			}
		}
		checkSingle(t, path, h)
	}
}

func checkSingle(t *testing.T, what string, h http.Header) {
	t.Helper()
	for _, name := range single {
		if n := len(h.Values(name)); n > 1 {
			t.Errorf("%s: %s stands %d times: %q", what, name, n, h.Values(name))
		}
	}
	if h.Get("X-Powered-By") != "" || strings.Contains(h.Get("Server"), "uvicorn") || strings.Contains(h.Get("Server"), "notes") || strings.Contains(h.Get("Server"), "gunicorn") {
		t.Errorf("%s: banners Server %q, X-Powered-By %q", what, h.Get("Server"), h.Get("X-Powered-By"))
	}
}

// TestBackendHeadersAreKeptWhenStricter and mended when weaker, never doubled.
func TestBackendHeaders(t *testing.T) {
	g := notes(t)
	c := g.Client(t)
	for _, row := range []struct{ path, name, want string }{
		{"/headers/stricter", "X-Frame-Options", "DENY"}, {"/headers/stricter", "Referrer-Policy", "no-referrer"}, {"/headers/stricter", "X-Content-Type-Options", "nosniff"},
		{"/headers/weaker", "X-Frame-Options", "SAMEORIGIN"}, {"/headers/weaker", "Referrer-Policy", "strict-origin-when-cross-origin"},
		{"/headers/reserved", "Sanmon-Assertion", ""},
	} {
		h := c.Get(t, row.path).Header
		if got := h.Get(row.name); got != row.want {
			t.Errorf("%s: %s = %q, want %q", row.path, row.name, got, row.want)
		}
		checkSingle(t, row.path, h)
	}
	if id := c.Get(t, "/headers/reserved").Header.Get("X-Request-Id"); id == "backend" || id == "" {
		t.Errorf("X-Request-Id = %q", id)
	}
	csp := strings.Join(c.Get(t, "/headers/csp").Header.Values("Content-Security-Policy"), " | ")
	if !strings.Contains(csp, "default-src 'self'; frame-ancestors 'none'") {
		t.Errorf("the backend's CSP is gone: %q", csp)
	}
}

// TestBackendCookies: hardened, never weakened, never ours. DESIGN §7.
func TestBackendCookies(t *testing.T) {
	g := notes(t)
	c := g.Client(t)
	for _, row := range []struct{ name, has, hasNot string }{
		{"session", "HttpOnly;SameSite=Lax", ""}, {"csrf", "SameSite=Lax", "HttpOnly"}, {"own", "SameSite=Strict;Secure;HttpOnly;Max-Age=60;Path=/app", "SameSite=Lax"},
	} {
		lines := c.Get(t, "/cookies/"+row.name).Header.Values("Set-Cookie")
		if len(lines) != 1 {
			t.Errorf("%s: %d Set-Cookie lines: %q", row.name, len(lines), lines)
			continue
		}
		for attribute := range strings.SplitSeq(row.has, ";") {
			if !strings.Contains(lines[0], attribute) {
				t.Errorf("%s: %q has no %s", row.name, lines[0], attribute)
			}
		}
		if row.hasNot != "" && strings.Contains(lines[0], row.hasNot) {
			t.Errorf("%s: %q has %s", row.name, lines[0], row.hasNot)
		}
	}
	for _, name := range []string{"reserved", "reserved-local", "reserved-case"} {
		if lines := c.Get(t, "/cookies/"+name).Header.Values("Set-Cookie"); len(lines) != 0 {
			t.Errorf("%s: a backend sets %q", name, lines)
		}
	}
}

// TestBackendErrorsPassAsTheyAre: an application's own 404 or 500 is its own answer.
func TestBackendErrors(t *testing.T) {
	g := notes(t)
	c := g.Client(t)
	for _, status := range []string{"404", "409", "418", "503"} {
		a := c.Get(t, "/error/"+status)
		if got := http.StatusText(a.Status); a.Code() != "" || !strings.Contains(string(a.Body), status) {
			t.Errorf("the backend's %s arrives as %d %s: %s", status, a.Status, got, clip(a.Body))
		}
	}
	if a := c.Get(t, "/error/500"); a.Status != 500 || strings.Contains(string(a.Body), "secret-of-the-backend") {
		t.Errorf("the backend's crash arrives as %d %s", a.Status, clip(a.Body))
	}
	if a := c.Get(t, "/redirect?to=/page"); a.Status != 302 || a.Header.Get("Location") != "/page" {
		t.Errorf("a redirect arrives as %d to %q", a.Status, a.Header.Get("Location"))
	}
	want(t, "FastAPI's documentation page", c.Get(t, "/docs"), 200, "")
}

// TestDjangoWorksUnchanged: a form under Django's own CSRF protection, a file upload and
// a session login, through the gate.
func TestDjangoWorksUnchanged(t *testing.T) {
	b := harness.SharedBackend(t, harness.Django)
	g := harness.StartGate(t, harness.Options{Upstream: b.URL, Routes: `
  - { id: login, match: { path: "/login/", methods: [GET, POST] }, boundary: public, ` + open + ` }
  - { id: me, match: { path: "/me/" }, boundary: public }
  - { id: notes, match: { path: "/notes/", methods: [GET, POST] }, boundary: [session] }
  - { id: upload, match: { path: "/upload/", methods: [GET, POST] }, boundary: [session] }
  - { id: error, match: { path: "/error/500" }, boundary: public }
`})
	g.AddUser(t, writer, "writer")
	c := signedIn(t, g, writer)
	own := func(path string) string { return field(t, c.Get(t, path).Body, "csrfmiddlewaretoken") }

	a := c.Post(t, "/login/", urlencoded, "username=dora&password=django-password-1&csrfmiddlewaretoken="+own("/login/"))
	want(t, "Django login", a, 302, "")
	for _, line := range a.Header.Values("Set-Cookie") {
		if strings.HasPrefix(line, "sessionid=") && !strings.Contains(line, "HttpOnly") {
			t.Errorf("Django's session cookie: %s", line)
		}
	}
	if a := c.Get(t, "/me/"); !strings.Contains(string(a.Body), `"dora"`) {
		t.Errorf("Django does not know its own session: %s", a.Body)
	}
	token := c.CSRF
	c.CSRF = "" // the form carries it, as a page would
	title := "written-through-the-gate"
	want(t, "without our token", c.Post(t, "/notes/", urlencoded, "title="+title+"&csrfmiddlewaretoken="+own("/notes/")), 403, "csrf_missing")
	want(t, "with both tokens", c.Post(t, "/notes/", urlencoded, "_sanmon="+token+"&title="+title+"&csrfmiddlewaretoken="+own("/notes/")), 302, "")
	if a := c.Get(t, "/notes/"); !strings.Contains(string(a.Body), title) {
		t.Error("the note is not there")
	}
	body := "--b\r\nContent-Disposition: form-data; name=\"_sanmon\"\r\n\r\n" + token + "\r\n--b\r\nContent-Disposition: form-data; name=\"csrfmiddlewaretoken\"\r\n\r\n" + own("/upload/") +
		"\r\n--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.txt\"\r\nContent-Type: text/plain\r\n\r\nhello\r\n--b--\r\n"
	a = c.Post(t, "/upload/", "multipart/form-data; boundary=b", body)
	want(t, "file upload", a, 200, "")
	if s := string(a.Body); !strings.Contains(s, `"length": 5`) || !strings.Contains(s, `"fields": ["csrfmiddlewaretoken"]`) {
		t.Errorf("Django got %s", s)
	}
	if a := c.Get(t, "/error/500"); a.Status != 500 || strings.Contains(string(a.Body), "secret-of-the-backend") {
		t.Errorf("a crash in Django arrives as %d %s", a.Status, clip(a.Body))
	}
}
