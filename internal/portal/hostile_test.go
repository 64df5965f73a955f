package portal

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/net/html"

	"github.com/sanmon-gate/sanmon/internal/portal/views"
	"github.com/sanmon-gate/sanmon/refusal"
)

// attacks are values that must never come back as markup.
func attacks() []string {
	return []string{
		`<script>alert(1)</script>`, `"><img src=x onerror=alert(1)>`, `'><svg onload=alert(1)>`, `" autofocus onfocus=alert(1) x="`,
		`</textarea><script>`, `javascript:alert(1)`, `{{.}}`, "\u2028<b>", `&lt;b&gt;&#34;`, `--><script>`, "`${1}`",
	}
}

// TestNoReflection sends markup in everything that a page shows, and looks at the parsed
// page: no element or attribute may come of it.
func TestNoReflection(t *testing.T) {
	p, h := newPortal(t)
	allowed := elements(t, ask{target: "/.sanmon/login?next=/x", cookies: pre}.send(p).Body)
	for _, a := range attacks() {
		h.loginErr = nil
		next := "/x?" + url.QueryEscape(a)
		pages := map[string]io.Reader{
			"next":    ask{target: "/.sanmon/login?next=" + url.QueryEscape("/x"+a)}.send(p).Body,
			"escaped": ask{target: "/.sanmon/login?next=" + url.QueryEscape(next)}.send(p).Body,
			"email": ask{method: "POST", target: "/.sanmon/login", kind: form, cookies: pre,
				body: url.Values{"_sanmon": {preToken(p)}, "email": {a}, "password": {"x"}}.Encode()}.send(p).Body,
			"cookie": ask{target: "/.sanmon/login", cookies: "__Host-sanmon-pre=" + url.QueryEscape(a)}.send(p).Body,
		}
		w := httptest.NewRecorder()
		p.Pages.WriteRefusal(w, httptest.NewRequest("GET", "/x?"+url.QueryEscape(a), nil), &refusal.Refusal{Code: refusal.LoginRequired, Detail: a}, a, true)
		pages["refusal"] = w.Body
		w = httptest.NewRecorder()
		if err := p.Pages.ConfirmPage(w, httptest.NewRequest("GET", "/x", nil), "/x", url.Values{a: {a}}.Encode(), a, "req_1"); err == nil {
			pages["confirm"] = w.Body
		}
		for where, page := range pages {
			for e := range elements(t, page) {
				tag, _, _ := strings.Cut(e, " ")
				if _, ok := allowed[e]; !ok && !strings.Contains(" dl dt dd div code a p ", " "+tag+" ") || strings.Contains(e, " on") || strings.Contains(e, "javascript:") {
					t.Errorf("%q in %s made %s", a, where, e)
				}
			}
		}
	}
}

// elements are the tags of a page with the names of their attributes, and where links go.
func elements(t *testing.T, page io.Reader) map[string]bool {
	t.Helper()
	all := map[string]bool{}
	z := html.NewTokenizer(page)
	for {
		switch z.Next() {
		case html.ErrorToken:
			return all
		case html.StartTagToken, html.SelfClosingTagToken:
			tok := z.Token()
			e := tok.Data
			for _, a := range tok.Attr {
				switch a.Key {
				case "name", "value", "type", "id", "autofocus", "role", "aria-describedby", "class", "lang", "method":
				default:
					e += " " + a.Key
				}
				if strings.HasPrefix(strings.TrimSpace(strings.ToLower(a.Val)), "javascript:") && (a.Key == "href" || a.Key == "action" || a.Key == "src") {
					e += " javascript:"
				}
			}
			all[e] = true
		}
	}
}

func TestReturnPath(t *testing.T) {
	for _, good := range []string{"/", "/notes", "/notes/1?a=b&c=%2F", "/a%20b", "/x?filter[name]=y|z", "/~ann/@home;v=1", "/x?next=//evil"} {
		if got := ReturnPath(good); got != good {
			t.Errorf("%q became %q", good, got)
		}
	}
	for _, bad := range []string{
		"", "notes", "//evil.example", "///evil.example", `/\evil.example`, `\/evil.example`, `/x\y`, "https://evil.example", "javascript:alert(1)",
		"/\t/evil.example", "/\n/evil.example", "\t//evil.example", " //evil.example", "/ /evil", "/x\r\nSet-Cookie: a=b", "/x\x00", "/.//evil.example", "/..//evil.example",
		"/../evil", "/a/./b", "/a/%2e%2E/b", "/%2e//evil", "/x#fragment", `/x"y`, "/ノート", "/\u2028x", "@evil.example", "/x//y",
		"/.sanmon/login?next=/", "/.sanmon/logout", "/" + strings.Repeat("a", 2048), "/x\x7f", "/%5c%5cevil\\", "//", "/\u200b/evil",
	} {
		if got := ReturnPath(bad); got != "/" {
			t.Errorf("%q gave %q, want /", bad, got)
		}
	}
}

// FuzzReturnPath: whatever comes out resolves to our own origin.
func FuzzReturnPath(f *testing.F) {
	f.Add("/notes?x=1")
	f.Add("//evil.example")
	f.Add("/\\evil.example")
	base, _ := url.Parse(origin + "/.sanmon/login")
	f.Fuzz(func(t *testing.T, next string) {
		got := ReturnPath(next)
		if got != next && got != "/" {
			t.Fatalf("%q became %q", next, got)
		}
		u, err := url.Parse(got)
		if err != nil { // a "%" without digits: the gate refuses the target, the browser stays here
			u = &url.URL{Path: "/"}
		}
		if to := base.ResolveReference(u); to.Host != "app.example.com" || to.Scheme != "https" || strings.HasPrefix(got, "//") || strings.ContainsAny(got, "\\\r\n\t #") {
			t.Fatalf("%q leads to %s", next, to)
		}
	})
}

func FuzzStringMembers(f *testing.F) {
	f.Add([]byte(`{"email":"a","password":"b"}`))
	f.Add([]byte(`{"a":"\ud800"}`))
	f.Add([]byte(`{"a":{"b":[]}}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		members, err := stringMembers(body)
		if err != nil && len(members) > 0 {
			t.Fatalf("%q gave members and %v", body, err)
		}
	})
}

func TestConfirmPage(t *testing.T) {
	p, _ := newPortal(t)
	r := httptest.NewRequest("GET", "/archive", nil)
	w := httptest.NewRecorder()
	if err := p.Pages.ConfirmPage(w, r, "/archive", "b=2&a=%3Cb%3E+x&b=3&flag", "o1.TOKEN", "req_1"); err != nil {
		t.Fatal(err)
	}
	body := w.Body.String()
	want := `<form method="get" action="/archive">
<input type="hidden" name="b" value="2">
<input type="hidden" name="a" value="&lt;b&gt; x">
<input type="hidden" name="b" value="3">
<input type="hidden" name="flag" value="">
<input type="hidden" name="_sanmon" value="o1.TOKEN">`
	if w.Code != 200 || !strings.Contains(body, want) || w.Header().Get("Cache-Control") != "no-store" {
		t.Errorf("%d %s", w.Code, body)
	}
	for _, query := range []string{"a=%zz", "%zz=1", "=1", "_charset_=x", "a=%0D%0Ab", "a=%00", strings.Repeat("a=1&", 201)} {
		if err := p.Pages.ConfirmPage(httptest.NewRecorder(), r, "/archive", query, "t", "req_1"); refusal.From(err) == nil || refusal.From(err).Code != refusal.InputInvalid {
			t.Errorf("%.30q: %v, want input_invalid", query, err)
		}
	}
	got, err := hiddenFields("")
	if d := cmp.Diff([]views.Input(nil), got); err != nil || d != "" {
		t.Error(err, d)
	}
}

func TestPreBinding(t *testing.T) {
	for value, ok := range map[string]bool{
		preValue: true, "": false, preValue + "x": false, preValue[1:]: false, "abcdefghijklmnopqrstu-": false, "abcdefghijklmnopqrstu\x00": false,
	} {
		if got := PreBinding(value) != nil; got != ok {
			t.Errorf("%q: %v", value, got)
		}
	}
}

func TestLoginInAddressIsNone(t *testing.T) {
	p, h := newPortal(t)
	w := ask{target: "/.sanmon/login?email=ann@example.com&password=" + url.QueryEscape(good), cookies: pre}.send(p)
	if w.Code != http.StatusOK || len(h.attempts) != 0 || strings.Contains(w.Body.String(), good) {
		t.Errorf("a login in the address: %d with %d tries", w.Code, len(h.attempts))
	}
}

// TestReasonsQuoteNoField: a password that was sent without encoding becomes the name of a
// field, and one in the wrong place a member of the JSON; neither gets into the log.
func TestReasonsQuoteNoField(t *testing.T) {
	const part = "Tr0ub4dor"
	for _, a := range []ask{
		{kind: form, body: "email=a@example.com&password=x&" + part + "&" + part},
		{kind: "application/json", body: `{"email":"a@example.com","` + part + `":"x"}`},
		{kind: "application/json", body: `{"` + part + `":"x","` + part + `":"x"}`},
	} {
		p, h := newPortal(t)
		a.method, a.target, a.cookies = "POST", "/.sanmon/login", pre
		a.send(p)
		if len(h.refused) != 1 || strings.Contains(h.refused[0].Error(), part) {
			t.Errorf("%s: told %v", a.body, h.refused)
		}
	}
}

// TestCookiesAreReadAsTheGateReadsThem: net/http takes off quotes and passes over what it
// does not like, so that a planted second cookie would be seen here and not there.
func TestCookiesAreReadAsTheGateReadsThem(t *testing.T) {
	for _, line := range []string{live + `; __Host-sanmon="` + cookie + `"`, live + "; __Host-sanmon=a\\b", live + "; __Host-sanmon="} {
		p, h := newPortal(t)
		if w := (ask{target: "/.sanmon/session", cookies: line, fetch: true}).send(p); w.Code != http.StatusBadRequest || h.refused[0].Code != refusal.CredentialAmbiguous {
			t.Errorf("%s: %d", line, w.Code)
		}
	}
	p, _ := newPortal(t)
	if w := (ask{target: "/.sanmon/session", cookies: `__Host-sanmon="` + cookie + `"`, fetch: true}).send(p); strings.Contains(w.Body.String(), `"authenticated":true`) {
		t.Error("a quoted cookie is a session for the portal and for nobody else")
	}
}
