package headers_test

import (
	"fmt"
	"iter"
	"strings"
	"testing"

	"github.com/sanmon-gate/sanmon/exchange"
	"github.com/sanmon-gate/sanmon/refusal"
	"github.com/sanmon-gate/sanmon/web/headers"
)

// fields reads "Name: value" lines, names as given.
func fields(lines ...string) exchange.Header {
	h := exchange.Header{}
	for _, l := range lines {
		name, value, _ := strings.Cut(l, ": ")
		h[name] = append(h[name], value)
	}
	return h
}

// foreign hides the map, as another engine's fields would.
type foreign struct{ h exchange.Header }

func (f foreign) Values(name string) []string      { return f.h.Values(name) }
func (f foreign) All() iter.Seq2[string, []string] { return f.h.All() }

func TestCheck(t *testing.T) {
	many := func(n int) (lines []string) {
		for i := range n {
			lines = append(lines, fmt.Sprintf("X-F%d: v", i))
		}
		return lines
	}
	for _, tt := range []struct {
		name   string
		refuse bool
		lines  []string
	}{
		{"nothing", false, nil},
		{"ordinary", false, []string{"Accept: text/html, */*;q=0.8", "User-Agent: Mozilla/5.0 (X11)", "Accept-Encoding: gzip", "Cookie: a=b", "Origin: https://app.example.com"}},
		{"lists may repeat", false, []string{"Accept: a/b", "Accept: c/d", "Cache-Control: no-cache", "Cache-Control: no-store", "Via: 1.1 a", "Via: 1.1 b", "If-None-Match: \"a\"", "If-None-Match: \"b\""}},
		{"HTTP/2 splits Cookie", false, []string{"Cookie: a=b", "Cookie: c=d"}},
		{"unknown fields may repeat", false, []string{"X-Tag: a", "X-Tag: b"}},
		{"tab in a value", false, []string{"X-A: a\tb"}},
		{"text in a value", false, []string{"X-A: caf\xc3\xa9"}},
		{"100 fields", false, many(100)},
		{"101 fields", true, many(101)},
		{"101 lines of one field", true, strings.Split(strings.Repeat("Accept: a/b\n", 100)+"Accept: a/b", "\n")},

		{"two Host", true, []string{"Host: a", "Host: a"}},
		{"two Origin", true, []string{"Origin: https://a", "Origin: https://a"}},
		{"joined Origin", true, []string{"Origin: https://a, https://b"}},
		{"two Authorization", true, []string{"Authorization: Bearer a", "Authorization: Bearer b"}},
		{"Authorization may have commas", false, []string{"Authorization: Digest a=b, c=d"}},
		{"two Content-Type", true, []string{"Content-Type: a/b", "Content-Type: a/b"}},
		{"joined Content-Type", true, []string{"Content-Type: application/json, text/plain"}},
		{"quoted comma in Content-Type", false, []string{`Content-Type: multipart/form-data; boundary="a,b"`}},
		{"comma after a quoted quote", true, []string{`Content-Type: a/b; c="\"", d/e`}},
		{"two Content-Length", true, []string{"Content-Length: 1", "Content-Length: 1"}},
		{"joined Content-Length", true, []string{"Content-Length: 1, 1"}},
		{"Content-Length", false, []string{"Content-Length: 10"}},
		{"signed Content-Length", true, []string{"Content-Length: +1"}},
		{"negative Content-Length", true, []string{"Content-Length: -1"}},
		{"hex Content-Length", true, []string{"Content-Length: 0x1"}},
		{"empty Content-Length", true, []string{"Content-Length: "}},
		{"huge Content-Length", true, []string{"Content-Length: 9999999999999999999"}},
		{"spaced Content-Length", true, []string{"Content-Length: 1 1"}},
		{"chunked", false, []string{"Transfer-Encoding: chunked"}},
		{"Chunked", false, []string{"Transfer-Encoding: Chunked"}},
		{"gzip, chunked", true, []string{"Transfer-Encoding: gzip, chunked"}},
		{"identity", true, []string{"Transfer-Encoding: identity"}},
		{"xchunked", true, []string{"Transfer-Encoding: xchunked"}},
		{"two chunked", true, []string{"Transfer-Encoding: chunked", "Transfer-Encoding: chunked"}},
		{"length and chunked", true, []string{"Transfer-Encoding: chunked", "Content-Length: 3"}},
		{"two Sec-Fetch-Site", true, []string{"Sec-Fetch-Site: same-origin", "Sec-Fetch-Site: cross-site"}},
		{"joined Sec-Fetch-Site", true, []string{"Sec-Fetch-Site: same-origin, cross-site"}},
		{"two Sec-Fetch-Mode", true, []string{"Sec-Fetch-Mode: navigate", "Sec-Fetch-Mode: cors"}},
		{"two Sec-Fetch-Dest", true, []string{"Sec-Fetch-Dest: empty", "Sec-Fetch-Dest: empty"}},
		{"two X-Sanmon-Csrf", true, []string{"X-Sanmon-Csrf: a", "X-Sanmon-Csrf: b"}},
		{"joined X-Sanmon-Csrf", true, []string{"X-Sanmon-Csrf: a,b"}},
		{"two X-Api-Key", true, []string{"X-Api-Key: a", "X-Api-Key: b"}},
		{"joined X-Api-Key", true, []string{"X-Api-Key: a,b"}},
		{"two Range", true, []string{"Range: bytes=0-1", "Range: bytes=2-3"}},
		{"two If-Range", true, []string{"If-Range: \"a\"", "If-Range: \"b\""}},
		{"two If-Modified-Since", true, []string{"If-Modified-Since: a", "If-Modified-Since: b"}},
		{"two If-Unmodified-Since", true, []string{"If-Unmodified-Since: a", "If-Unmodified-Since: b"}},
		{"two Referer", true, []string{"Referer: a", "Referer: b"}},
		{"two X-Requested-With", true, []string{"X-Requested-With: a", "X-Requested-With: b"}},

		{"NUL", true, []string{"X-A: a\x00b"}},
		{"CR LF", true, []string{"X-A: a\r\nX-B: c"}},
		{"LF", true, []string{"X-A: a\nb"}},
		{"escape", true, []string{"X-A: \x1b[31m"}},
		{"DEL", true, []string{"X-A: \x7f"}},
		{"control in the second value", true, []string{"X-A: a", "X-A: \x01"}},

		{"keep-alive", false, []string{"Connection: keep-alive"}},
		{"Connection names fields", false, []string{"Connection: close, X-Request-Id, sanmon-assertion"}}, // RT 35, 36: the forwarder sets its own after
		{"Connection names the type away", true, []string{"Connection: close, content-type", "Content-Type: application/json"}},
		{"Connection names the encoding away", true, []string{"Connection: Content-Encoding"}},
		{"empty elements", false, []string{"Connection: , close,,"}},
		{"two Connection lines", false, []string{"Connection: keep-alive", "Connection: te"}},
		{"Connection with a space", true, []string{"Connection: keep alive"}},
		{"Connection with a colon", true, []string{"Connection: a:b"}},
		{"Connection with a quote", true, []string{`Connection: "close"`}},
		{"17 options", true, []string{"Connection: " + strings.Repeat("a,", 16) + "a"}},
		{"websocket", false, []string{"Connection: keep-alive, Upgrade", "Upgrade: WebSocket"}},
		{"upgrade option alone", false, []string{"Connection: upgrade"}},
		{"Upgrade without its option", true, []string{"Upgrade: websocket"}},
		{"h2c", true, []string{"Connection: upgrade, http2-settings", "Upgrade: h2c", "Http2-Settings: x"}},
		{"websocket and h2c", true, []string{"Connection: upgrade", "Upgrade: websocket, h2c"}},
		{"two Upgrade", true, []string{"Connection: upgrade", "Upgrade: websocket", "Upgrade: websocket"}},
		{"TLS upgrade", true, []string{"Connection: upgrade", "Upgrade: TLS/1.2"}},
	} {
		for _, f := range []exchange.Fields{fields(tt.lines...), foreign{fields(tt.lines...)}} {
			err := headers.Check(f)
			if r := refusal.From(err); tt.refuse != (r != nil) || r != nil && r.Code != refusal.HeaderAmbiguous {
				t.Errorf("%s (%T): %v, refuse %v", tt.name, f, err, tt.refuse)
			}
		}
	}
}

func TestCheckQuotesNothing(t *testing.T) {
	const key = "smk_live_0123456789AB"
	for _, lines := range [][]string{{"Authorization: " + key, "Authorization: x"}, {"X-Api-Key: " + key + ",x"}, {key + ": \x00"}, {"X-A: " + key + "\x00"}, {"Connection: " + key + " x"}, {"Content-Length: " + key}, {"Upgrade: " + key}} {
		if err := headers.Check(fields(lines...)); err == nil || strings.Contains(err.Error(), key) {
			t.Errorf("%q: %v", lines, err)
		}
	}
}

func BenchmarkCheck(b *testing.B) {
	var f exchange.Fields = browser
	b.ReportAllocs()
	for b.Loop() {
		if err := headers.Check(f); err != nil {
			b.Fatal(err)
		}
	}
}

// browser is what Chromium sends with a form.
var browser = fields(
	"Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8", "Accept-Encoding: gzip, deflate, br, zstd", "Accept-Language: en-US,en;q=0.9",
	"Cache-Control: max-age=0", "Connection: keep-alive", "Content-Length: 120", "Content-Type: application/x-www-form-urlencoded", "Cookie: __Host-sanmon=0123456789abcdef0123456789abcdef0123456789abcdef; csrftoken=0123456789abcdef",
	"Origin: https://app.example.com", "Referer: https://app.example.com/notes", "Sec-Ch-Ua: \"Chromium\";v=\"156\"", "Sec-Fetch-Dest: document", "Sec-Fetch-Mode: navigate", "Sec-Fetch-Site: same-origin", "Sec-Fetch-User: ?1",
	"Upgrade-Insecure-Requests: 1", "User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36",
)
