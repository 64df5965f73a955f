package server

import (
	"bytes"
	"compress/gzip"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/zstd"
)

const formPage = "<!doctype html><html><head><title>a</title></head><body><form method=post action=/s/notes><input name=a></form></body></html>"

var document = []string{"Cookie: sanmon=good", "Accept: text/html", "Sec-Fetch-Site: same-origin", "Sec-Fetch-Mode: navigate", "Sec-Fetch-Dest: document", "Accept-Encoding: gzip, br, zstd"}

// coded is formPage in a coding.
func coded(t *testing.T, coding string) []byte {
	t.Helper()
	var b bytes.Buffer
	var w io.WriteCloser
	switch coding {
	case "gzip":
		w = gzip.NewWriter(&b)
	case "br":
		w = brotli.NewWriter(&b)
	case "zstd":
		w, _ = zstd.NewWriter(&b)
	default:
		return []byte(formPage)
	}
	if _, err := io.WriteString(w, formPage); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// A backend that compresses although it was asked not to still gets its forms protected.
func TestCompressedPagesGetTokens(t *testing.T) {
	for _, coding := range []string{"", "gzip", "br", "zstd", "exotic"} {
		body := coded(t, coding)
		var asked string
		_, gate, _ := house(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			asked = r.Header.Get("Accept-Encoding")
			w.Header().Set("Content-Type", "text/html; charset=utf-8")
			w.Header().Set("Etag", `"v1"`)
			if coding != "" {
				w.Header().Set("Content-Encoding", coding)
			}
			_, _ = w.Write(body)
		}))
		res := ask(t, "GET", gate.URL+"/s/x", "", document...)
		got, err := io.ReadAll(res.Body)
		if err != nil || asked != "identity" {
			t.Errorf("%s: %v, asked for %q", coding, err, asked)
		}
		if coding == "exotic" {
			if string(got) != formPage || res.Header.Get("Content-Encoding") != coding || res.Header.Get("Etag") == "" {
				t.Errorf("%s: %q %v", coding, got, res.Header)
			}
			continue
		}
		if !strings.Contains(string(got), "<head><meta name=sanmon content=s1.") || !strings.Contains(string(got), "<form method=post action=/s/notes><input type=hidden name=_sanmon value=s1.") {
			t.Errorf("%s: %q", coding, got)
		}
		if res.Header.Get("Content-Encoding") != "" || res.Header.Get("Etag") != "" || res.Header.Get("Cache-Control") != "private, no-store" || res.Header.Get("Vary") != "Cookie" {
			t.Errorf("%s: %v", coding, res.Header)
		}
	}
}

// A page that comes in pieces leaves in pieces: nothing of it waits for what follows.
func TestPagesStream(t *testing.T) {
	next := make(chan string)
	_, gate, _ := house(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.(http.Flusher).Flush()
		for piece := range next {
			_, _ = io.WriteString(w, piece)
			w.(http.Flusher).Flush()
		}
	}))
	res := ask(t, "GET", gate.URL+"/s/x", "", document...)
	buf := make([]byte, 1<<10)
	for _, piece := range []struct{ sent, end string }{{"<!doctype html><html><head>", "</script>"}, {"<p>Working", "Working"}, {" 10%", "10%"}, {" 50%<br", "<br"}, {">done<form method=post", "method=post"}} {
		select {
		case next <- piece.sent:
		case <-time.After(5 * time.Second):
			t.Fatal("the backend is stuck")
		}
		n, err := res.Body.Read(buf)
		if !strings.HasSuffix(string(buf[:n]), piece.end) || err != nil {
			t.Errorf("%q came out as %q, %v", piece.sent, buf[:n], err)
		}
	}
	close(next)
	_, _ = io.Copy(io.Discard, res.Body)
}

// A page that nobody is signed in for is the backend's, byte for byte, and cacheable.
func TestPagesForNobodyStayAsTheyAre(t *testing.T) {
	_, gate, _ := house(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Header().Set("Cache-Control", "public, max-age=60")
		w.Header().Set("Etag", `"v1"`)
		w.Header().Set("X-Asked", r.Header.Get("Accept-Encoding"))
		_, _ = io.WriteString(w, formPage)
	}))
	res := ask(t, "GET", gate.URL+"/p/x", "", document[1:]...)
	got, _ := io.ReadAll(res.Body)
	if string(got) != formPage || res.Header.Get("Etag") != `"v1"` || res.Header.Get("Cache-Control") != "public, max-age=60" || res.Header.Get("X-Asked") != "gzip, br, zstd" || res.ContentLength != int64(len(formPage)) {
		t.Errorf("%q %v", got, res.Header)
	}
	// and one that caches may share gets the script only, when somebody is
	res = ask(t, "GET", gate.URL+"/s/x", "", document...)
	got, _ = io.ReadAll(res.Body)
	if want := strings.Replace(formPage, "<head>", "<head><script src=/.sanmon/csrf.js></script>", 1); string(got) != want || res.Header.Get("Etag") != `W/"v1"` || res.Header.Get("Cache-Control") != "public, max-age=60" {
		t.Errorf("%q %v", got, res.Header)
	}
}

// A coded body that breaks off, or is no such coding, is a cut answer and not a short page.
func TestBrokenCodingIsACutAnswer(t *testing.T) {
	for _, body := range [][]byte{coded(t, "gzip")[:40], []byte("no gzip at all")} {
		_, gate, _ := house(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "text/html; charset=utf-8")
			w.Header().Set("Content-Encoding", "gzip")
			_, _ = w.Write(body)
		}))
		req, _ := http.NewRequest("GET", gate.URL+"/s/x", nil)
		for _, f := range document {
			name, value, _ := strings.Cut(f, ": ")
			req.Header.Set(name, value)
		}
		res, err := http.DefaultTransport.RoundTrip(req)
		if err != nil { // cut before the head was on its way
			continue
		}
		if got, err := io.ReadAll(res.Body); err == nil {
			t.Errorf("%d bytes came as a complete page: %q", len(got), got)
		}
		_ = res.Body.Close()
	}
}
