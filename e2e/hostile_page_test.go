package e2e_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/sanmon-gate/sanmon/e2e/harness"
)

// hostilePages are what no page should be. Each is one unit, repeated, between two texts.
var hostilePages = map[string]struct {
	before, unit string
	bytes        int
	after        string
}{
	"/lt":       {"", "<", 100 << 20, ""},
	"/tag":      {"<p ", "a=b ", 10 << 20, ">text"},
	"/form":     {"<form method=post ", "a=b ", 10 << 20, "></form>"},
	"/value":    {`<form method=post title="`, "x", 10 << 20, ""},
	"/name":     {"<", "a", 10 << 20, ">"},
	"/deep":     {"<body>", "<div>", 8 << 20, "text"},
	"/svg":      {"<body>", "<svg><g><title>", 4 << 20, ""},
	"/template": {"<body>", "<template>", 4 << 20, ""},
	"/unclosed": {"<table><tr><td>", "<b><a href='><!-- <script>", 4 << 20, ""},
	"/comment":  {"<!--", "- -!", 10 << 20, ""},
	"/script":   {"<script>", "<!--<script>", 10 << 20, ""},
	"/select":   {"<select>", "<option><xmp>", 4 << 20, ""},
	"/nul":      {"<html>", "\x00<\xff>", 4 << 20, ""},
}

// TestHostilePages: a page that is made to hurt arrives as it was sent but for what the
// gate inserted in one place or none, without an error and in bounded memory.
func TestHostilePages(t *testing.T) {
	backend := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		p := hostilePages[r.URL.Path]
		_, _ = io.WriteString(w, p.before)
		block := strings.Repeat(p.unit, 1+(64<<10)/len(p.unit))
		for left := p.bytes / len(p.unit) * len(p.unit); left > 0; left -= len(block) {
			if _, err := io.WriteString(w, block[:min(left, len(block))]); err != nil {
				return
			}
		}
		_, _ = io.WriteString(w, p.after)
	}))
	defer backend.Close()
	g := harness.StartGate(t, harness.Options{Upstream: backend.URL, Routes: `
  - { id: pages, match: { path: "/{rest...}" }, boundary: session, output: { csp: strict } }
`})
	g.AddUser(t, writer, "writer")
	c := signedIn(t, g, writer)
	fetch := func(path string) harness.Answer {
		return c.Get(t, path+"?q=%3Cb%3E%22hostile", "Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "document", "Accept", "text/html")
	}
	fetch("/comment") // the heap has grown to its usual size
	before := peakRSS(t, g.PID())
	for path, p := range hostilePages {
		a := fetch(path)
		sent := p.before + strings.Repeat(p.unit, p.bytes/len(p.unit)) + p.after
		if err := oneInsertion(sent, string(a.Body)); a.Status != 200 || err != nil {
			t.Errorf("%s: status %d, %v", path, a.Status, err)
		}
	}
	if grown := peakRSS(t, g.PID()) - before; grown > 64<<20 {
		t.Errorf("the gate grew by %d MiB", grown>>20)
	}
}

// oneInsertion reports how got differs from sent, apart from bytes that were inserted in
// one place.
func oneInsertion(sent, got string) error {
	at := 0
	for at < len(sent) && at < len(got) && sent[at] == got[at] {
		at++
	}
	inserted := len(got) - len(sent)
	if inserted < 0 || inserted > 4096 || got[at+min(inserted, len(got)-at):] != sent[at:] {
		return fmt.Errorf("%d bytes became %d and differ from byte %d on", len(sent), len(got), at)
	}
	return nil
}

// TestLyingLengths: a backend that promises more than it sends, or sends without end, ends
// in a connection that is cut, never in a page that looks whole; the gate goes on.
func TestLyingLengths(t *testing.T) {
	t.Parallel()
	backend := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		switch r.URL.Path {
		case "/short":
			w.Header().Set("Content-Length", "5000")
			_, _ = io.WriteString(w, "<html><form method=post>")
		case "/endless":
			for r.Context().Err() == nil {
				if _, err := io.WriteString(w, strings.Repeat("<p>on and on</p>", 4096)); err != nil {
					return
				}
			}
		default:
			_, _ = io.WriteString(w, "<p>whole")
		}
	}))
	defer backend.Close()
	g := harness.StartGate(t, harness.Options{Upstream: backend.URL, Routes: `
  - { id: pages, match: { path: "/{rest...}" }, boundary: session }
`})
	g.AddUser(t, writer, "writer")
	c := signedIn(t, g, writer)
	page := []string{"Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "document", "Accept", "text/html"}
	if a, err := c.Try(c.Request(t, "GET", "/short", nil, page...)); err == nil && a.Status < 500 {
		t.Errorf("a page that was cut looks whole: %d %q", a.Status, clip(a.Body))
	}
	read := func(n int64) {
		res, err := c.HTTP.Do(c.Request(t, "GET", "/endless", nil, page...))
		if err != nil {
			t.Fatal(err)
		}
		if got, err := io.CopyN(io.Discard, res.Body, n); err != nil {
			t.Errorf("the endless page ended after %d bytes: %v", got, err)
		}
		_ = res.Body.Close()
	}
	read(20 << 20) // the heap has grown to its usual size
	before := peakRSS(t, g.PID())
	read(600 << 20)
	if grown := peakRSS(t, g.PID()) - before; grown > 64<<20 { // what passes is not kept
		t.Errorf("the gate grew by %d MiB", grown>>20)
	}
	want(t, "the next page", c.Get(t, "/", page...), 200, "")
}
