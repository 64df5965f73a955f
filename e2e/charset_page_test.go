package e2e_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/sanmon-gate/sanmon/e2e/harness"
)

func wide(s string, big bool) string {
	var b strings.Builder
	for _, u := range utf16.Encode([]rune(s)) {
		if big {
			b.Write([]byte{byte(u >> 8), byte(u)})
		} else {
			b.Write([]byte{byte(u), byte(u >> 8)})
		}
	}
	return b.String()
}

// charsetPages are pages in encodings: the header, then a byte order mark, then the first
// meta element decide (WHATWG HTML, Section 13.2.3.2). Where "<" may not be a "<", nothing
// is inserted.
var charsetPages = []struct {
	name, contentType, page string
	forms                   int // that get a token
}{
	{"UTF-8", "text/html; charset=utf-8", "<meta charset=iso-2022-jp><p>\u8868<form method=post><input name=a></form>", 1},
	{"UTF-8 by its mark", "text/html", "\xef\xbb\xbf<p>\u8868<form method=post></form>", 1},
	{"Shift_JIS, whose second bytes are ASCII", "text/html; charset=Shift_JIS", "<p>\x95\x5c\x83\x5c\x8e\x7c<form method=post action='/\x95\x5c'></form>", 0},
	{"Shift_JIS around a form", "text/html; charset=shift_jis", "<title>\x95\x5c</title><form method=post action=/x><input value='\x83\x5c'></form>\x95\x5c", 1},
	{"Shift_JIS by meta", "text/html", "<meta charset=Shift_JIS><p>\x95\x5c<form method=post action=/x></form>", 1},
	{"the header overrules the meta", "text/html; charset=EUC-JP", "<meta charset=utf-16><p>\xc9\xbd<form method=post action=/x></form>", 1},
	{"the first meta counts", "text/html", "<meta charset=windows-1252><meta charset=iso-2022-jp>\xe9<form method=post action=/x></form>", 1},
	{"UTF-16LE by its mark", "text/html", "\xff\xfe" + wide("<p>\u8868<form method=post></form>", false), 0},
	{"UTF-16BE by its mark", "text/html", "\xfe\xff" + wide("<p>\u8868<form method=post></form>", true), 0},
	{"the mark overrules the header", "text/html; charset=utf-8", "\xff\xfe" + wide("<form method=post></form>", false), 0},
	{"UTF-16 by the header", "text/html; charset=utf-16le", wide("<form method=post></form>", false), 0},
	{"UTF-16 whose halves look like a form", "text/html; charset=utf-16be", "<form method=post></form>", 0},
	{"ISO-2022-JP", "text/html; charset=iso-2022-jp", "<p>\x1b$B<form method=post>\x1b(B<form method=post></form>", 0},
	{"ISO-2022-JP by meta", "text/html", "<meta http-equiv=content-type content='text/html; charset=iso-2022-jp'><p>\x1b$B<form method=post>\x1b(B", 0},
	{"UTF-7", "text/html; charset=utf-7", "<p>+ADw-form method=post+AD4-<form method=post></form>", 0},
	{"an unknown one", "text/html; charset=klingon", "<form method=post></form>", 0},
}

var insertedToken = regexp.MustCompile(`<input type=hidden name=_sanmon value=[A-Za-z0-9_.-]+>`)

// TestPageCharsets: whatever a page is written in, its own bytes arrive; tokens stand in
// the forms of those only in which a form is sure to be one.
func TestPageCharsets(t *testing.T) {
	t.Parallel()
	backend := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var n int
		_, _ = fmt.Sscanf(r.URL.Path, "/%d", &n)
		w.Header().Set("Content-Type", charsetPages[n].contentType)
		_, _ = io.WriteString(w, charsetPages[n].page)
	}))
	defer backend.Close()
	g := harness.StartGate(t, harness.Options{Upstream: backend.URL, Routes: `
  - { id: pages, match: { path: "/{rest...}" }, boundary: session }
`})
	g.AddUser(t, writer, "writer")
	c := signedIn(t, g, writer)
	for n, p := range charsetPages {
		// A frame's own navigation asks for a document; a script's fetch for a part of one,
		// which gets tokens only, so that the rest can be compared byte for byte.
		a := c.Get(t, fmt.Sprint("/", n), "Sec-Fetch-Mode", "cors", "Sec-Fetch-Dest", "empty", "Sec-Fetch-Site", "same-origin", "Accept", "text/html")
		tokens := insertedToken.FindAll(a.Body, -1)
		rest := string(insertedToken.ReplaceAll(a.Body, nil))
		if a.Status != 200 || len(tokens) != p.forms || rest != p.page {
			t.Errorf("%s: status %d, %d tokens of %d\n got %q\nsent %q", p.name, a.Status, len(tokens), p.forms, a.Body, p.page)
		}
		a = c.Get(t, fmt.Sprint("/", n), "Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "document", "Accept", "text/html")
		if tokens := insertedToken.FindAll(a.Body, -1); a.Status != 200 || len(tokens) != p.forms {
			t.Errorf("%s as a document: status %d, %d tokens of %d: %q", p.name, a.Status, len(tokens), p.forms, a.Body)
		}
	}
}

// TestFormInShiftJIS: what a browser sends from a page in Shift_JIS reaches the backend as
// it was, without our field.
func TestFormInShiftJIS(t *testing.T) {
	t.Parallel()
	backend := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == "POST" {
			_, _ = io.Copy(w, r.Body)
			return
		}
		w.Header().Set("Content-Type", "text/html; charset=shift_jis")
		_, _ = io.WriteString(w, "<form method=post action=/f><input name=\x95\x5c></form>")
	}))
	defer backend.Close()
	g := harness.StartGate(t, harness.Options{Upstream: backend.URL, Routes: `
  - { id: form, match: { path: "/f", methods: [GET, POST] }, boundary: session }
`})
	g.AddUser(t, writer, "writer")
	c := signedIn(t, g, writer)
	page := string(c.Get(t, "/f", "Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "document", "Accept", "text/html").Body)
	_, rest, _ := strings.Cut(page, "name=_sanmon value=")
	token, _, ok := strings.Cut(rest, ">")
	if !ok {
		t.Fatalf("no token in %q", page)
	}
	const field = "%95%5C=%83%5C%81%40&b=%5C"
	a := c.Post(t, "/f", "application/x-www-form-urlencoded", "_sanmon="+token+"&"+field, "Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "document")
	if a.Status != 200 || string(a.Body) != field {
		t.Errorf("status %d, the backend got %q", a.Status, a.Body)
	}
}
