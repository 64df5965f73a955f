package csrfjs

import (
	"compress/gzip"
	"io"
	"net/http/httptest"
	"strings"
	"testing"
)

// ask sends one request for the script.
func ask(method, accept, match string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, "/.sanmon/csrf.js", nil)
	if accept != "" {
		r.Header.Set("Accept-Encoding", accept)
	}
	if match != "" {
		r.Header.Set("If-None-Match", match)
	}
	w := httptest.NewRecorder()
	New().Serve(w, r)
	return w
}

func TestServe(t *testing.T) {
	plain, zipped := ask("GET", "", "").Header().Get("ETag"), ask("GET", "gzip", "").Header().Get("ETag")
	for _, c := range []struct {
		method, accept, match string
		status                int
		coding                string
		body                  bool
	}{
		{"GET", "", "", 200, "", true},
		{"HEAD", "", "", 200, "", false},
		{"GET", "br, GZip;q=0.5", "", 200, "gzip", true},
		{"GET", "gzip;q=0, br", "", 200, "", true},
		{"GET", "gzip; q=0.000", "", 200, "", true},
		{"GET", "br", "", 200, "", true},
		{"GET", "", plain, 304, "", false},
		{"HEAD", "", `"x", W/` + plain, 304, "", false},
		{"GET", "gzip", zipped, 304, "", false},
		{"GET", "gzip", plain, 200, "gzip", true}, // another representation
		{"GET", "", "*", 304, "", false},
	} {
		w := ask(c.method, c.accept, c.match)
		h := w.Header()
		if w.Code != c.status || h.Get("Content-Encoding") != c.coding || (w.Body.Len() > 0) != c.body {
			t.Errorf("%+v: %d %q, %d bytes", c, w.Code, h.Get("Content-Encoding"), w.Body.Len())
		}
		if h.Get("Cache-Control") != "public, max-age=3600" || h.Get("Vary") != "Accept-Encoding" ||
			h.Get("X-Content-Type-Options") != "nosniff" || h.Get("Cross-Origin-Resource-Policy") != "same-origin" {
			t.Errorf("%+v: header %v", c, h)
		}
		if c.status == 200 && h.Get("Content-Type") != "text/javascript; charset=utf-8" {
			t.Errorf("%+v: type %q", c, h.Get("Content-Type"))
		}
	}
	if plain == zipped || len(plain) != 18 {
		t.Errorf("entity tags %s and %s", plain, zipped)
	}
}

// TestSmall: what travels is at most 4 KiB, and both representations are the same script.
func TestSmall(t *testing.T) {
	w := ask("GET", "gzip", "")
	if w.Body.Len() > 4096 {
		t.Errorf("%d bytes travel", w.Body.Len())
	}
	z, err := gzip.NewReader(w.Body)
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(z)
	if plain := ask("GET", "", "").Body.String(); err != nil || string(body) != plain {
		t.Errorf("unzipped %d bytes, plain %d (%v)", len(body), len(plain), err)
	}
}

func TestSlim(t *testing.T) {
	for _, c := range [][2]string{
		{"a\n  // b\n\n\tc // d\n", "a\nc // d\n"},
		{"x = '// y'\n", "x = '// y'\n"},
		{"last", "last\n"},
	} {
		if got := string(slim([]byte(c[0]))); got != c[1] {
			t.Errorf("slim(%q) = %q, want %q", c[0], got, c[1])
		}
	}
}

// TestStrict: nothing that a strict policy or Trusted Types forbids, no markup, no name left
// behind, and none of the syntax that is younger than ES2017.
func TestStrict(t *testing.T) {
	js := ask("GET", "", "").Body.String()
	for _, word := range []string{
		"eval(", "new Function", "innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "setTimeout('", "javascript:",
		"`", "catch {", "?.", "??", "{ ...", "console.", "localStorage", "globalThis",
	} {
		if strings.Contains(js, word) {
			t.Errorf("the script has %q", word)
		}
	}
	if !strings.HasPrefix(js, "(() => {\n'use strict';\n") || !strings.HasSuffix(js, "})();\n") {
		t.Errorf("the script is no function that is called at once")
	}
}
