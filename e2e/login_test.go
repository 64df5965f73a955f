package e2e_test

import (
	"fmt"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sanmon-gate/sanmon/e2e/harness"
)

// navigation are the fields of a browser that opens a page.
var navigation = []string{"Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "document", "Sec-Fetch-Site", "none", "Accept", "text/html,application/xhtml+xml", "Accept-Language", "en"}

func TestLoginByJSON(t *testing.T) {
	g := notes(t)
	c := g.Client(t)
	if s := c.Session(t, ""); s.Authenticated || s.Subject != "" {
		t.Fatalf("before login: %+v", s)
	}
	a := c.TryLogin(t, writer, harness.Password)
	want(t, "login", a, 200, "")
	checkSessionCookie(t, g, a.Header)
	s := c.Session(t, "")
	if !s.Authenticated || s.Email != writer || !slices.Equal(s.Roles, []string{"writer"}) || !slices.Equal(s.Scopes, []string{"notes:read", "notes:write"}) || s.Subject == "" {
		t.Errorf("after login: %+v", s)
	}
	for _, at := range []string{s.AuthTime, s.ExpiresAt} {
		if _, err := time.Parse(time.RFC3339, at); err != nil {
			t.Errorf("time %q: %v", at, err)
		}
	}
	want(t, "GET /private/x with the session", c.Get(t, "/private/x"), 200, "")
}

// checkSessionCookie holds Set-Cookie to DESIGN §4.
func checkSessionCookie(t *testing.T, g *harness.Gate, h http.Header) {
	t.Helper()
	for _, line := range h.Values("Set-Cookie") {
		if !strings.HasPrefix(line, g.CookieName()+"=") {
			continue
		}
		k, err := http.ParseSetCookie(line)
		if err != nil {
			t.Fatal(err)
		}
		if !k.HttpOnly || k.Path != "/" || k.Domain != "" || k.SameSite != http.SameSiteLaxMode || k.Secure != g.Secure || len(k.Value) < 43 {
			t.Errorf("Set-Cookie: %s", strings.Replace(line, k.Value, "…", 1))
		}
		return
	}
	t.Errorf("no session cookie was set: %d Set-Cookie lines", len(h.Values("Set-Cookie")))
}

// field finds the value of a hidden input.
func field(t *testing.T, page []byte, name string) string {
	t.Helper()
	for _, tag := range regexp.MustCompile(`<input[^>]*>`).FindAllString(string(page), -1) {
		if strings.Contains(tag, `name="`+name+`"`) {
			if m := regexp.MustCompile(`value="([^"]*)"`).FindStringSubmatch(tag); m != nil {
				return m[1]
			}
		}
	}
	t.Fatalf("the page has no input %q:\n%s", name, page)
	return ""
}

func TestLoginByForm(t *testing.T) {
	g := notes(t)
	c := g.Client(t)
	a := c.Get(t, "/form", navigation...)
	location, err := url.Parse(a.Header.Get("Location"))
	if err != nil || a.Status < 302 || a.Status > 303 || location.Path != "/.sanmon/login" || location.Query().Get("next") != "/form" {
		t.Fatalf("a navigation without a session = %d to %q", a.Status, a.Header.Get("Location"))
	}
	page := c.Get(t, location.String(), navigation...)
	want(t, "login page", page, 200, "")
	if csp := page.Header.Get("Content-Security-Policy"); strings.Contains(csp, "unsafe") || !strings.Contains(csp, "default-src 'none'") {
		t.Errorf("CSP of the login page: %q", csp)
	}
	form := url.Values{"email": {writer}, "password": {harness.Password}, "_sanmon": {field(t, page.Body, "_sanmon")}, "next": {"/form"}}
	done := c.Post(t, "/.sanmon/login", "application/x-www-form-urlencoded", form.Encode(), "Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "document", "Accept", "text/html")
	if done.Status != 303 || done.Header.Get("Location") != "/form" {
		t.Fatalf("login = %d to %q\n%s", done.Status, done.Header.Get("Location"), clip(done.Body))
	}
	want(t, "GET /form", c.Get(t, "/form", navigation...), 200, "")
}

// TestLoginFormNeedsItsToken: login CSRF. Without the token of the page nobody is signed
// in, whoever sent the form.
func TestLoginFormNeedsItsToken(t *testing.T) {
	g := notes(t)
	c := g.Client(t)
	form := url.Values{"email": {writer}, "password": {harness.Password}}
	a := c.Post(t, "/.sanmon/login", "application/x-www-form-urlencoded", form.Encode())
	if a.Status != 403 || c.Cookie(t) != "" {
		t.Errorf("login form without a token = %d", a.Status)
	}
	a = c.TryLogin(t, writer, harness.Password)
	want(t, "JSON login", a, 200, "")
	foreign := c.PostJSON(t, "/.sanmon/login", map[string]string{"email": writer, "password": harness.Password}, "Origin", "https://evil.example", "Sec-Fetch-Site", "cross-site")
	want(t, "JSON login from another site", foreign, 403, "origin_foreign")
	plain := c.Post(t, "/.sanmon/login", "text/plain", `{"email":"`+writer+`","password":"`+harness.Password+`"}`)
	if plain.Status < 400 || plain.Status > 499 {
		t.Errorf("JSON sent as text/plain = %d", plain.Status)
	}
}

// TestLoginTellsNothing: unknown account, wrong password and disabled account are the
// same answer.
func TestLoginTellsNothing(t *testing.T) {
	g := notes(t)
	g.AddUser(t, "off@example.com", "reader")
	g.CLI(t, "", "user", "disable", "off@example.com")
	c := g.Client(t)
	bodies := map[string]bool{}
	for _, try := range [][2]string{{writer, "wrong password 123"}, {"nobody@example.com", "wrong password 123"}, {"off@example.com", harness.Password}, {"not an address", harness.Password}} {
		a := c.TryLogin(t, try[0], try[1])
		want(t, "login as "+try[0], a, 401, "login_failed")
		if a.Header.Get("WWW-Authenticate") == "" {
			t.Errorf("login as %s: 401 without WWW-Authenticate", try[0])
		}
		bodies[strings.ReplaceAll(string(a.Body), a.Header.Get("X-Request-Id"), "")] = true
	}
	if len(bodies) != 1 {
		t.Errorf("%d different answers: %v", len(bodies), bodies)
	}
}

func TestLogout(t *testing.T) {
	g := notes(t)
	c := signedIn(t, g, writer)
	stolen := c.Cookie(t)
	token := c.CSRF
	c.CSRF = ""
	want(t, "logout without a token", c.Post(t, "/.sanmon/logout", "application/x-www-form-urlencoded", ""), 403, "csrf_missing")
	want(t, "still signed in", c.Get(t, "/private/x"), 200, "")
	c.CSRF = token
	if a := c.Post(t, "/.sanmon/logout", "application/x-www-form-urlencoded", ""); a.Status != 204 && a.Status != 303 {
		t.Fatalf("logout = %d\n%s", a.Status, clip(a.Body))
	}
	if c.Cookie(t) != "" {
		t.Error("the cookie outlived the session")
	}
	a := harness.One(t, g.Raw(t, get(g, "/private/x", "Cookie: "+g.CookieName()+"="+stolen)))
	if a.Status != 401 {
		t.Errorf("a copy of the cookie after logout = %d", a.Status)
	}
}

// TestLoginRotatesTheSecret: session fixation, and the step-up of DESIGN §7: the same
// session, a new secret, a new auth_time.
func TestLoginRotatesTheSecret(t *testing.T) {
	g := notes(t)
	c := signedIn(t, g, writer)
	first, at := c.Cookie(t), c.Session(t, "").AuthTime
	time.Sleep(1100 * time.Millisecond)
	s := c.Login(t, writer)
	if c.Cookie(t) == first || s.AuthTime == at {
		t.Errorf("a second login kept the secret (%v) or the time (%s, %s)", c.Cookie(t) == first, at, s.AuthTime)
	}
	chosen := "A123456789012345678901234567890123456789012"
	fixed := g.Client(t)
	a := fixed.PostJSON(t, "/.sanmon/login", map[string]string{"email": reader, "password": harness.Password}, "Cookie", g.CookieName()+"="+chosen)
	if fixed.Cookie(t) == chosen || fixed.Cookie(t) == "" {
		t.Errorf("login with a chosen secret = %d and keeps it", a.Status)
	}
}

// TestStepUp: a route with "fresh" wants a recent login and says so by RFC 9470.
func TestStepUp(t *testing.T) {
	g := notes(t)
	c := signedIn(t, g, writer)
	want(t, "right after login", c.Get(t, "/fresh"), 200, "")
	time.Sleep(1300 * time.Millisecond)
	a := c.Get(t, "/fresh")
	want(t, "later", a, 401, "step_up_required")
	if h := a.Header.Get("WWW-Authenticate"); !strings.Contains(h, "insufficient_user_authentication") {
		t.Errorf("WWW-Authenticate: %q (RFC 9470, Section 3)", h)
	}
	want(t, "another route", c.Get(t, "/private/x"), 200, "")
	c.Login(t, writer)
	want(t, "after login again", c.Get(t, "/fresh"), 200, "")
}

// TestReturnPathStaysHere: RT 56–66, open redirects.
func TestReturnPathStaysHere(t *testing.T) {
	g := notes(t)
	for _, next := range []string{"//evil.example", "/\\evil.example", "https://evil.example", "/\t/evil.example", "/%09/evil.example", "\\\\evil.example", "javascript:alert(1)", "/%2f/evil.example", "http:evil.example", "//evil.example/%2e%2e", "/..//evil.example", "/\r\nX: y", "@evil.example", "////evil.example", "/.sanmon/logout", "/ /evil.example", "/\x0b/evil.example", "\x00//evil.example"} {
		c := g.Client(t)
		page := c.Get(t, "/.sanmon/login?next="+url.QueryEscape(next), navigation...)
		form := url.Values{"email": {writer}, "password": {harness.Password}, "_sanmon": {field(t, page.Body, "_sanmon")}, "next": {next}}
		a := c.Post(t, "/.sanmon/login?next="+url.QueryEscape(next), "application/x-www-form-urlencoded", form.Encode(), "Sec-Fetch-Mode", "navigate", "Accept", "text/html")
		if a.Status != 303 || a.Header.Get("Location") != "/" {
			t.Errorf("next=%q: %d to %q", next, a.Status, a.Header.Get("Location"))
		}
	}
}

// TestThrottle: DESIGN §7, ten failures per account from unknown devices, then 429 with
// Retry-After, the right password included; another account from here still signs in.
func TestThrottle(t *testing.T) {
	app := harness.SharedBackend(t, harness.FastAPI)
	g := harness.StartGate(t, harness.Options{Upstream: app.URL, Routes: "  - { id: home, match: { path: \"/\" }, boundary: public }\n"})
	g.AddUser(t, writer, "writer")
	g.AddUser(t, reader, "reader")
	c := g.Client(t)
	for i := range 10 {
		want(t, "failure", c.TryLogin(t, writer, "wrong password 123"), 401, "login_failed")
		_ = i
	}
	a := c.TryLogin(t, writer, harness.Password)
	want(t, "the eleventh try", a, 429, "rate_limited")
	if a.Header.Get("Retry-After") == "" {
		t.Error("429 without Retry-After")
	}
	want(t, "another account", c.TryLogin(t, reader, harness.Password), 200, "")
	unknown := g.Client(t)
	var last harness.Answer
	for range 11 {
		last = unknown.TryLogin(t, "ghost@example.com", "wrong password 123")
	}
	want(t, "an unknown account is throttled alike", last, 429, "rate_limited")
}

// TestManyLoginsAtOnce: password hashing is bounded: too much of it is 503 busy or 429,
// never 500, and other requests go on.
func TestManyLoginsAtOnce(t *testing.T) {
	app := harness.SharedBackend(t, harness.FastAPI)
	g := harness.StartGate(t, harness.Options{Upstream: app.URL, Routes: "  - { id: home, match: { path: \"/\" }, boundary: public }\n"})
	var mu sync.Mutex
	seen := map[string]int{}
	var wg sync.WaitGroup
	for i := range 150 {
		wg.Go(func() {
			c := g.Client(t)
			a, err := c.Try(c.Request(t, "POST", "/.sanmon/login", strings.NewReader(fmt.Sprintf(`{"email":"u%d@example.com","password":%q}`, i, harness.Password)), "Content-Type", "application/json"))
			if err != nil {
				t.Error(err)
				return
			}
			mu.Lock()
			defer mu.Unlock()
			if seen[a.Code()]++; (a.Status == 503 || a.Status == 429) && a.Header.Get("Retry-After") == "" {
				t.Errorf("%d without Retry-After", a.Status)
			}
		})
	}
	start := time.Now()
	want(t, "meanwhile", g.Client(t).Get(t, "/"), 200, "")
	if took := time.Since(start); took > 3*time.Second {
		t.Errorf("a public page took %v while others signed in", took)
	}
	wg.Wait()
	t.Logf("answers: %v", seen)
	if seen["login_failed"] == 0 || seen["login_failed"]+seen["busy"]+seen["rate_limited"] != 150 {
		t.Errorf("150 logins at once: %v, want some login_failed and nothing else but busy and rate_limited", seen)
	}
}

// TestRevokedSessionsEndAtOnce: the command line ends sessions of a running server within
// 250 ms (issue item 13).
func TestRevokedSessionsEndAtOnce(t *testing.T) {
	g := notes(t)
	email := "sora@example.com"
	g.AddUser(t, email, "writer")
	// In this order: whoever is disabled cannot sign in for what comes next.
	for _, end := range [][]string{{"session", "revoke", "--user", email}, {"user", "disable", email}} {
		t.Run(end[0]+" "+end[1], func(t *testing.T) {
			c := signedIn(t, g, email)
			want(t, "before", c.Get(t, "/private/x"), 200, "")
			g.CLI(t, "", end...)
			eventually(t, 250*time.Millisecond, func() bool { return c.Get(t, "/private/x").Status == 401 })
		})
	}
	g.CLI(t, "", "user", "enable", email)
	t.Run("user roles", func(t *testing.T) {
		c := signedIn(t, g, email)
		want(t, "before", c.PostJSON(t, "/notes", map[string]string{"title": "x"}), 201, "")
		g.CLI(t, "", "user", "roles", email, "reader")
		eventually(t, 250*time.Millisecond, func() bool {
			return c.PostJSON(t, "/notes", map[string]string{"title": "x"}).Code() == "permission_missing"
		})
		want(t, "reading", c.Get(t, "/notes"), 200, "")
	})
	t.Run("user reset", func(t *testing.T) {
		c := signedIn(t, g, email)
		g.CLI(t, "another good password 77\n", "user", "reset", email, "--password-stdin")
		eventually(t, 250*time.Millisecond, func() bool { return c.Get(t, "/private/x").Status == 401 })
		want(t, "the old password", g.Client(t).TryLogin(t, email, harness.Password), 401, "login_failed")
		want(t, "the new password", g.Client(t).TryLogin(t, email, "another good password 77"), 200, "")
	})
}

// eventually polls cond until it holds. The command that caused the change has already
// ended, so the bound is the time that the running server may take. On a machine that has
// more to do than cores, that time is not the server's alone: then four times the bound
// fails.
func eventually(t *testing.T, bound time.Duration, cond func() bool) {
	t.Helper()
	start := time.Now()
	for !cond() {
		if time.Since(start) > 5*time.Second {
			t.Fatalf("not in force after 5 s, want %v", bound)
		}
		time.Sleep(5 * time.Millisecond)
	}
	took := time.Since(start)
	if took > bound && overloaded() && took <= 4*bound {
		t.Logf("in force after %v, want within %v, on an overloaded machine", took, bound)
		return
	}
	if took > bound {
		t.Errorf("in force after %v, want within %v", took, bound)
	}
}

// overloaded reports whether more processes wanted to run than there are cores, in the
// last minute.
func overloaded() bool {
	b, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return false
	}
	var load float64
	_, err = fmt.Sscan(string(b), &load)
	return err == nil && load > float64(runtime.NumCPU())
}

func TestSessionList(t *testing.T) {
	g := notes(t)
	email := "yuki@example.com"
	g.AddUser(t, email, "reader")
	c := signedIn(t, g, email)
	var list []struct {
		SID, User, Network, Device string
		CreatedAt                  string `json:"created_at"`
		LastSeenAt                 string `json:"last_seen_at"`
	}
	g.CLIJSON(t, &list, "", "session", "list", "--user", email)
	if len(list) != 1 || list[0].SID == "" || list[0].CreatedAt == "" || list[0].LastSeenAt == "" || list[0].Network == "" {
		t.Fatalf("session list: %+v", list)
	}
	if list[0].SID == c.Cookie(t) {
		t.Error("session list prints the secret")
	}
	g.CLI(t, "", "session", "revoke", list[0].SID)
	eventually(t, 250*time.Millisecond, func() bool { return c.Get(t, "/private/x").Status == 401 })
}
