package portal

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/sanmon-gate/sanmon/caller"
	"github.com/sanmon-gate/sanmon/identity/session"
	"github.com/sanmon-gate/sanmon/refusal"
	"github.com/sanmon-gate/sanmon/secret"
	"github.com/sanmon-gate/sanmon/web/csrf"
)

const (
	good   = "correct horse battery staple"
	cookie = "SESSIONSECRET"
	origin = "https://app.example.com"
)

var noon = time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)

// house is the fakes around a portal.
type house struct {
	attempts []Attempt
	loginErr error
	judgeErr error
	ended    []string
	refused  []*refusal.Refusal
	dead     bool
	empty    bool // logins are granted without a session
}

func (h *house) Login(_ context.Context, a Attempt) (Grant, error) {
	h.attempts = append(h.attempts, a)
	if h.loginErr != nil {
		return Grant{}, h.loginErr
	}
	if string(a.Password.Expose()) != good {
		return Grant{}, refusal.New(refusal.LoginFailed, "operator only: wrong password for ann")
	}
	if h.empty {
		return Grant{DeviceCookie: "DEVICE"}, nil
	}
	return Grant{Secret: secret.NewString(cookie), DeviceCookie: "DEVICE"}, nil
}

func (h *house) Judge(_ context.Context, value string, _ Visit) (*caller.Caller, error) {
	if h.judgeErr != nil {
		return nil, h.judgeErr
	}
	if value != cookie || h.dead {
		return nil, refusal.New(refusal.SessionExpired, "operator only: no such session")
	}
	return &caller.Caller{
		Kind: caller.Session, Subject: "usr_1", Email: "ann@example.com", SID: "ses_1",
		Principal: &caller.Rights{Roles: []string{"writer"}}, AuthTime: noon, ExpiresAt: noon.Add(24 * time.Hour),
		Bindings: [][]byte{[]byte("binding of ses_1"), []byte("binding before")},
	}, nil
}

func (h *house) Leaving(ctx context.Context, value string, v Visit) (string, [][]byte, error) {
	c, err := h.Judge(ctx, value, v)
	if err != nil {
		return "", nil, err
	}
	return c.SID, c.Bindings, nil
}

func (h *house) End(_ context.Context, sid, reason string, v Visit) error {
	requestID := v.RequestID
	h.ended = append(h.ended, sid+" "+reason+" "+requestID)
	return nil
}

func (h *house) CSRF(method, path string) (csrf.Kind, string, bool) {
	switch method + " " + path {
	case "POST /notes":
		return csrf.Page, csrf.Scope(method, path), true
	case "POST /pay":
		return csrf.Once, csrf.Scope(method, path), true
	}
	return 0, "", false
}

func newPortal(t testing.TB) (*Portal, *house) {
	t.Helper()
	pages, err := NewPages("app.example.com")
	if err != nil {
		t.Fatal(err)
	}
	h := &house{}
	ring := secret.NewRing(secret.PurposeCSRF, secret.Key{Version: 1, Value: secret.NewString("0123456789abcdef0123456789abcdef")})
	return &Portal{
		Auth: h, Sessions: h, Routes: h, Pages: pages,
		Tokens:  &csrf.Tokens{Ring: ring, Origin: origin, Spent: &csrf.MemorySpent{}},
		Scopes:  func(*caller.Caller) []string { return []string{"notes:read", "notes:write"} },
		Refused: func(_ *http.Request, _ Visit, why *refusal.Refusal) { h.refused = append(h.refused, why) },
	}, h
}

// ask describes one request.
type ask struct {
	method, target, kind, body string
	cookies                    string
	header                     [2]string
	fetch                      bool // no navigation
}

func (a ask) send(p *Portal) *httptest.ResponseRecorder {
	method := a.method
	if method == "" {
		method = "GET"
	}
	r := httptest.NewRequest(method, origin+a.target, strings.NewReader(a.body))
	if a.kind != "" {
		r.Header.Set("Content-Type", a.kind)
	}
	if a.cookies != "" {
		r.Header.Set("Cookie", a.cookies)
	}
	if a.header[0] != "" {
		r.Header.Set(a.header[0], a.header[1])
	}
	w := httptest.NewRecorder()
	p.Serve(w, r, Visit{RequestID: "req_1", Network: netip.MustParseAddr("203.0.113.9"), Now: noon, Navigation: !a.fetch})
	return w
}

const (
	form     = "application/x-www-form-urlencoded"
	preValue = "abcdefghijklmnopqrstuv" // 22 characters
	pre      = "__Host-sanmon-pre=" + preValue
	live     = "__Host-sanmon=" + cookie
)

func preToken(p *Portal) string {
	return p.Tokens.Issue(csrf.Session, []byte("pre-session\x00"+preValue), "", noon)
}

func liveToken(p *Portal) string {
	return p.Tokens.Issue(csrf.Session, []byte("binding of ses_1"), "", noon)
}

func loginBody(token, password, next string) string {
	return url.Values{"_sanmon": {token}, "email": {"ann@example.com"}, "password": {password}, "next": {next}}.Encode()
}

func TestLoginPage(t *testing.T) {
	p, _ := newPortal(t)
	w := ask{target: "/.sanmon/login?next=%2Fnotes%3Fa%3D1"}.send(p)
	if w.Code != 200 {
		t.Fatalf("status %d, want 200", w.Code)
	}
	want := map[string]string{
		"Content-Type":            "text/html; charset=utf-8",
		"Content-Language":        "en",
		"Cache-Control":           "no-store",
		"Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
		"X-Content-Type-Options":  "nosniff",
		"Referrer-Policy":         "same-origin",
		"X-Request-Id":            "req_1",
	}
	for name, value := range want {
		if got := w.Header().Get(name); got != value {
			t.Errorf("%s: %q, want %q", name, got, value)
		}
	}
	body := w.Body.String()
	for _, part := range []string{`<html lang="en">`, `name="next" value="/notes?a=1"`, `autocomplete="username"`, `autocomplete="current-password"`, `<label for="email">`, `<main `, `<h1>`} {
		if !strings.Contains(body, part) {
			t.Errorf("the page lacks %s", part)
		}
	}
	for _, part := range []string{"<script", "style=", "onclick", "ZgotmplZ"} {
		if strings.Contains(body, part) {
			t.Errorf("the page has %s", part)
		}
	}
	set := w.Header()["Set-Cookie"]
	if len(set) != 1 || !regexp.MustCompile(`^__Host-sanmon-pre=[0-9A-Za-z]{22}; Path=/; HttpOnly; Secure; SameSite=Lax$`).MatchString(set[0]) {
		t.Errorf("Set-Cookie: %q", set)
	}
}

// TestLoginRoundTrip does what a browser does: get the form, send it back.
func TestLoginRoundTrip(t *testing.T) {
	p, h := newPortal(t)
	w := ask{target: "/.sanmon/login"}.send(p)
	token := regexp.MustCompile(`name="_sanmon" value="([^"]+)"`).FindStringSubmatch(w.Body.String())[1]
	jar, _, _ := strings.Cut(w.Header().Get("Set-Cookie"), ";")
	w = ask{method: "POST", target: "/.sanmon/login", kind: form, body: loginBody(token, good, "/notes"), cookies: jar}.send(p)
	if w.Code != 303 || w.Header().Get("Location") != "/notes" {
		t.Fatalf("%d to %q, want 303 to /notes", w.Code, w.Header().Get("Location"))
	}
	want := []string{
		"__Host-sanmon=SESSIONSECRET; Path=/; HttpOnly; Secure; SameSite=Lax",
		"__Host-sanmon-pre=; Path=/; Max-Age=0; HttpOnly; Secure; SameSite=Lax",
		"__Host-sanmon-device=DEVICE; Path=/; Max-Age=15552000; HttpOnly; Secure; SameSite=Lax",
	}
	for i, line := range w.Header()["Set-Cookie"] {
		if i >= len(want) || line != want[i] {
			t.Errorf("Set-Cookie %d: %q", i, line)
		}
	}
	a := h.attempts[0]
	if a.Email != "ann@example.com" || a.RequestID != "req_1" || a.Network != netip.MustParseAddr("203.0.113.9") || !a.Now.Equal(noon) {
		t.Errorf("attempt %+v", a)
	}
}

// noPlace is the refusal of a login that found no place for a session.
func noPlace() error {
	return &refusal.Refusal{Code: refusal.PermissionMissing, Reason: "operator only", Detail: "Sign out at one of them first.", Err: session.ErrFull}
}

// TestNoPlaceIsExplained: after a password, a code, a provider and a passkey alike, and to
// programs; the way to a new password is shown where there is one.
func TestNoPlaceIsExplained(t *testing.T) {
	p, h := newPortal(t)
	h.loginErr = noPlace()
	p.Providers, p.Ways.Second = &corp{err: noPlace()}, fullSecond{}
	for what, a := range map[string]ask{
		"password": {method: "POST", target: "/.sanmon/login", kind: form, body: loginBody(preToken(p), good, "/next"), cookies: pre},
		"code":     {method: "POST", target: "/.sanmon/login/code", kind: form, body: "code=123456&step=x&next=/next&_sanmon=" + url.QueryEscape(preToken(p)), cookies: pre},
		"provider": {target: begins + "/callback?code=x&state=y", cookies: pre},
	} {
		w := a.send(p)
		page := w.Body.String()
		if w.Code != 403 || !strings.Contains(page, "Sign out at one of them") || !strings.Contains(page, `name="password"`) || !strings.Contains(page, "/next") || strings.Contains(page, "operator only") || strings.Contains(page, "A new password ends") {
			t.Errorf("%s: %d\n%s", what, w.Code, page)
		}
		a.header = [2]string{"Accept-Language", "ja"}
		if w := a.send(p); !strings.Contains(w.Body.String(), "ログインできるセッション数の上限に達しているため") {
			t.Errorf("%s, in Japanese:\n%s", what, w.Body)
		}
		a.fetch = true
		if w := a.send(p); w.Code != 403 || !strings.Contains(w.Body.String(), `"code":"permission_missing"`) || !strings.Contains(w.Body.String(), "Sign out at one of them first.") {
			t.Errorf("%s, by a program: %d %s", what, w.Code, w.Body)
		}
	}
	if len(h.refused) != 9 {
		t.Errorf("%d refusals of 9 are in the log", len(h.refused))
	}
}

// TestALoginWithoutASessionIsNone: whoever grants one has a fault, and the browser gets nothing
// of it, whichever way somebody came.
func TestALoginWithoutASessionIsNone(t *testing.T) {
	p, h := newPortal(t)
	h.empty, p.Providers, p.Ways.Second = true, &corp{}, emptySecond{}
	for what, a := range map[string]ask{
		"password":   {method: "POST", target: "/.sanmon/login", kind: form, body: loginBody(preToken(p), good, "/next"), cookies: pre},
		"by program": {method: "POST", target: "/.sanmon/login", kind: "application/json", body: `{"email":"ann@example.com","password":"` + good + `"}`, fetch: true},
		"code":       {method: "POST", target: "/.sanmon/login/code", kind: form, body: "code=123456&step=x&next=/next&_sanmon=" + url.QueryEscape(preToken(p)), cookies: pre},
		"provider":   {target: begins + "/callback?code=x&state=y", cookies: pre},
	} {
		if w := a.send(p); w.Code != 500 || len(w.Header()["Set-Cookie"]) != 0 {
			t.Errorf("%s: %d, cookies %q, want 500 and none", what, w.Code, w.Header()["Set-Cookie"])
		}
	}
}

// emptySecond is a second step that grants nothing.
type emptySecond struct{ steps }

func (emptySecond) Second(context.Context, Attempt) (Grant, error) { return Grant{}, nil }

// fullSecond is a second step that finds no place.
type fullSecond struct{ steps }

type steps = Second

func (fullSecond) Second(context.Context, Attempt) (Grant, error) { return Grant{}, noPlace() }

func TestLoginForm(t *testing.T) {
	p, h := newPortal(t)
	token := preToken(p)
	busy := &refusal.Refusal{Code: refusal.Busy, Reason: "operator only", RetryAfter: 1500 * time.Millisecond}
	slow := &refusal.Refusal{Code: refusal.RateLimited, Reason: "operator only", RetryAfter: 30 * time.Second}
	for _, c := range []struct {
		name     string
		cookies  string
		body     string
		err      error
		status   int
		tries    int
		contains string
	}{
		{"good", pre, loginBody(token, good, "/"), nil, 303, 1, ""},
		{"wrong password", pre, loginBody(token, "guess", "/"), nil, 401, 1, "The e-mail address or the password is not right."},
		{"no token", pre, loginBody("", good, "/"), nil, 403, 0, "This form had no security token"},
		{"token of somebody else", "__Host-sanmon-pre=0123456789012345678901", loginBody(token, good, "/"), nil, 403, 0, "out of date or came from elsewhere"},
		{"no cookie", "", loginBody(token, good, "/"), nil, 403, 0, "out of date or came from elsewhere"},
		{"empty cookie", "__Host-sanmon-pre=", loginBody(p.Tokens.Issue(csrf.Session, nil, "", noon), good, "/"), nil, 403, 0, "out of date"},
		{"step-up with the token of the session", live, loginBody(liveToken(p), good, "/"), nil, 303, 1, ""},
		{"two pre-sessions", pre + "; __Host-sanmon-pre=0123456789012345678901", loginBody(token, good, "/"), nil, 400, 0, "more than one sign-in"},
		{"no password", pre, loginBody(token, "", "/"), nil, 422, 0, "Please enter your e-mail address"},
		{"e-mail twice", pre, loginBody(token, good, "/") + "&email=b", nil, 422, 0, "Please enter"},
		{"token twice", pre, loginBody(token, good, "/") + "&_sanmon=" + token, nil, 403, 0, "out of date"},
		{"long password", pre, loginBody(token, strings.Repeat("x", 1025), "/"), nil, 422, 0, ""},
		{"huge body", pre, loginBody(token, strings.Repeat("x", 20000), "/"), nil, 413, 0, "too large"},
		{"rate limited", pre, loginBody(token, good, "/"), slow, 429, 1, "Try again in 30 seconds."},
		{"busy", pre, loginBody(token, good, "/"), busy, 503, 1, "Try again in 2 seconds."},
		{"no place", pre, loginBody(token, good, "/"), noPlace(), 403, 1, "You are signed in at as many places as this site allows, so you were not signed in here."},
		{"not allowed", pre, loginBody(token, good, "/"), refusal.New(refusal.PermissionMissing, "operator only"), 403, 1, "You are not allowed to do this."},
		{"failure", pre, loginBody(token, good, "/"), errors.New("disk on fire"), 500, 1, "Something went wrong on our side."},
	} {
		h.attempts, h.loginErr = nil, c.err
		w := ask{method: "POST", target: "/.sanmon/login", kind: form, body: c.body, cookies: c.cookies}.send(p)
		body := w.Body.String()
		if w.Code != c.status || len(h.attempts) != c.tries || !strings.Contains(body, c.contains) {
			t.Errorf("%s: status %d, want %d; %d tries, want %d; page %.2000s", c.name, w.Code, c.status, len(h.attempts), c.tries, body)
		}
		if strings.Contains(body, "operator only") || strings.Contains(body, "disk on fire") || strings.Contains(body, good) {
			t.Errorf("%s: the page says too much", c.name)
		}
		if w.Code >= 400 && strings.Contains(strings.Join(w.Header()["Set-Cookie"], " "), cookie) {
			t.Errorf("%s: a refused login got a session", c.name)
		}
		if w.Code == 401 && w.Header().Get("WWW-Authenticate") != "Bearer" {
			t.Errorf("%s: WWW-Authenticate %q", c.name, w.Header().Get("WWW-Authenticate"))
		}
	}
}

func TestLoginFormKeepsEmailNeverPassword(t *testing.T) {
	p, _ := newPortal(t)
	w := ask{method: "POST", target: "/.sanmon/login", kind: form, body: loginBody(preToken(p), "my secret guess", "/notes"), cookies: pre}.send(p)
	body := w.Body.String()
	if !strings.Contains(body, `value="ann@example.com"`) || !strings.Contains(body, `name="next" value="/notes"`) || strings.Contains(body, "guess") {
		t.Errorf("page: %s", body)
	}
	if !strings.Contains(body, `role="alert"`) {
		t.Error("the message is not announced")
	}
}

func TestLoginJSON(t *testing.T) {
	p, h := newPortal(t)
	ok := `{"email":"ann@example.com","password":"` + good + `"}`
	for _, c := range []struct {
		name, kind, body string
		status           int
		code             string
	}{
		{"good", "application/json", ok, 200, ""},
		{"charset", "application/json; charset=utf-8", ok, 200, ""},
		{"next", "application/json", ok[:len(ok)-1] + `,"next":"//evil"}`, 200, ""},
		{"wrong", "application/json", `{"email":"ann@example.com","password":"x"}`, 401, "login_failed"},
		{"other parameter", "application/json; a=text/plain", ok, 415, "type_not_allowed"},
		{"text", "text/plain", ok, 415, "type_not_allowed"},
		{"no type", "", ok, 415, "type_not_allowed"},
		{"multipart", "multipart/form-data; boundary=x", ok, 415, "type_not_allowed"},
		{"unknown member", "application/json", ok[:len(ok)-1] + `,"role":"admin"}`, 422, "input_invalid"},
		{"twice", "application/json", ok[:len(ok)-1] + `,"email":"b"}`, 422, "input_invalid"},
		{"other case", "application/json", strings.Replace(ok, "email", "Email", 1), 422, "input_invalid"},
		{"not a string", "application/json", `{"email":"a@b","password":1}`, 422, "input_invalid"},
		{"nested", "application/json", `{"email":{"$ne":""},"password":"x"}`, 422, "input_invalid"},
		{"array", "application/json", `[` + ok + `]`, 422, "input_invalid"},
		{"trailing", "application/json", ok + ok, 422, "input_invalid"},
		{"cut", "application/json", ok[:len(ok)-1], 422, "input_invalid"},
		{"empty", "application/json", ``, 422, "input_invalid"},
		{"not UTF-8", "application/json", "{\"email\":\"\xff\",\"password\":\"x\"}", 422, "input_invalid"},
		{"no password", "application/json", `{"email":"ann@example.com"}`, 422, "input_invalid"},
		{"control character", "application/json", `{"email":"a\u0000@b","password":"x"}`, 422, "input_invalid"},
		{"large", "application/json", `{"email":"` + strings.Repeat("a", 4096) + `"}`, 413, "body_too_large"},
	} {
		h.attempts = nil
		w := ask{method: "POST", target: "/.sanmon/login", kind: c.kind, body: c.body, fetch: true}.send(p)
		if w.Code != c.status || c.code != "" && !strings.Contains(w.Body.String(), `"code":"`+c.code+`"`) {
			t.Errorf("%s: %d %s, want %d %s", c.name, w.Code, w.Body, c.status, c.code)
		}
		if c.code != "" && w.Header().Get("Content-Type") != "application/problem+json" {
			t.Errorf("%s: Content-Type %q", c.name, w.Header().Get("Content-Type"))
		}
	}
	w := ask{method: "POST", target: "/.sanmon/login", kind: "application/json", body: ok, fetch: true}.send(p)
	for _, part := range []string{`"authenticated":true`, `"subject":"usr_1"`, `"email":"ann@example.com"`, `"roles":["writer"]`, `"scopes":["notes:read","notes:write"]`, `"auth_time":"2026-11-25T12:00:00Z"`, `"expires_at":"2026-11-26T12:00:00Z"`, `"csrf_token":"s1.`} {
		if !strings.Contains(w.Body.String(), part) {
			t.Errorf("answer %s lacks %s", w.Body, part)
		}
	}
}

func TestStepUp(t *testing.T) {
	p, h := newPortal(t)
	w := ask{target: "/.sanmon/login?next=/notes", cookies: live + "; " + pre + "; __Host-sanmon-device=D"}.send(p)
	if !strings.Contains(w.Body.String(), "You are signed in as ann@example.com.") {
		t.Error("the page does not say who is signed in")
	}
	if set := w.Header()["Set-Cookie"]; len(set) != 0 {
		t.Errorf("a pre-session that exists was replaced: %q", set)
	}
	ask{method: "POST", target: "/.sanmon/login", kind: form, body: loginBody(preToken(p), good, "/notes"), cookies: live + "; " + pre + "; __Host-sanmon-device=D"}.send(p)
	if a := h.attempts[0]; a.Current != cookie || a.DeviceCookie != "D" {
		t.Errorf("attempt has current %q and device %q", a.Current, a.DeviceCookie)
	}
	h.judgeErr = refusal.New(refusal.Busy, "operator only")
	if w := (ask{target: "/.sanmon/login", cookies: live}).send(p); w.Code != 200 {
		t.Errorf("login page while the store is down: %d", w.Code)
	}
}

func TestSession(t *testing.T) {
	p, h := newPortal(t)
	for _, c := range []struct {
		name, target, cookies string
		status                int
		contains              string
		set                   int
	}{
		{"nobody", "/.sanmon/session", "", 200, `{"authenticated":false,"csrf_token":"s1.`, 1},
		{"nobody with pre-session", "/.sanmon/session", pre, 200, `{"authenticated":false,"csrf_token":"s1.`, 0},
		{"dead session", "/.sanmon/session", "__Host-sanmon=other; " + pre, 200, `{"authenticated":false,`, 0},
		{"somebody", "/.sanmon/session", live, 200, `"csrf_token":"s1.`, 0},
		{"page route", "/.sanmon/session?route=POST%20/notes", live, 200, `"csrf_token":"p1.`, 0},
		{"once route", "/.sanmon/session?route=POST+/pay", live, 200, `"csrf_token":"o1.`, 0},
		{"unknown route", "/.sanmon/session?route=POST%20/other", live, 404, `"code":"route_unknown"`, 0},
		{"no method", "/.sanmon/session?route=/notes", live, 422, `"code":"input_invalid"`, 0},
		{"two routes", "/.sanmon/session?route=POST%20/a&route=POST%20/b", live, 422, `"code":"input_invalid"`, 0},
		{"two cookies", "/.sanmon/session", live + "; __Host-sanmon=other", 400, `"code":"credential_ambiguous"`, 0},
		{"same cookie twice", "/.sanmon/session", live + "; " + live, 200, `"authenticated":true`, 0},
		{"name without prefix", "/.sanmon/session", "sanmon=" + cookie, 200, `"authenticated":false`, 1},
	} {
		w := ask{target: c.target, cookies: c.cookies, fetch: true}.send(p)
		if w.Code != c.status || !strings.Contains(w.Body.String(), c.contains) || len(w.Header()["Set-Cookie"]) != c.set {
			t.Errorf("%s: %d %s %q", c.name, w.Code, w.Body, w.Header()["Set-Cookie"])
		}
		if w.Header().Get("Cache-Control") != "no-store" {
			t.Errorf("%s: may be stored", c.name)
		}
	}
	h.judgeErr = refusal.New(refusal.Busy, "operator only")
	if w := (ask{target: "/.sanmon/session", cookies: live, fetch: true}).send(p); w.Code != 503 {
		t.Errorf("a store that does not answer: %d, want 503", w.Code)
	}
}

func TestLogout(t *testing.T) {
	p, h := newPortal(t)
	for _, c := range []struct {
		name   string
		ask    ask
		dead   bool
		status int
		ended  int
	}{
		{"header", ask{cookies: live, header: [2]string{"X-Sanmon-Csrf", liveToken(p)}, fetch: true}, false, 204, 1},
		{"form", ask{cookies: live, kind: form, body: "_sanmon=" + liveToken(p)}, false, 303, 1},
		{"form of a program", ask{cookies: live, kind: form, body: "_sanmon=" + liveToken(p), fetch: true}, false, 303, 1},
		{"token of the secret before", ask{cookies: live, header: [2]string{"X-Sanmon-Csrf", p.Tokens.Issue(csrf.Session, []byte("binding before"), "", noon)}, fetch: true}, false, 204, 1},
		{"no token", ask{cookies: live, kind: form}, false, 403, 0},
		{"token of the pre-session", ask{cookies: live + "; " + pre, kind: form, body: "_sanmon=" + preToken(p)}, false, 403, 0},
		{"nobody, page", ask{kind: form}, false, 303, 0},
		{"nobody, program", ask{fetch: true}, false, 401, 0},
		{"ended before, page", ask{cookies: live, kind: form, body: "_sanmon=" + liveToken(p)}, true, 303, 0},
		{"ended before, program", ask{cookies: live, header: [2]string{"X-Sanmon-Csrf", liveToken(p)}, fetch: true}, true, 401, 0},
		{"two sessions", ask{cookies: live + "; __Host-sanmon=x", kind: form, body: "_sanmon=" + liveToken(p)}, false, 400, 0},
	} {
		h.ended, h.dead = nil, c.dead
		c.ask.method, c.ask.target = "POST", "/.sanmon/logout"
		w := c.ask.send(p)
		if w.Code != c.status || len(h.ended) != c.ended {
			t.Errorf("%s: %d with %d ended, want %d with %d", c.name, w.Code, len(h.ended), c.status, c.ended)
		}
		if w.Code >= 400 {
			continue
		}
		want := "__Host-sanmon=; Path=/; Max-Age=0; HttpOnly; Secure; SameSite=Lax|__Host-sanmon-pre=; Path=/; Max-Age=0; HttpOnly; Secure; SameSite=Lax"
		if got := strings.Join(w.Header()["Set-Cookie"], "|"); got != want {
			t.Errorf("%s: Set-Cookie %s", c.name, got)
		}
		if got := w.Header().Get("Clear-Site-Data"); got != `"cache", "storage"` {
			t.Errorf("%s: Clear-Site-Data %s", c.name, got)
		}
	}
}

func TestCookiesOnLocalhost(t *testing.T) {
	c := Cookies{Insecure: true, SameSite: http.SameSiteStrictMode}
	for got, want := range map[string]string{
		c.Session(secret.NewString("v")).String():          "sanmon=v; Path=/; HttpOnly; SameSite=Strict",
		c.Pre("v").String():                                "sanmon-pre=v; Path=/; HttpOnly; SameSite=Lax",
		c.Device("v").String():                             "sanmon-device=v; Path=/; Max-Age=15552000; HttpOnly; SameSite=Lax",
		Cleared(c.Session(secret.NewString("v"))).String(): "sanmon=; Path=/; Max-Age=0; HttpOnly; SameSite=Strict",
		strings.Join(c.Names(), " "):                       "sanmon sanmon-pre sanmon-device sanmon-flash sanmon-link sanmon-app sanmon-bound",
		strings.Join(Cookies{}.Names(), " "):               "__Host-sanmon __Host-sanmon-pre __Host-sanmon-device __Host-sanmon-flash __Host-sanmon-link __Host-sanmon-app __Host-sanmon-bound",
	} {
		if got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}

func TestEndpoints(t *testing.T) {
	p, h := newPortal(t)
	for _, c := range []struct {
		method, target string
		status         int
		allow          string
	}{
		{"HEAD", "/.sanmon/login", 200, ""},
		{"HEAD", "/.sanmon/session", 200, ""},
		{"GET", "/.sanmon/problems", 200, ""},
		{"GET", "/.sanmon/csrf.js", 200, ""},
		{"POST", "/.sanmon/csrf.js", 405, "GET, HEAD"},
		{"GET", "/.sanmon/%6cogin", 404, ""},
		{"GET", "/.sanmon/login/", 404, ""},
		{"GET", "/.sanmon/assets/style.css", 404, ""},
		{"GET", "/.sanmon/assets/../login", 404, ""},
		{"GET", "/.sanmon/", 404, ""},
		{"GET", "/.sanmon/logout", 405, "POST"},
		{"DELETE", "/.sanmon/login", 405, "GET, HEAD, POST"},
		{"POST", "/.sanmon/session", 405, "GET, HEAD"},
	} {
		w := ask{method: c.method, target: c.target}.send(p)
		if w.Code != c.status || w.Header().Get("Allow") != c.allow {
			t.Errorf("%s %s: %d %q, want %d %q", c.method, c.target, w.Code, w.Header().Get("Allow"), c.status, c.allow)
		}
		if c.method == "HEAD" && w.Body.Len() != 0 {
			t.Errorf("%s %s has a body", c.method, c.target)
		}
	}
	if len(h.refused) != 9 {
		t.Errorf("the operator heard of %d refusals, want 9", len(h.refused))
	}
}

func TestAssets(t *testing.T) {
	p, _ := newPortal(t)
	page := ask{target: "/.sanmon/login"}.send(p).Body.String()
	links := regexp.MustCompile(`/\.sanmon/assets/[a-z]+\.[0-9a-f]{16}\.(css|svg)`).FindAllString(page, -1)
	if len(links) != 3 {
		t.Fatalf("the page links to %q", links)
	}
	for _, link := range links {
		w := ask{target: link}.send(p)
		if w.Code != 200 || w.Header().Get("Cache-Control") != "public, max-age=31536000, immutable" || w.Body.Len() == 0 {
			t.Errorf("%s: %d %q", link, w.Code, w.Header())
		}
	}
}

// grantor logs everybody in with an empty session.
type grantor struct{}

func (grantor) Login(context.Context, Attempt) (Grant, error) { return Grant{}, nil }

// TestEmptyGrant: a fault of the authenticator signs nobody in.
func TestEmptyGrant(t *testing.T) {
	p, _ := newPortal(t)
	p.Auth = grantor{}
	for _, a := range []ask{
		{kind: form, body: loginBody(preToken(p), good, "/"), cookies: pre},
		{kind: "application/json", body: `{"email":"ann@example.com","password":"x"}`, fetch: true},
	} {
		a.method, a.target = "POST", "/.sanmon/login"
		if w := a.send(p); w.Code != 500 || len(w.Header()["Set-Cookie"]) != 0 {
			t.Errorf("%s: %d %q", a.kind, w.Code, w.Header())
		}
	}
}

func BenchmarkRefusal(b *testing.B) {
	p, _ := newPortal(b)
	why := refusal.New(refusal.PermissionMissing, "operator only")
	for name, navigation := range map[string]bool{"problem": false, "page": true} {
		b.Run(name, func(b *testing.B) {
			r := httptest.NewRequest("GET", "/x", nil)
			b.ReportAllocs()
			for b.Loop() {
				p.Pages.WriteRefusal(httptest.NewRecorder(), r, why, "req_1", navigation)
			}
		})
	}
}
