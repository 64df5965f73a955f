package e2e_test

import (
	"bytes"
	"mime/multipart"
	"net/url"
	"strings"
	"testing"

	"github.com/sanmon-gate/sanmon/e2e/harness"
)

const urlencoded = "application/x-www-form-urlencoded"

func TestWritesNeedAToken(t *testing.T) {
	g := notes(t)
	c := signedIn(t, g, writer)
	other := signedIn(t, g, reader)
	token := c.CSRF
	for _, row := range []struct {
		what, token string
		status      int
		code        string
	}{
		{"the session's token", token, 201, ""}, {"none", "", 403, "csrf_missing"}, {"another session's", other.CSRF, 403, "csrf_invalid"},
		{"nonsense", "nonsense", 403, "csrf_invalid"}, {"a cut one", token[:len(token)-1], 403, "csrf_invalid"}, {"a longer one", token + "A", 403, "csrf_invalid"}, {"a changed one", flip(token), 403, "csrf_invalid"},
	} {
		c.CSRF = row.token
		want(t, "POST /notes with "+row.what, c.PostJSON(t, "/notes", map[string]string{"title": row.what}), row.status, row.code)
	}
	c.CSRF = ""
	want(t, "GET needs none", c.Get(t, "/notes"), 200, "")
}

func flip(s string) string {
	b := []byte(s)
	if i := len(b) / 2; b[i] == 'A' {
		b[i] = 'B'
	} else {
		b[i] = 'A'
	}
	return string(b)
}

// TestTokensAreMasked: BREACH: the token differs in every answer, and all of them hold.
func TestTokensAreMasked(t *testing.T) {
	g := notes(t)
	c := signedIn(t, g, writer)
	one, two := c.Session(t, "").CSRFToken, c.Session(t, "").CSRFToken
	if one == two {
		t.Error("two answers carry the same token")
	}
	for _, token := range []string{one, two} {
		c.CSRF = token
		want(t, "POST /notes", c.PostJSON(t, "/notes", map[string]string{"title": "masked"}), 201, "")
	}
	if strings.Trim(one, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.") != "" {
		t.Errorf("the token has characters outside [A-Za-z0-9_.]: %q", one)
	}
}

// TestFormFieldIsCutOut: the field arrives anywhere in a urlencoded body, and the backend
// gets the body without it, byte for byte.
func TestFormFieldIsCutOut(t *testing.T) {
	g := notes(t)
	c := signedIn(t, g, writer)
	token := url.QueryEscape(c.CSRF)
	c.CSRF = ""
	for _, row := range []struct{ sent, arrives string }{
		{"_sanmon=" + token, ""}, {"_sanmon=" + token + "&title=a", "title=a"}, {"title=a&_sanmon=" + token, "title=a"},
		{"title=a&_sanmon=" + token + "&body=b%20c+d", "title=a&body=b%20c+d"}, {"a=1&a=2&_sanmon=" + token + "&a=3", "a=1&a=2&a=3"}, {"%5fsanmon=" + token + "&title=a", "title=a"},
	} {
		a := c.Post(t, "/form", urlencoded, row.sent)
		if a.Status != 200 {
			t.Errorf("%.12s…: %d %s", row.sent, a.Status, clip(a.Body))
			continue
		}
		var got struct {
			Raw           string
			ContentLength string `json:"content_length"`
		}
		if a.JSON(t, &got); got.Raw != row.arrives {
			t.Errorf("backend got body %q, want %q", got.Raw, row.arrives)
		}
	}
	for what, body := range map[string]string{"twice": "_sanmon=" + token + "&_sanmon=" + token, "wrong": "_sanmon=x&title=a"} {
		want(t, what, c.Post(t, "/form", urlencoded, body), 403, "csrf_invalid")
	}
	want(t, "beyond 64 KiB", c.Post(t, "/form", urlencoded, "a="+strings.Repeat("b", 70<<10)+"&_sanmon="+token), 403, "csrf_missing")
}

func TestMultipartFieldIsTheFirstPart(t *testing.T) {
	g := notes(t)
	c := signedIn(t, g, writer)
	token := c.CSRF
	c.CSRF = ""
	build := func(fields ...[2]string) (string, string) {
		var b bytes.Buffer
		w := multipart.NewWriter(&b)
		for _, f := range fields {
			if err := w.WriteField(f[0], f[1]); err != nil {
				t.Fatal(err)
			}
		}
		_ = w.Close()
		return w.FormDataContentType(), b.String()
	}
	contentType, body := build([2]string{"_sanmon", token}, [2]string{"title", "first"})
	a := c.Post(t, "/form", contentType, body)
	want(t, "first part", a, 200, "")
	var got struct {
		Fields map[string]string
		Raw    string
	}
	a.JSON(t, &got)
	if got.Fields["title"] != "first" || len(got.Fields) != 1 || strings.Contains(got.Raw, "_sanmon") {
		t.Errorf("backend got %v from %q", got.Fields, got.Raw)
	}
	contentType, body = build([2]string{"title", "x"}, [2]string{"_sanmon", token})
	if a := c.Post(t, "/form", contentType, body); a.Code() != "csrf_missing" && a.Code() != "csrf_invalid" {
		t.Errorf("the field as second part = %d %s", a.Status, a.Code())
	}
	contentType, body = build([2]string{"title", "x"})
	want(t, "header instead", c.Post(t, "/form", contentType, body, "X-Sanmon-Csrf", token), 200, "")
}

// TestPageTokens: bound to method and path; a session token does not do.
func TestPageTokens(t *testing.T) {
	g := notes(t)
	c := signedIn(t, g, writer)
	session := c.CSRF
	page := c.Session(t, "POST /echo-page").CSRFToken
	once := c.Session(t, "POST /echo-once").CSRFToken
	post := func(path, token string) harness.Answer {
		c.CSRF = token
		return c.Post(t, path, urlencoded, "a=b")
	}
	want(t, "session token on a page route", post("/echo-page", session), 403, "csrf_invalid")
	want(t, "once token on a page route", post("/echo-page", once), 403, "csrf_invalid")
	want(t, "page token on a once route", post("/echo-once", page), 403, "csrf_invalid")
	want(t, "page token on a session route", post("/form", page), 403, "csrf_invalid")
	want(t, "page token", post("/echo-page", page), 200, "")
	want(t, "page token again", post("/echo-page", page), 200, "")
	want(t, "once token", post("/echo-once", once), 200, "")
	want(t, "once token again", post("/echo-once", once), 409, "csrf_spent")
	want(t, "a new once token", post("/echo-once", c.Session(t, "POST /echo-once").CSRFToken), 200, "")
}

// TestExemptRoutesStillHaveAnOrigin: the exemption is from the token only.
func TestExemptRoutesStillHaveAnOrigin(t *testing.T) {
	g := notes(t)
	c := signedIn(t, g, writer)
	c.CSRF = ""
	want(t, "own origin", c.Post(t, "/echo-exempt", urlencoded, "a=b"), 200, "")
	want(t, "another site", c.Post(t, "/echo-exempt", urlencoded, "a=b", "Origin", "https://evil.example", "Sec-Fetch-Site", "cross-site"), 403, "origin_foreign")
	want(t, "no word about its origin", c.Post(t, "/echo-exempt", urlencoded, "a=b", "Origin", "", "Sec-Fetch-Site", ""), 403, "origin_foreign")
}

// TestOriginVerdict: research layer 1, A.3 step 2: both are evaluated, the worse counts.
func TestOriginVerdict(t *testing.T) {
	g := notes(t)
	c := signedIn(t, g, writer)
	const no = "origin_foreign"
	for _, row := range []struct{ site, origin, code string }{
		{"same-origin", g.URL, ""}, {"", g.URL, ""}, {"same-origin", "", ""}, {"", "", ""},
		{"cross-site", g.URL, no}, {"same-site", g.URL, no}, {"none", g.URL, no}, {"none", "", no}, {"cross-site", "", no}, {"mystery", g.URL, no},
		{"same-origin", "https://evil.example", no}, {"", "https://evil.example", no}, {"", "null", no}, {"same-origin", "null", no},
		{"", strings.Replace(g.URL, "http://", "https://", 1), no}, {"", g.URL + "0", no}, {"", g.URL + ".evil.example", no}, {"", strings.ToUpper(g.URL), no}, {"", g.URL + "/", no},
	} {
		a := c.PostJSON(t, "/notes", map[string]string{"title": "origin"}, "Sec-Fetch-Site", row.site, "Origin", row.origin)
		status := 201
		if row.code != "" {
			status = 403
		}
		want(t, "Sec-Fetch-Site "+row.site+", Origin "+row.origin, a, status, row.code)
	}
	// A key is no ambient credential: no origin is needed, and a foreign one is still foreign.
	key := newKey(t, g, writer, "--role", "writer").Key
	k := g.Client(t)
	want(t, "key without origin", k.PostJSON(t, "/notes", map[string]string{"title": "k"}, "X-Api-Key", key, "Sec-Fetch-Site", "", "Origin", ""), 201, "")
	want(t, "GET from another site", c.Get(t, "/notes", "Sec-Fetch-Site", "cross-site"), 200, "")
}

// TestGetDeclaredWrite: DESIGN §7: a token as header or query parameter of kind once; a
// navigation without one gets a page that asks.
func TestGetDeclaredWrite(t *testing.T) {
	g := notes(t)
	c := signedIn(t, g, writer)
	c.CSRF = ""
	want(t, "fetch without a token", c.Get(t, "/danger"), 403, "csrf_missing")
	want(t, "the session's token as header", c.Get(t, "/danger-session", "X-Sanmon-Csrf", c.Session(t, "").CSRFToken), 200, "")
	token := c.Session(t, "GET /danger").CSRFToken
	a := c.Get(t, "/danger?a=1&_sanmon="+url.QueryEscape(token)+"&b=2")
	if s := echoed(t, a); s.Query != "a=1&b=2" {
		t.Errorf("backend got query %q, want %q", s.Query, "a=1&b=2")
	}
	want(t, "the same address again", c.Get(t, "/danger?a=1&_sanmon="+url.QueryEscape(token)+"&b=2"), 409, "csrf_spent")
	page := c.Get(t, "/danger?a=1", "Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "document", "Accept", "text/html", "Sec-Fetch-Site", "same-origin")
	if !strings.HasPrefix(page.Header.Get("Content-Type"), "text/html") {
		t.Fatalf("a navigation without a token = %d %s", page.Status, page.Header.Get("Content-Type"))
	}
	confirmed := c.Get(t, "/danger?a=1&_sanmon="+url.QueryEscape(field(t, page.Body, "_sanmon")), "Sec-Fetch-Mode", "navigate", "Accept", "text/html")
	if s := echoed(t, confirmed); s.Query != "a=1" {
		t.Errorf("after the question the backend got %q", s.Query)
	}
}
