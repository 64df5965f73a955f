package wire

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/sanmon-gate/sanmon/refusal"
	"pgregory.net/rapid"
)

const (
	ok      refusal.Code = ""
	ambHead              = refusal.HeaderAmbiguous
	ambTgt               = refusal.TargetAmbiguous
)

// cases are whole streams of bytes and what must become of them, by RFC 9112 and
// DESIGN §2.1. The order of bytes matters, so they are written out.
func cases() []struct {
	name string
	raw  string
	want refusal.Code
} {
	long := strings.Repeat("a", 300)
	many := strings.Repeat("A: b\r\n", 99)
	return []struct {
		name string
		raw  string
		want refusal.Code
	}{
		{"plain GET", "GET / HTTP/1.1\r\nHost: x\r\n\r\n", ok},
		{"OPTIONS star", "OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n", ok},
		{"CONNECT authority", "CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n", ok},
		{"1.0 without Host", "GET / HTTP/1.0\r\n\r\n", ok},
		{"two requests", "GET /a HTTP/1.1\r\nHost: x\r\n\r\nGET /b HTTP/1.1\r\nHost: x\r\n\r\n", ok},
		{"body, then request", "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabcGET /b HTTP/1.1\r\nHost: x\r\n\r\n", ok},
		{"body holds newlines", "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\n\n\n\r\nGET /b HTTP/1.1\r\nHost: x\r\n\r\n", ok},
		{"chunked, then request", "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\nGET /b HTTP/1.1\r\nHost: x\r\n\r\n", ok},
		{"chunk extension", "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: Chunked\r\n\r\n3;a=b;c=\"d\"\r\nabc\r\n0\r\n\r\n", ok},
		{"trailer", "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nTrailer: T\r\n\r\n1\r\na\r\n0\r\nT: v\r\n\r\n", ok},
		{"empty value", "GET / HTTP/1.1\r\nHost: x\r\nA:\r\n\r\n", ok},
		{"tab around value", "GET / HTTP/1.1\r\nHost:\tx\t\r\n\r\n", ok},
		{"obs-text in value", "GET / HTTP/1.1\r\nHost: x\r\nA: caf\xc3\xa9\r\n\r\n", ok},
		{"percent in query", "GET /?q=100%&p=%zz HTTP/1.1\r\nHost: x\r\n\r\n", ok},
		{"expect", "POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-Continue\r\nContent-Length: 1\r\n\r\na", ok},
		{"100 fields", "GET / HTTP/1.1\r\nHost: x\r\n" + many + "\r\n", ok},

		{"leading CRLF", "\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n", ambHead},
		{"leading LF", "\nGET / HTTP/1.1\r\nHost: x\r\n\r\n", ambHead},
		{"CRLF between requests", "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\na\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n", ambHead},
		{"two spaces before target", "GET  / HTTP/1.1\r\nHost: x\r\n\r\n", ambTgt},
		{"two spaces after target", "GET /  HTTP/1.1\r\nHost: x\r\n\r\n", ambTgt},
		{"tab for space", "GET\t/ HTTP/1.1\r\nHost: x\r\n\r\n", ambHead},
		{"leading space", " GET / HTTP/1.1\r\nHost: x\r\n\r\n", ambHead},
		{"trailing space", "GET / HTTP/1.1 \r\nHost: x\r\n\r\n", ambHead},
		{"no version", "GET /\r\nHost: x\r\n\r\n", ambHead},
		{"version 0.9", "GET / HTTP/0.9\r\nHost: x\r\n\r\n", ambHead},
		{"version 1.2", "GET / HTTP/1.2\r\nHost: x\r\n\r\n", ambHead},
		{"version 2.0", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", ambHead},
		{"lower-case version", "GET / http/1.1\r\nHost: x\r\n\r\n", ambHead},
		{"method no token", "G@T / HTTP/1.1\r\nHost: x\r\n\r\n", ambHead},
		{"no method", " / HTTP/1.1\r\nHost: x\r\n\r\n", ambHead},
		{"space in target", "GET /a b HTTP/1.1\r\nHost: x\r\n\r\n", ambTgt},
		{"tab in target", "GET /a\tb HTTP/1.1\r\nHost: x\r\n\r\n", ambTgt},
		{"NUL in target", "GET /a\x00b HTTP/1.1\r\nHost: x\r\n\r\n", ambTgt},
		{"non-ASCII target", "GET /caf\xc3\xa9 HTTP/1.1\r\nHost: x\r\n\r\n", ambTgt},
		{"bad percent", "GET /%zz HTTP/1.1\r\nHost: x\r\n\r\n", ambTgt},
		{"cut percent", "GET /%2 HTTP/1.1\r\nHost: x\r\n\r\n", ambTgt},
		{"absolute-form", "GET http://x/ HTTP/1.1\r\nHost: x\r\n\r\n", ambTgt},
		{"authority with GET", "GET x:80 HTTP/1.1\r\nHost: x\r\n\r\n", ambTgt},
		{"star with GET", "GET * HTTP/1.1\r\nHost: x\r\n\r\n", ambTgt},
		{"bare LF in request line", "GET / HTTP/1.1\nHost: x\r\n\r\n", ambHead},
		{"bare LF in field", "GET / HTTP/1.1\r\nHost: x\n\r\n", ambHead},
		{"bare LF ends head", "GET / HTTP/1.1\r\nHost: x\r\n\n", ambHead},
		{"bare CR in value", "GET / HTTP/1.1\r\nHost: x\r\nA: b\rc\r\n\r\n", ambHead},
		{"bare CR in request line", "GET /\rHTTP/1.1\r\nHost: x\r\n\r\n", ambHead},
		{"CR CR LF", "GET / HTTP/1.1\r\nHost: x\r\r\n\r\n", ambHead},
		{"obs-fold", "GET / HTTP/1.1\r\nHost: x\r\nA: b\r\n c\r\n\r\n", ambHead},
		{"fold as first field", "GET / HTTP/1.1\r\n A: b\r\nHost: x\r\n\r\n", ambHead},
		{"tab fold", "GET / HTTP/1.1\r\nHost: x\r\nA: b\r\n\tc\r\n\r\n", ambHead},
		{"space before colon", "GET / HTTP/1.1\r\nHost: x\r\nA : b\r\n\r\n", ambHead},
		{"tab before colon", "GET / HTTP/1.1\r\nHost: x\r\nContent-Length\t: 3\r\n\r\nabc", ambHead},
		{"empty name", "GET / HTTP/1.1\r\nHost: x\r\n: b\r\n\r\n", ambHead},
		{"no colon", "GET / HTTP/1.1\r\nHost: x\r\nAb\r\n\r\n", ambHead},
		{"name no token", "GET / HTTP/1.1\r\nHost: x\r\nA(b: c\r\n\r\n", ambHead},
		{"non-ASCII name", "GET / HTTP/1.1\r\nHost: x\r\n\xc3\xa9: c\r\n\r\n", ambHead},
		{"NUL in value", "GET / HTTP/1.1\r\nHost: x\r\nA: b\x00c\r\n\r\n", ambHead},
		{"control in long value", "GET / HTTP/1.1\r\nHost: x\r\nA: 0123456789abcdef\x1b0123456789\r\n\r\n", ambHead},
		{"DEL in value", "GET / HTTP/1.1\r\nHost: x\r\nA: 01234567\x7f0123456\r\n\r\n", ambHead},
		{"CL beside TE", "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", ambHead},
		{"TE beside CL", "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n", ambHead},
		{"CL twice", "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd", ambHead},
		{"equal CL twice", "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\nabc", ambHead},
		{"CL list", "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3, 3\r\n\r\nabc", ambHead},
		{"CL plus", "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: +3\r\n\r\nabc", ambHead},
		{"CL minus", "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -3\r\n\r\nabc", ambHead},
		{"CL hex", "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 0x3\r\n\r\nabc", ambHead},
		{"CL inner space", "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1 0\r\n\r\nabc", ambHead},
		{"CL empty", "POST / HTTP/1.1\r\nHost: x\r\nContent-Length:\r\n\r\nabc", ambHead},
		{"CL overflow", "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9223372036854775808\r\n\r\n", ambHead},
		{"TE twice", "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", ambHead},
		{"TE identity", "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: identity\r\n\r\n", ambHead},
		{"TE list", "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", ambHead},
		{"TE xchunked", "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", ambHead},
		{"TE chunked;", "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked;q=1\r\n\r\n0\r\n\r\n", ambHead},
		{"TE quoted", "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: \"chunked\"\r\n\r\n0\r\n\r\n", ambHead},
		{"TE vertical tab", "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n", ambHead},
		{"TE empty", "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding:\r\n\r\n0\r\n\r\n", ambHead},
		{"TE on 1.0", "POST / HTTP/1.0\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", ambHead},
		{"Host twice", "GET / HTTP/1.1\r\nHost: x\r\nHost: x\r\n\r\n", ambHead},
		{"Host missing", "GET / HTTP/1.1\r\nA: b\r\n\r\n", ambHead},
		{"Host list", "GET / HTTP/1.1\r\nHost: x, y\r\n\r\n", ambHead},
		{"Host with path", "GET / HTTP/1.1\r\nHost: x/y\r\n\r\n", ambHead},
		{"Host with user", "GET / HTTP/1.1\r\nHost: u@x\r\n\r\n", ambHead},
		{"expectation unknown", "GET / HTTP/1.1\r\nHost: x\r\nExpect: 200-ok\r\n\r\n", ambHead},
		{"trailer announces framing", "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nTrailer: a, content-length\r\n\r\n0\r\n\r\n", ambHead},
		{"101 fields", "GET / HTTP/1.1\r\nHost: x\r\n" + many + "A: b\r\n\r\n", ambHead},
		{"head too long", "GET / HTTP/1.1\r\nHost: x\r\nA: " + strings.Repeat("b", 32<<10) + "\r\n\r\n", ambHead},
		{"target too long", "GET /" + strings.Repeat("b", 32<<10) + " HTTP/1.1\r\nHost: x\r\n\r\n", ambHead},
		{"TLS on the plain port", "\x16\x03\x01\x02\x00\x01", ambHead},

		{"chunk size no hex", chunked + "g\r\nabc\r\n0\r\n\r\n", ambHead},
		{"chunk size empty", chunked + "\r\nabc\r\n0\r\n\r\n", ambHead},
		{"chunk size signed", chunked + "+3\r\nabc\r\n0\r\n\r\n", ambHead},
		{"chunk size 0x", chunked + "0x3\r\nabc\r\n0\r\n\r\n", ambHead},
		{"chunk size leading space", chunked + " 3\r\nabc\r\n0\r\n\r\n", ambHead},
		{"chunk size trailing space", chunked + "3 \r\nabc\r\n0\r\n\r\n", ambHead},
		{"chunk size 16 digits", chunked + "0000000000000003\r\nabc\r\n0\r\n\r\n", ambHead},
		{"chunk size bare LF", chunked + "3\nabc\r\n0\r\n\r\n", ambHead},
		{"chunk size CR CR LF", chunked + "3\r\r\nabc\r\n0\r\n\r\n", ambHead},
		{"chunk extension bare LF", chunked + "3;a\nb\r\nabc\r\n0\r\n\r\n", ambHead},
		{"chunk extension bare CR", chunked + "3;a\rb\r\nabc\r\n0\r\n\r\n", ambHead},
		{"chunk extension too long", chunked + "3;" + long + "\r\nabc\r\n0\r\n\r\n", ambHead},
		{"chunk longer than its size", chunked + "3\r\nabcd\r\n0\r\n\r\n", ambHead},
		{"chunk ends with LF", chunked + "3\r\nabc\n0\r\n\r\n", ambHead},
		{"trailer bare LF", chunked + "0\r\nA: b\n\r\n", ambHead},
		{"trailer ends with LF", chunked + "0\r\n\n", ambHead},
		{"trailer folded", chunked + "0\r\nA: b\r\n c\r\n\r\n", ambHead},
		{"trailer space before colon", chunked + "0\r\nA : b\r\n\r\n", ambHead},
		{"trailer too long", chunked + "0\r\nA: " + strings.Repeat("b", 4<<10) + "\r\n\r\n", ambHead},

		{"CL.TE smuggling", "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nG", ambHead},
		{"TE.CL smuggling", "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n8\r\nSMUGGLED\r\n0\r\n\r\n", ambHead},
		{"TE.TE second obfuscated", "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nTransfer-encoding: x\r\n\r\n0\r\n\r\n", ambHead},
		{"TE.TE space", "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n", ambHead},
		{"TE.TE folded", "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n", ambHead},
		{"TE.TE LF before", "POST / HTTP/1.1\r\nHost: x\r\nX: X\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", ambHead},
		{"CL.0 on GET is a body", "GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 27\r\n\r\nGET /admin HTTP/1.1\r\nHost: x", ok},
	}
}

const chunked = "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"

// run feeds the pieces and returns the verdict and the bytes delivered before it.
func run(pieces ...string) (refusal.Code, string) {
	j := judge{maxHead: 32 << 10}
	var delivered strings.Builder
	for _, piece := range pieces {
		good, v := j.feed([]byte(piece))
		delivered.WriteString(piece[:good])
		if v != nil {
			return v.code, delivered.String()
		}
	}
	return ok, delivered.String()
}

func TestJudge(t *testing.T) {
	for _, c := range cases() {
		if got, _ := run(c.raw); got != c.want {
			t.Errorf("%s: got %q, want %q", c.name, got, c.want)
		}
	}
}

// TestJudgeSplit: the verdict does not depend on where reads end.
func TestJudgeSplit(t *testing.T) {
	for _, c := range cases() {
		for i := range len(c.raw) {
			if len(c.raw) > 2000 && i%997 != 0 && i < len(c.raw)-4 {
				continue
			}
			if got, _ := run(c.raw[:i], c.raw[i:]); got != c.want {
				t.Errorf("%s split at %d: got %q, want %q", c.name, i, got, c.want)
			}
		}
		var bytewise []string
		for i := range len(c.raw) {
			bytewise = append(bytewise, c.raw[i:i+1])
		}
		if got, _ := run(bytewise...); got != c.want {
			t.Errorf("%s byte by byte: got %q, want %q", c.name, got, c.want)
		}
	}
}

// TestJudgeDeliversNothingOfARefusedHead: what came in one piece stays below.
func TestJudgeDeliversNothingOfARefusedHead(t *testing.T) {
	const first = "GET /a HTTP/1.1\r\nHost: x\r\n\r\n"
	if _, got := run(first + "GET /b HTTP/1.1\r\nHost: x\r\nA : b\r\n\r\n"); got != first {
		t.Errorf("delivered %q, want the first request alone", got)
	}
}

// message is what net/http made of one request.
type message struct {
	method, target string
	length         int
}

// parse reads requests the way net/http does until an error, which it returns.
func parse(raw []byte) (out []message, err error) {
	br := bufio.NewReader(bytes.NewReader(raw))
	for {
		if _, err := br.Peek(1); err != nil {
			return out, err
		}
		r, err := http.ReadRequest(br)
		if err != nil {
			return out, err
		}
		n, err := io.Copy(io.Discard, r.Body)
		if err != nil {
			return out, err
		}
		out = append(out, message{r.Method, r.RequestURI, int(n)})
	}
}

// watched parses with the judge's own state machine: where heads and bodies lie.
func watched(raw []byte) (out []message, complete bool) {
	j := judge{maxHead: 32 << 10}
	var cur *message
	for i := range raw {
		before, left := j.phase, j.left
		_, _ = left, before
		if before == atStart {
			line, _, _ := bytes.Cut(raw[i:], []byte("\r\n"))
			parts := strings.Split(string(line), " ")
			if len(parts) == 3 {
				cur = &message{method: parts[0], target: parts[1]}
			}
		}
		if before == inBody || before == inChunkData {
			cur.length++
		}
		if _, v := j.feed(raw[i : i+1]); v != nil {
			return out, false
		}
		if j.phase == atStart {
			out = append(out, *cur)
		}
	}
	return out, j.phase == atStart
}

// agree reports how judge and net/http differ on raw, "" when they do not. What
// the judge passes, net/http must read as the same sequence of requests.
func agree(raw []byte) string {
	ours, complete := watched(raw)
	theirs, err := parse(raw)
	if !complete {
		if len(theirs) > len(ours)+1 { // one more may be on its way when the bytes end
			return fmt.Sprintf("judge saw %v before it stopped, net/http %v", ours, theirs)
		}
		theirs = theirs[:min(len(theirs), len(ours))]
	} else if err != io.EOF {
		return fmt.Sprintf("judge passed it all, net/http: %v", err)
	}
	if fmt.Sprint(ours[:min(len(ours), len(theirs))]) != fmt.Sprint(theirs) || complete && len(ours) != len(theirs) {
		return fmt.Sprintf("judge saw %v, net/http %v", ours, theirs)
	}
	return ""
}

func TestAgreesWithNetHTTP(t *testing.T) {
	for _, c := range cases() {
		if diff := agree([]byte(c.raw)); diff != "" && c.want == ok {
			t.Errorf("%s: %s", c.name, diff)
		}
	}
}

// TestAgreesWithNetHTTPOnMutations takes streams apart and joins them at random.
func TestAgreesWithNetHTTPOnMutations(t *testing.T) {
	corpus := cases()
	rapid.Check(t, func(t *rapid.T) {
		raw := []byte(rapid.SampledFrom(corpus).Draw(t, "a").raw + rapid.SampledFrom(corpus).Draw(t, "b").raw)
		if len(raw) > 2000 {
			raw = raw[:2000]
		}
		for range rapid.IntRange(0, 3).Draw(t, "edits") {
			at := rapid.IntRange(0, len(raw)-1).Draw(t, "at")
			switch rapid.IntRange(0, 2).Draw(t, "kind") {
			case 0:
				raw[at] = rapid.SampledFrom([]byte("\r\n\t :,;0aG/%\x00\x7f\xff")).Draw(t, "byte")
			case 1:
				raw = append(raw[:at], raw[at+1:]...)
			default:
				raw = append(raw[:at], append([]byte{rapid.SampledFrom([]byte("\r\n :;0a")).Draw(t, "byte")}, raw[at:]...)...)
			}
			if len(raw) == 0 {
				return
			}
		}
		if _, complete := watched(raw); complete {
			if diff := agree(raw); diff != "" {
				t.Fatalf("%s on %q", diff, raw)
			}
		}
		if whole, _ := run(string(raw)); true {
			cut := rapid.IntRange(0, len(raw)).Draw(t, "cut")
			if split, _ := run(string(raw[:cut]), string(raw[cut:])); split != whole {
				t.Fatalf("%q whole, %q split at %d: %q", whole, split, cut, raw)
			}
		}
	})
}

func FuzzJudge(f *testing.F) {
	for _, c := range cases() {
		if len(c.raw) < 2000 {
			f.Add([]byte(c.raw), 7)
		}
	}
	f.Fuzz(func(t *testing.T, raw []byte, cut int) {
		cut = max(0, min(cut, len(raw)))
		whole, _ := run(string(raw))
		if split, _ := run(string(raw[:cut]), string(raw[cut:])); split != whole {
			t.Errorf("%q whole, %q split at %d", whole, split, cut)
		}
		if _, complete := watched(raw); complete {
			if diff := agree(raw); diff != "" {
				t.Error(diff)
			}
		}
	})
}

func BenchmarkJudge(b *testing.B) {
	var head strings.Builder
	head.WriteString("GET /notes/42?view=full HTTP/1.1\r\nHost: app.example.com\r\nUser-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36\r\n" +
		"Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8\r\nAccept-Language: en-GB,en;q=0.9,ja;q=0.8\r\nAccept-Encoding: gzip, deflate, br, zstd\r\n" +
		"Cookie: __Host-sanmon=0123456789abcdefghijklmnopqrstuvwxyzABCDEFG; csrftoken=abcdefghijklmnopqrstuvwxyz012345\r\nSec-Fetch-Site: same-origin\r\nSec-Fetch-Mode: navigate\r\n" +
		"Sec-Fetch-Dest: document\r\nReferer: https://app.example.com/notes\r\nUpgrade-Insecure-Requests: 1\r\nPriority: u=0, i\r\nX-Pad: ")
	for head.Len() < 1020 {
		head.WriteByte('p')
	}
	head.WriteString("\r\n\r\n")
	raw := []byte(head.String())
	b.SetBytes(int64(len(raw)))
	b.ReportAllocs()
	j := judge{maxHead: 32 << 10}
	for b.Loop() {
		if _, v := j.feed(raw); v != nil {
			b.Fatal(v)
		}
	}
}
