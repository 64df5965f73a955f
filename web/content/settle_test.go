package content

import (
	"strings"
	"testing"

	"github.com/sanmon-gate/sanmon/exchange"
)

func TestClassify(t *testing.T) {
	for _, tt := range []struct {
		name   string
		method string
		status int
		header string // "Name: value" by "|"
		want   Work
	}{
		{"JSON", "GET", 200, "Content-Type: application/json", Harden},
		{"JSON in capitals", "GET", 200, "Content-Type: Application/JSON;charset=UTF-8", Harden},
		{"text/json", "GET", 200, "Content-Type: text/json", Harden},
		{"problem", "POST", 422, "Content-Type: application/problem+json", Harden},
		{"JSON error", "GET", 500, "Content-Type: application/json", Harden},
		{"JSON in ASCII", "GET", 200, `Content-Type: application/json; charset="us-ascii"`, Harden},
		{"JSON in another charset", "GET", 200, "Content-Type: application/json; charset=shift_jis", Nothing},
		{"lines of JSON", "GET", 200, "Content-Type: application/x-ndjson", Nothing},
		{"sequence of JSON", "GET", 200, "Content-Type: application/json-seq", Nothing},
		{"a name that is all suffix", "GET", 200, "Content-Type: +json", Nothing},
		{"HTML", "GET", 200, "Content-Type: text/html", Judge},
		{"HTML with charset", "GET", 404, "Content-Type: text/html; charset=utf-8", Judge},
		{"script", "GET", 200, "Content-Type: text/javascript", Nothing},
		{"no type", "GET", 200, "", Nothing},
		{"two types", "GET", 200, "Content-Type: text/html|Content-Type: application/json", Nothing},
		{"HEAD", "HEAD", 200, "Content-Type: application/json", Nothing},
		{"no content", "GET", 204, "Content-Type: application/json", Nothing},
		{"part", "GET", 206, "Content-Type: application/json", Nothing},
		{"not modified", "GET", 304, "Content-Type: application/json", Nothing},
		{"upgrade", "GET", 101, "Content-Type: application/json", Nothing},
		{"coded", "GET", 200, "Content-Type: application/json|Content-Encoding: gzip", Nothing},
		{"coded as it is", "GET", 200, "Content-Type: application/json|Content-Encoding: Identity", Harden},
		{"download", "GET", 200, "Content-Type: application/json|Content-Disposition: attachment; filename=a.json", Nothing},
		{"unknown disposition", "GET", 200, "Content-Type: application/json|Content-Disposition: save", Nothing},
		{"inline", "GET", 200, "Content-Type: application/json|Content-Disposition: inline; filename=a.json", Harden},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := Classify(tt.method, tt.status, header(tt.header)); got != tt.want {
				t.Errorf("got %d, want %d", got, tt.want)
			}
		})
	}
}

func header(lines string) exchange.Header {
	h := exchange.Header{}
	for l := range strings.SplitSeq(lines, "|") {
		if name, value, ok := strings.Cut(l, ": "); ok {
			h[name] = append(h[name], value)
		}
	}
	return h
}

func TestSettle(t *testing.T) {
	const html = "text/html"
	for _, tt := range []struct {
		name, contentType, body string
		complete                bool
		want                    string
		finding                 Finding
	}{
		{"JSON", "text/html; charset=utf-8", `{"a":"<b>"}`, true, "application/json", JSONCorrected},
		{"list after white space", html, " \r\n\t[1]\n", true, "application/json", JSONCorrected},
		{"the beginning of JSON", html, `[{"a":"<b>"},`, false, html, JSONAsHTML},
		{"JSON that may go on", html, `[1]`, false, html, JSONAsHTML},
		{"JSON cut short", "text/html; charset=utf-8", `[1,`, true, "text/html; charset=utf-8", ""},
		{"a note in brackets", "text/html; charset=utf-8", `[1] <a href=x>`, false, "text/html; charset=utf-8", ""},
		{"template in braces", "text/html; charset=utf-8", `{{ x }}`, true, "text/html; charset=utf-8", ""},
		{"number", "text/html; charset=utf-8", `12`, true, "text/html; charset=utf-8", ""},
		{"text in quotes", "text/html; charset=utf-8", `"a"`, true, "text/html; charset=utf-8", ""},

		{"with charset", "text/html; charset=utf-8", "<p>é", true, "text/html; charset=utf-8", ""},
		{"with another charset", "text/html;charset=iso-8859-1", "<p>\xe9", true, "text/html;charset=iso-8859-1", ""},
		{"with an empty charset", "text/html; charset=", "<p>é", true, "text/html; charset=", ""},
		{"ASCII", html, "<p>a", true, "text/html; charset=utf-8", CharsetAdded},
		{"UTF-8", html, "<p>é", true, "text/html; charset=utf-8", CharsetAdded},
		{"another parameter stays", "text/html; profile=x", "<p>é", true, "text/html; charset=utf-8; profile=x", CharsetAdded},
		{"Latin 1", html, "<p>\xe9t\xe9", true, html, CharsetMissing},
		{"half a character at the end", html, "<p>é\xe2\x82", true, html, CharsetMissing},
		{"half a character so far", html, "<p>é\xe2\x82", false, "text/html; charset=utf-8", CharsetAdded},
		{"Latin 1 so far", html, "<p>\xe9t\xe9", false, html, CharsetMissing},
		{"ASCII so far", html, "<p>a", false, html, CharsetMissing},
		{"meta charset", html, "<head><META Charset=euc-jp><p>a", true, html, ""},
		{"meta content", html, `<meta http-equiv="content-type" content="text/html; charset=shift_jis">`, true, html, ""},
		{"meta cut short", html, `<meta charset=x`, false, html, ""},
		{"meta about something else", html, `<meta name="viewport"><p>charset`, true, "text/html; charset=utf-8", CharsetAdded},
		{"byte order mark", html, "\xef\xbb\xbf<p>", true, html, ""},
		{"UTF-16", html, "\xff\xfe<\x00p\x00>\x00", true, html, ""},
		{"UTF-16 without a mark", html, "<\x00p\x00>\x00", true, html, ""},
		{"empty", html, "", true, html, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, finding := Settle(tt.contentType, []byte(tt.body), tt.complete)
			if got != tt.want || finding != tt.finding {
				t.Errorf("got %q (%s), want %q (%s)", got, finding, tt.want, tt.finding)
			}
		})
	}
}

func TestWants(t *testing.T) {
	for _, tt := range []struct {
		contentType, head string
		want              bool
	}{
		{"text/html; charset=utf-8", "", true},
		{"text/html; charset=utf-8", "<!doctype html>", false},
		{"text/html; charset=utf-8", ` {"a"`, true},
		{"text/html", "<!doctype html>", true},
		{"text/html", "<!doctype html><meta charset=utf-8>", false},
	} {
		if got := Wants(tt.contentType, []byte(tt.head)); got != tt.want {
			t.Errorf("Wants(%q, %q) = %v", tt.contentType, tt.head, got)
		}
	}
}

func TestAltered(t *testing.T) {
	h := header("Etag: \"1\"|Content-Md5: x|Digest: x|Content-Digest: x|Repr-Digest: x|Accept-Ranges: bytes|Content-Type: application/json")
	Altered(h)
	if len(h) != 2 || h["Etag"] == nil || h["Content-Type"] == nil {
		t.Errorf("left %v", h)
	}
}

// TestWitness: what streams as HTML and turns out to be JSON is told, once, and unchanged.
func TestWitness(t *testing.T) {
	for _, tt := range []struct {
		body string
		want bool
	}{
		{` [{"a":"<b>"}]`, true}, {`{}`, true}, {`{"a":1`, false}, {`[1] text`, false}, {"<p>[1]", false}, {"", false}, {`"a"`, false},
	} {
		for i := range len(tt.body) + 1 {
			told := 0
			w := Witness{Found: func(f Finding) {
				if told++; f != JSONAsHTML {
					t.Errorf("%q is %s", tt.body, f)
				}
			}}
			out := w.Close(w.Push(w.Push(nil, []byte(tt.body[:i])), []byte(tt.body[i:])))
			if string(out) != tt.body || told == 1 != tt.want || told > 1 {
				t.Errorf("%q split at %d: %q, told %d times", tt.body, i, out, told)
			}
		}
	}
}

func TestHarmless(t *testing.T) {
	for body, want := range map[string]bool{"": true, `{"a":"b"}`: true, `"<"`: false, `">"`: false, `"&"`: false, "\"\u2028\"": false, "\"\u20ac\"": false, "\"é\"": true} {
		if Harmless([]byte(body)) != want {
			t.Errorf("%q: %v", body, !want)
		}
	}
}
