package sanmon_test

import (
	"strings"
	"testing"

	"github.com/sanmon-gate/sanmon"
	"github.com/sanmon-gate/sanmon/web/csrf"
	"github.com/sanmon-gate/sanmon/web/markup"
)

const form = `<form method=post action=/notes></form>`

// answer sends a backend's answer through Forward and Release, and returns the page.
func answer(t *testing.T, g *sanmon.Gate, p *sanmon.Passage, status int, h map[string][]string, body string) string {
	t.Helper()
	if err := g.Forward(p, map[string][]string{}); err != nil {
		t.Fatal(err)
	}
	_, c := g.Release(p, status, h, nil, false, nil)
	if c.Filter == nil {
		return body
	}
	out := c.Filter.Push(nil, []byte(body))
	return string(c.Filter.Close(out))
}

func tokenIn(page string) string {
	_, rest, _ := strings.Cut(page, "<input type=hidden name=_sanmon value=")
	token, _, _ := strings.Cut(rest, ">")
	return token
}

func TestWhichAnswersGetTokens(t *testing.T) {
	const html = "Content-Type: text/html; charset=utf-8"
	for _, row := range []struct {
		request string // method, path and fields, separated by "|"
		status  int
		answer  string // fields
		want    string // what is added: F the form's field, H meta and script, S the script alone
	}{
		{"GET|/notes/1|" + cookie + "|Sec-Fetch-Dest: document", 200, html, "HF"},
		{"GET|/notes/1|" + cookie + "|Sec-Fetch-Dest: iframe", 200, html, "HF"},
		{"GET|/notes/1|" + cookie + "|Sec-Fetch-Dest: empty", 200, html, "F"},
		{"GET|/notes/1|" + cookie, 200, html, "HF"},
		{"GET|/notes/1|" + cookie + "|Sec-Fetch-Dest: image", 200, html, ""},
		{"GET|/notes/1|" + cookie + "|Sec-Fetch-Dest: document", 404, html, "HF"},
		{"GET|/notes/1|" + cookie + "|Sec-Fetch-Dest: document", 500, html, "HF"},
		{"GET|/notes/1|" + cookie + "|Sec-Fetch-Dest: document", 201, "Content-Type: TEXT/HTML", "HF"},
		{"GET|/notes/1|" + cookie + "|Sec-Fetch-Dest: document", 206, html, ""},
		{"GET|/notes/1|" + cookie + "|Sec-Fetch-Dest: document", 304, html, ""},
		{"HEAD|/notes/1|" + cookie + "|Sec-Fetch-Dest: document", 200, html, ""},
		{"GET|/notes/1|" + cookie + "|Sec-Fetch-Dest: document", 200, "Content-Type: application/xhtml+xml", ""},
		{"GET|/notes/1|" + cookie + "|Sec-Fetch-Dest: document", 200, "Content-Type: text/plain", ""},
		{"GET|/notes/1|" + cookie + "|Sec-Fetch-Dest: document", 200, "Content-Type: text/html; charset=utf-16", ""},
		{"GET|/notes/1|" + cookie + "|Sec-Fetch-Dest: document", 200, html + "|Content-Disposition: attachment; filename=x.html", ""},
		{"GET|/notes/1|" + cookie + "|Sec-Fetch-Dest: document", 200, html + "|Content-Disposition: Inline", "HF"},
		{"GET|/notes/1|" + cookie + "|Sec-Fetch-Dest: document", 200, html + "|Content-Encoding: compress", ""},
		{"GET|/notes/1|" + cookie + "|Sec-Fetch-Dest: document", 200, html + "|Content-Encoding: identity", "HF"},
		{"GET|/notes/1|" + cookie + "|Sec-Fetch-Dest: document", 200, html + "|Cache-Control: public, max-age=60", "S"},
		{"GET|/notes/1|" + cookie + "|Sec-Fetch-Dest: document", 200, html + "|Cache-Control: s-maxage=60", "S"},
		{"GET|/notes/1|" + cookie + "|Sec-Fetch-Dest: empty", 200, html + "|Cache-Control: public", ""},
		{"GET|/notes/1|" + cookie + "|Sec-Fetch-Dest: document", 200, html + "|Cdn-Cache-Control: max-age=60", "S"},
		{"GET|/notes/1|" + cookie + "|Sec-Fetch-Dest: document", 200, html + "|Cache-Control: public, private", "HF"},
		{"GET|/notes/1|" + bearer + "|Sec-Fetch-Dest: document", 200, html, ""}, // a key is no cookie: nobody can forge its requests
		{"GET|/|Sec-Fetch-Dest: document|Sec-Fetch-Mode: navigate", 200, html, ""},
		{"GET|/|" + cookie + "|Sec-Fetch-Dest: document|Sec-Fetch-Mode: navigate", 200, html, "HF"},
		{"GET|/|Cookie: __Host-sanmon=unknown|Sec-Fetch-Dest: document|Sec-Fetch-Mode: navigate", 200, html, ""},
		{"GET|/|Cookie: __Host-sanmon=broken-store|Sec-Fetch-Dest: document|Sec-Fetch-Mode: navigate", 200, html, ""},
		{"GET|/|Cookie: __Host-sanmon-pre=someone|Sec-Fetch-Dest: document|Sec-Fetch-Mode: navigate", 200, html, "HF"},
	} {
		g := newGate(t)
		g.PreBinding = func(v string) []byte {
			if v == "" {
				return nil
			}
			return []byte("pre:" + v)
		}
		parts := strings.Split(row.request, "|")
		p, err := ask(g, parts[0], parts[1], "", parts[2:]...)
		if err != nil {
			t.Fatal(row.request, err)
		}
		h := map[string][]string{"Content-Length": {"99"}, "Etag": {`"x"`}, "Last-Modified": {"y"}, "Accept-Ranges": {"bytes"}, "Digest": {"z"}, "Content-Md5": {"z"}, "Repr-Digest": {"z"}}
		for _, f := range strings.Split(row.answer, "|") {
			name, value, _ := strings.Cut(f, ": ")
			h[name] = []string{value}
		}
		out := answer(t, g, p, row.status, h, "<!doctype html><head></head>"+form)
		got := ""
		if strings.Contains(out, "<head><meta name=sanmon content=") && strings.Contains(out, "><script src=/.sanmon/csrf.js></script>") {
			got += "H"
		}
		if strings.Contains(out, "<head><script src=/.sanmon/csrf.js></script>") {
			got += "S"
		}
		if tokenIn(out) != "" {
			got += "F"
		}
		if got != row.want {
			t.Errorf("%s, %d %s: %q was added, want %q", row.request, row.status, row.answer, got, row.want)
		}
		untouched := h["Content-Length"] != nil && h["Etag"] != nil && h["Digest"] != nil
		if untouched != (row.want == "") {
			t.Errorf("%s, %d %s: header %v", row.request, row.status, row.answer, h)
		}
		if strings.Contains(row.want, "F") && (!strings.Contains(h["Cache-Control"][0], "private") || !strings.Contains(h["Cache-Control"][0], "no-store") || h["Last-Modified"] != nil || h["Vary"] == nil) {
			t.Errorf("%s, %d %s: may be stored: %v", row.request, row.status, row.answer, h)
		}
		if row.want == "S" && (h["Etag"][0] != `W/"x"` || h["Last-Modified"] == nil) {
			t.Errorf("%s: validators %v", row.request, h)
		}
	}
}

// The token of a form is the one that its own route asks for.
func TestFormsGetTheTokenOfTheirRoute(t *testing.T) {
	for action, want := range map[string]string{"/notes": "s", "/page": "p", "/once": "o", "/contact": "", "/exempt": "", "/nowhere": "", "/.sanmon/logout": "s", "/notes/1": ""} {
		g := newGate(t)
		p, err := ask(g, "GET", "/notes/1", "", cookie, "Sec-Fetch-Dest: document")
		if err != nil {
			t.Fatal(err)
		}
		token := tokenIn(answer(t, g, p, 200, map[string][]string{"Content-Type": {"text/html; charset=utf-8"}}, "<html><form method=post action="+action+">"))
		if token == "" && want == "" {
			continue
		}
		if !strings.HasPrefix(token, want) || want == "" {
			t.Errorf("%s: token %q, want kind %q", action, token, want)
			continue
		}
		if strings.HasPrefix(action, "/.sanmon") {
			continue
		}
		if _, err := ask(g, "POST", action, "_sanmon="+token+"&a=b", cookie, "Origin: "+public, "Content-Type: application/x-www-form-urlencoded"); err != nil {
			t.Errorf("%s: its own token is refused: %v", action, err)
		}
	}
}

// What is asked of the backend for a page that gets tokens: all of it, readable.
func TestPagesAreAskedForWhole(t *testing.T) {
	conditional := []string{"If-None-Match: \"x\"", "If-Modified-Since: y", "Range: bytes=0-1", "If-Range: \"x\"", "Accept-Encoding: gzip, br"}
	for _, row := range []struct {
		dest, credential string
		whole            bool
	}{{"document", cookie, true}, {"iframe", cookie, true}, {"empty", cookie, false}, {"image", cookie, false}, {"document", bearer, false}} {
		g := newGate(t)
		p, err := ask(g, "GET", "/notes/1", "", append(conditional, row.credential, "Sec-Fetch-Dest: "+row.dest)...)
		if err != nil {
			t.Fatal(err)
		}
		out := map[string][]string{}
		if err := g.Forward(p, out); err != nil {
			t.Fatal(err)
		}
		if whole := out["If-None-Match"] == nil && out["If-Modified-Since"] == nil && out["Range"] == nil && out["If-Range"] == nil && out["Accept-Encoding"][0] == "identity"; whole != row.whole {
			t.Errorf("%s with %.12s: %v", row.dest, row.credential, out)
		}
	}
}

func TestInjectionIsReported(t *testing.T) {
	g := newGate(t)
	for body, want := range map[string]markup.Report{
		"<html><head>" + form:        {Head: true, Forms: 1},
		"<html><head><frameset>":     {Head: true, Reason: markup.InFrameset},
		"<html>" + form + form + "x": {Head: true, Forms: 2},
	} {
		p, err := ask(g, "GET", "/notes/1", "", cookie, "Sec-Fetch-Dest: document")
		if err != nil {
			t.Fatal(err)
		}
		answer(t, g, p, 200, map[string][]string{"Content-Type": {"text/html; charset=utf-8"}}, body)
		if got, ok := p.Injection(); !ok || got != want {
			t.Errorf("%q: %+v, want %+v", body, got, want)
		}
	}
}

// Public and exempt routes never see the field of a browser that was given pages.
func TestFieldIsStrippedWhereNoTokenIsAsked(t *testing.T) {
	g := newGate(t)
	token := g.Tokens.Issue(csrf.Session, binding, "", now)
	for _, row := range []struct {
		path, credential string
		cut              bool
	}{{"/contact", cookie, true}, {"/contact", "Cookie: __Host-sanmon-pre=x", true}, {"/contact", "Accept: */*", false}, {"/exempt", cookie, true}} {
		p, err := ask(g, "POST", row.path, "a=1&_sanmon="+token+"&b=2", row.credential, "Origin: "+public, "Content-Type: application/x-www-form-urlencoded")
		if err != nil {
			t.Fatal(row.path, err)
		}
		if p.Cut.Found() != row.cut {
			t.Errorf("%s with %.20s: cut %v", row.path, row.credential, p.Cut.Found())
		}
	}
	p, err := ask(g, "POST", "/notes", "a=1&_sanmon="+token, cookie, "X-Sanmon-Csrf: "+token, "Origin: "+public, "Content-Type: application/x-www-form-urlencoded")
	if err != nil || !p.Cut.Found() {
		t.Errorf("beside a header: %v, cut %v", err, p.Cut.Found())
	}
}
