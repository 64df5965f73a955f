package e2e_test

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sanmon-gate/sanmon/e2e/harness"
)

// careless is a gate in front of applications that make every mistake of output.
func careless(t *testing.T) *harness.Gate {
	t.Helper()
	app := harness.SharedBackend(t, harness.VulnerableFastAPI)
	return harness.SharedGate(t, "careless", func() harness.Options {
		return harness.Options{
			Upstream: app.URL,
			Routes: `
  - { id: withheld, match: { path: "/attribute" }, boundary: public, fields: { note: text } }
  - { id: exempt, match: { path: "/comment", methods: [POST] }, boundary: public, ` + open + `, fields: { body: "html(ugc)", author: text }, input: { fields: observe } }
  - { id: all, match: { path: "/{rest...}", methods: [GET, HEAD, POST] }, boundary: public, ` + open + ` }
`,
		}
	}, nil)
}

// TestJSONIsData: whatever the size, strings of JSON hold nothing that markup begins with,
// and mean the same.
func TestJSONIsData(t *testing.T) {
	g := careless(t)
	c := g.Client(t)
	for _, path := range []string{"/api/comment", "/api/comments", "/api/stream", "/api/plain"} {
		a := c.Get(t, path)
		if strings.ContainsAny(string(a.Body), "<>&\u2028\u2029") {
			t.Errorf("%s has markup: %s", path, clip(a.Body))
		}
		var got, want any
		a.JSON(t, &got)
		backend := harness.SharedBackend(t, harness.VulnerableFastAPI)
		if err := json.Unmarshal(fetch(t, backend.URL+path), &want); err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%s means something else:\n%s", path, clip([]byte(d)))
		}
		if n := a.Header.Get("Content-Length"); path == "/api/comment" || path == "/api/plain" {
			if n != fmt.Sprint(len(a.Body)) {
				t.Errorf("%s: Content-Length %q of %d bytes", path, n, len(a.Body))
			}
		}
		if a.Header.Get("Content-Type") != "application/json" || a.Header.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s: %v", path, a.Header)
		}
	}
	for _, path := range []string{"/api/comment", "/api/comments", "/api/stream"} {
		a := c.Get(t, path, "Accept-Encoding", "gzip")
		if a.Header.Get("Content-Encoding") != "gzip" {
			t.Errorf("%s arrives in %q", path, a.Header.Get("Content-Encoding"))
		}
		z, err := gzip.NewReader(bytes.NewReader(a.Body))
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(z)
		if err != nil || !json.Valid(body) || strings.ContainsAny(string(body), "<>&\u2028") {
			t.Errorf("%s in gzip: %v %s", path, err, clip(body))
		}
	}
	if a := c.Get(t, "/api/broken"); string(a.Body) != `{"a":"\u003cb\u003e"} then <i>"<u>"</i>` {
		t.Errorf("what is no JSON was changed: %s", a.Body)
	}
	if a := c.Get(t, "/api/download"); string(a.Body) != `{"a":"<b>"}` {
		t.Errorf("a download was changed: %s", a.Body)
	}
	if h := c.Get(t, "/api/digest").Header; h.Get("ETag") != `"1"` || h.Get("Content-MD5") != "" || h.Get("Accept-Ranges") != "" {
		t.Errorf("fields of bytes that were changed: %v", h)
	}
	if a := c.Do(t, c.Request(t, "HEAD", "/api/comment", nil)); a.Header.Get("Content-Length") == fmt.Sprint(len(fetch(t, harness.SharedBackend(t, harness.VulnerableFastAPI).URL+"/api/comment"))) {
		t.Error("HEAD tells the length of the bytes that GET does not send")
	}
}

// TestContentIsWhatItSays: DESIGN §7 and research B.5.
func TestContentIsWhatItSays(t *testing.T) {
	g := careless(t)
	c := g.Client(t)
	for _, row := range []struct{ path, contentType, finding string }{
		{"/json-as-html", "application/json", "json_as_html_corrected"},
		{"/json-as-html-large", "text/html; charset=utf-8", "json_as_html"},
		{"/no-charset", "text/html; charset=utf-8", "charset_added"},
		{"/no-charset-latin1", "text/html", "charset_missing"},
		{"/no-charset-meta", "text/html", ""},
		{"/no-type", "application/octet-stream", "content_type_missing"},
		{"/api/broken", "application/json", "json_invalid"},
	} {
		before := tally(t, g, "sanmon_content_findings_total", `route="all"`, `finding="`+row.finding+`"`)
		a := c.Get(t, row.path)
		if got := a.Header.Get("Content-Type"); got != row.contentType {
			t.Errorf("%s is %q, want %q", row.path, got, row.contentType)
		}
		if a.Header.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s may be sniffed", row.path)
		}
		checkSingle(t, row.path, a.Header)
		if row.finding == "" {
			continue
		}
		if after := tally(t, g, "sanmon_content_findings_total", `route="all"`, `finding="`+row.finding+`"`); after != before+1 {
			t.Errorf("%s: %s counted from %v to %v", row.path, row.finding, before, after)
		}
	}
	if a := c.Get(t, "/json-as-html", "Accept-Encoding", "gzip"); a.Header.Get("Content-Type") != "application/json" || a.Header.Get("Content-Encoding") != "gzip" {
		t.Errorf("in gzip: %v", a.Header)
	}
	a := c.Get(t, "/json-as-html")
	if strings.Contains(string(a.Body), "<") || !strings.Contains(a.Header.Get("Content-Security-Policy"), "default-src 'none'") {
		t.Errorf("JSON that was HTML: %s %q", a.Body, a.Header.Get("Content-Security-Policy"))
	}
}

const probe = `<img src=x onerror=alert(1)>`

// TestReflected: the operator learns which parameter came back alive and where; the client
// learns nothing, and nobody the value.
func TestReflected(t *testing.T) {
	g := careless(t)
	c := g.Client(t)
	for _, row := range []struct{ name, path, context, verdict, told string }{
		{"in text", "/search?q=" + url.QueryEscape(probe), "text", "live", "query q: live in text"},
		{"an address", "/link?q=" + url.QueryEscape("javascript:alert(1)"), "attribute_url", "live", "query q: live in attribute_url"},
		{"escaped", "/escaped?q=" + url.QueryEscape(probe), "", "escaped", "query q: escaped"},
		{"in the path", "/item/" + url.PathEscape(probe), "text", "live", "path: live in text"},
		{"quotes in text", "/search?q=" + url.QueryEscape(`" onclick="x()`), "text", "inert", "query q: inert in text"},
	} {
		t.Run(row.name, func(t *testing.T) {
			labels := []string{`route="all"`, `context="` + row.context + `"`, `verdict="` + row.verdict + `"`}
			before := tally(t, g, "sanmon_reflected_total", labels...)
			a := c.Get(t, row.path, "Accept-Encoding", "gzip")
			if a.Status != 200 {
				t.Fatalf("the page is withheld: %d", a.Status)
			}
			if after := tally(t, g, "sanmon_reflected_total", labels...); after != before+1 {
				t.Errorf("counted from %v to %v", before, after)
			}
			line := harness.LogOf(a.Header.Get("X-Request-Id"))
			if !strings.Contains(line, row.told) {
				t.Errorf("the log says %s", line)
			}
			if strings.Contains(line, "onerror") && !strings.Contains(row.path, "/item/") || strings.Contains(line, "alert(1)") && !strings.Contains(row.path, "/item/") {
				t.Errorf("the log has the value: %s", line)
			}
			for name, values := range a.Header {
				if strings.Contains(strings.ToLower(name+strings.Join(values, "")), "reflect") {
					t.Errorf("the client is told: %s: %s", name, values)
				}
			}
		})
	}
}

// TestReflectedForm: fields of a form are followed too, but not those that are declared
// html.
func TestReflectedForm(t *testing.T) {
	g := careless(t)
	c := g.Client(t)
	form := url.Values{"body": {`<b onclick="x()">hi</b>`}, "author": {probe}}.Encode()
	a := c.Post(t, "/comment", "application/x-www-form-urlencoded", form)
	if line := harness.LogOf(a.Header.Get("X-Request-Id")); !strings.Contains(line, "form author: escaped") || strings.Contains(line, "form body") {
		t.Errorf("the log says %s", line)
	}
}

// TestReflectedIsWithheld: a route that declares its fields sends no page in which a value
// came alive, and says no more than that something went wrong.
func TestReflectedIsWithheld(t *testing.T) {
	g := careless(t)
	c := g.Client(t)
	const breakout = `" autofocus onfocus="alert(1)`
	a := c.Get(t, "/attribute?q="+url.QueryEscape(breakout))
	want(t, "a live value", a, 500, "internal")
	if strings.Contains(string(a.Body), "onfocus") || strings.Contains(string(a.Body), "markup") {
		t.Errorf("the client is told: %s", a.Body)
	}
	if line := harness.LogOf(a.Header.Get("X-Request-Id")); !strings.Contains(line, "query q: live in attribute") || strings.Contains(line, "onfocus") {
		t.Errorf("the log says %s", line)
	}
	want(t, "an ordinary value", c.Get(t, "/attribute?q=hello"), 200, "")
	want(t, "a value that stays text", c.Get(t, "/attribute?q="+url.QueryEscape(`it's "quoted" text`)), 200, "")
}

// TestDjangoOutput: the same behind Django.
func TestDjangoOutput(t *testing.T) {
	django := harness.SharedBackend(t, harness.VulnerableDjango)
	g := harness.StartGate(t, harness.Options{Upstream: django.URL, Routes: `
  - { id: all, match: { path: "/{rest...}" }, boundary: public }
`})
	c := g.Client(t)
	a := c.Get(t, "/search?q="+url.QueryEscape(probe))
	if line := harness.LogOf(a.Header.Get("X-Request-Id")); !strings.Contains(line, "query q: live in text (1 raw") {
		t.Errorf("|safe: the log says %s", line)
	}
	a = c.Get(t, "/escaped?q="+url.QueryEscape(probe))
	if line := harness.LogOf(a.Header.Get("X-Request-Id")); !strings.Contains(line, "query q: escaped (0 raw, 2 escaped)") {
		t.Errorf("escaped: the log says %s", line)
	}
	if a := c.Get(t, "/api/comment"); string(a.Body) != `{"body": "\u003cscript\u003ealert(1)\u003c/script\u003e\u2028"}` {
		t.Errorf("JSON: %s", a.Body)
	}
	if a := c.Get(t, "/json-as-html"); a.Header.Get("Content-Type") != "application/json" || string(a.Body) != `{"body": "\u003cscript\u003ealert(1)\u003c/script\u003e"}` {
		t.Errorf("JSON as HTML: %q %s", a.Header.Get("Content-Type"), a.Body)
	}
}

// tally reads a counter by some of its labels.
func tally(t *testing.T, g *harness.Gate, name string, labels ...string) (sum float64) {
	t.Helper()
	time.Sleep(20 * time.Millisecond) // counted after the answer
	for line := range strings.Lines(string(g.AdminGet(t, "/metrics").Body)) {
		if !strings.HasPrefix(line, name+"{") {
			continue
		}
		matches := true
		for _, l := range labels {
			matches = matches && strings.Contains(line, l)
		}
		var n float64
		if _, err := fmt.Sscan(line[strings.LastIndexByte(line, ' ')+1:], &n); matches && err == nil {
			sum += n
		}
	}
	return sum
}

// fetch reads from a backend directly.
func fetch(t *testing.T, address string) []byte {
	t.Helper()
	res, err := http.Get(address)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return body
}
