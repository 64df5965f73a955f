package e2e_test

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/sanmon-gate/sanmon/e2e/harness"
)

// hostileDescription describes one body in three types.
const hostileDescription = `
openapi: 3.1.0
info: { title: Hostile, version: "1" }
paths:
  /described:
    post:
      requestBody:
        required: true
        content:
          application/json: { schema: { $ref: "#/components/schemas/Note" } }
          application/x-www-form-urlencoded: { schema: { $ref: "#/components/schemas/Note" } }
          multipart/form-data: { schema: { $ref: "#/components/schemas/Note" } }
      responses: { "200": { description: ok } }
components:
  schemas:
    Note:
      type: object
      additionalProperties: false
      properties:
        title: { type: string, maxLength: 100 }
        tags: { type: array, maxItems: 10, items: { type: string } }
`

// hostileGate has one route for each kind of attention that a body can get.
func hostileGate(t *testing.T) *harness.Gate {
	t.Helper()
	backend := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := sha256.New()
		if _, err := io.Copy(h, r.Body); err != nil {
			return
		}
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		_, _ = io.WriteString(w, hex.EncodeToString(h.Sum(nil)))
	}))
	t.Cleanup(backend.Close)
	g := harness.NewGate(t, harness.Options{
		Upstreams: map[string]string{"app": fmt.Sprintf("{ url: %q, openapi: openapi.yaml }", backend.URL)},
		Routes: `
  - { id: described, match: { path: "/described", methods: [POST] }, boundary: public, ` + open + `, input: { openapi: enforce, max_body: 16MiB } }
  - { id: fields, match: { path: "/fields", methods: [POST] }, boundary: public, ` + open + `, fields: { title: text, tags: text }, input: { max_body: 16MiB } }
  - { id: form, match: { path: "/form", methods: [POST] }, boundary: [session], input: { max_body: 16MiB } }
  - { id: open, match: { path: "/open", methods: [POST] }, boundary: public, ` + open + `, input: { max_body: 16MiB } }
`})
	g.WriteFile(t, "openapi.yaml", hostileDescription)
	g.Start(t)
	g.AddUser(t, writer, "writer")
	return g
}

const boundary = "multipart/form-data; boundary=b"

func part(disposition, value string) string {
	return "--b\r\nContent-Disposition: form-data; " + disposition + "\r\n\r\n" + value + "\r\n"
}

// TestHostileBodies: a body that is made to hurt is refused with a code that says why, or
// arrives as it was sent where nothing is asked of it; the gate does not grow with it.
func TestHostileBodies(t *testing.T) {
	t.Parallel()
	const invalid, large, unread, framing, twice = "input_invalid", "body_too_large", "type_not_allowed", "csrf_invalid", "header_ambiguous"
	status := map[string]int{"": 200, invalid: 422, large: 413, unread: 415, framing: 403, twice: 400}
	g := hostileGate(t)
	c := signedIn(t, g, writer)
	big, many := strings.Repeat("x", 10<<20), 100_000
	want(t, "10 MiB", c.Post(t, "/open", "text/plain", big), 200, "") // the heap has grown to its usual size
	before := peakRSS(t, g.PID())
	for _, row := range []struct{ name, described, fields, elsewhere, contentType, body string }{
		{"deep array", invalid, "", "", "application/json", strings.Repeat("[", many)},
		{"deep object", invalid, "", "", "application/json", strings.Repeat(`{"title":`, many)},
		{"deep and closed", invalid, "", "", "application/json", `{"tags":` + strings.Repeat("[", many) + strings.Repeat("]", many) + "}"},
		{"many members", large, large, "", "application/json", "{" + members(many, `"f%d":1`, ",") + "}"},
		{"many elements", invalid, "", "", "application/json", `{"tags":[` + strings.Repeat(`"a",`, many) + `"a"]}`},
		{"one long string", large, large, "", "application/json", `{"title":"` + big + `"}`},
		{"one long number", invalid, "", "", "application/json", `{"title":` + strings.Repeat("9", 1<<19) + `}`},
		{"exponent", invalid, "", "", "application/json", `{"title":1e999999999}`},
		{"cut", invalid, "", "", "application/json", `{"title":"a`},
		{"repeated member", invalid, "", "", "application/json", `{"title":"a","title":"b"}`},
		{"invalid UTF-8", invalid, "", "", "application/json", "{\"title\":\"\xc0\xaf\"}"},
		{"UTF-16 with a mark", invalid, invalid, "", "application/json", "\xff\xfe{\x00}\x00"},
		{"UTF-16 said", unread, unread, "", "application/json; charset=utf-16", "{}"},
		{"UTF-7 said", unread, unread, "", "application/json; charset=utf-7", `{"title":"+ADw-script+AD4-"}`},
		{"many fields", invalid, "", "", urlencoded, members(many, "f%d=1", "&")},
		{"one field many times", invalid, "", "", urlencoded, strings.Repeat("title=a&", many) + "title=a"},
		{"separators", invalid, "", "", urlencoded, strings.Repeat("&", 1<<20)},
		{"one long field", large, large, "", urlencoded, "title=" + big},
		{"one long name", large, large, "", urlencoded, big + "=1"},
		{"escapes", invalid, "", "", urlencoded, "title=" + strings.Repeat("%", 1<<19)},
		{"escaped NUL and bad UTF-8", invalid, "", "", urlencoded, "title=%00%c0%af"},
		{"UTF-7 form", unread, unread, "", urlencoded + "; charset=utf-7", "title=%2BADw-script%2BAD4-"},
		{"UTF-16 form", unread, unread, "", urlencoded + "; charset=utf-16le", "t\x00=\x00"},
		{"many parts", large, "", "", boundary, strings.Repeat(part(`name="title"`, "a"), 20_000) + "--b--\r\n"},
		{"one long part", large, large, "", boundary, part(`name="title"`, big) + "--b--\r\n"},
		{"one long part header", large, invalid, "", boundary, part(`name="title"; x="`+big+`"`, "a") + "--b--\r\n"},
		{"many part headers", invalid, invalid, "", boundary, "--b\r\n" + strings.Repeat("X-A: b\r\n", many) + "\r\na\r\n--b--\r\n"},
		{"no end", invalid, invalid, "", boundary, part(`name="title"`, "a")},
		{"cut in a header", invalid, invalid, "", boundary, "--b\r\nContent-Disposition: form-da"},
		{"another boundary", invalid, invalid, "", boundary, strings.ReplaceAll(part(`name="title"`, "a"), "--b", "--c") + "--c--\r\n"},
		{"no boundary", framing, framing, framing, "multipart/form-data", part(`name="title"`, "a") + "--b--\r\n"},
		{"long boundary", framing, framing, framing, "multipart/form-data; boundary=" + strings.Repeat("b", 5000), "--b--\r\n"},
		{"two boundaries", framing, framing, framing, "multipart/form-data; boundary=b; boundary=c", part(`name="title"`, "a") + "--b--\r\n"},
		{"only dashes", invalid, invalid, "", boundary, strings.Repeat("-", 1<<20)},
		{"almost the boundary", large, "", "", boundary, part(`name="title"`, strings.Repeat("\r\n--", 1<<18)) + "--b--\r\n"},
		{"name twice", invalid, invalid, "", boundary, part(`name="title"; name="tags"`, "a") + "--b--\r\n"},
		{"extended name", invalid, invalid, "", boundary, part(`name*=utf-8''title`, "a") + "--b--\r\n"},
		{"charset of a part", invalid, "", "", boundary, part(`name="_charset_"`, "utf-7") + part(`name="title"`, "+ADw-script+AD4-") + "--b--\r\n"},
		{"nested multipart", "", "", "", boundary, "--b\r\nContent-Disposition: form-data; name=\"title\"\r\nContent-Type: multipart/mixed; boundary=c\r\n\r\n--c\r\n\r\na\r\n--c--\r\n--b--\r\n"},
		{"not what it says", invalid, "", "", "application/json", "title=a"},
		{"deep markup", invalid, invalid, "", "application/json", strings.Repeat(`{"title":`, many) + `"<script>"` + strings.Repeat("}", many)},
		{"overlong markup", invalid, "", "", "application/json", "{\"title\":\"\xc0\xbcscript>\"}"},
		{"markup in a cut string", invalid, invalid, "", "application/json", `{"title":"<script>`},
		{"markup in the second", invalid, invalid, "", "application/json", `{"title":"a","title":"<script>"}`},
		{"markup in the last of many", invalid, invalid, "", urlencoded, members(many, "f%d=1", "&") + "&title=%3Cscript%3E"},
		{"markup in a cut part", invalid, invalid, "", boundary, part(`name="title"`, "<script>")},
		{"markup in base64", invalid, invalid, "", boundary, "--b\r\nContent-Disposition: form-data; name=\"title\"\r\nContent-Transfer-Encoding: base64\r\n\r\nPHNjcmlwdD4=\r\n--b--\r\n"},
		{"a part in UTF-7", "", unread, "", boundary, "--b\r\nContent-Disposition: form-data; name=\"title\"\r\nContent-Type: text/plain; charset=utf-7\r\n\r\n+ADw-\r\n--b--\r\n"},
		{"parts in UTF-16", invalid, unread, "", boundary + "; charset=utf-16", part(`name="title"`, "<\x00")},
		{"no type", unread, unread, "", "", `{"title":"a"}`},
		{"two types in one", twice, twice, twice, "application/json, text/plain", "{}"},
	} {
		sum := sha256.Sum256([]byte(row.body))
		for path, code := range map[string]string{"/described": row.described, "/fields": row.fields, "/form": row.elsewhere, "/open": row.elsewhere} {
			a := c.Post(t, path, row.contentType, row.body)
			want(t, row.name+" to "+path, a, status[code], code)
			if a.Status == 200 && string(a.Body) != hex.EncodeToString(sum[:]) {
				t.Errorf("%s to %s did not arrive as it was sent", row.name, path)
			}
		}
	}
	if grown := peakRSS(t, g.PID()) - before; grown > 64<<20 {
		t.Errorf("the gate grew by %d MiB", grown>>20)
	}
}

func members(n int, format, sep string) string {
	var b strings.Builder
	for i := range n {
		if i > 0 {
			b.WriteString(sep)
		}
		fmt.Fprintf(&b, format, i)
	}
	return b.String()
}

// TestLyingBodies: a body that is not as its header says is refused, or cut, and never
// looks whole to the backend.
func TestLyingBodies(t *testing.T) {
	t.Parallel()
	g := hostileGate(t)
	c := g.Client(t)
	status := map[string]int{"": 200, "input_invalid": 422, "type_not_allowed": 415}
	var zip bytes.Buffer
	z := gzip.NewWriter(&zip)
	_, _ = z.Write(bytes.Repeat([]byte("[1,"), 4<<20))
	_ = z.Close()
	for _, row := range []struct {
		name, coding, described, fields, elsewhere, body string
	}{
		{"gzip", "gzip", "type_not_allowed", "type_not_allowed", "", zip.String()},
		{"gzip that is none", "gzip", "type_not_allowed", "type_not_allowed", "", `{"title":"a"}`},
		{"unknown", "x-unknown", "type_not_allowed", "type_not_allowed", "", `{"title":"a"}`},
		{"two", "identity, gzip", "type_not_allowed", "type_not_allowed", "", `{"title":"a"}`},
		{"none, said", "identity", "", "", "", `{"title":"a"}`},
		{"gzip, not said", "", "input_invalid", "input_invalid", "", zip.String()},
	} {
		for path, code := range map[string]string{"/described": row.described, "/fields": row.fields, "/open": row.elsewhere} {
			a := c.Post(t, path, "application/json", row.body, "Content-Encoding", row.coding)
			want(t, row.name+" to "+path, a, status[code], code)
		}
	}
	for _, path := range []string{"/described", "/fields", "/open"} {
		endless := c.Request(t, "POST", path, io.MultiReader(strings.NewReader(`{"title":"`), endlessly{}), "Content-Type", "application/json")
		if a, err := c.Try(endless); err != nil || a.Status != 413 || a.Code() != "body_too_large" {
			t.Errorf("an endless body to %s: %d %s, %v", path, a.Status, a.Code(), err)
		}
		head := "POST " + path + " HTTP/1.1\r\nHost: " + publicHost(g) + "\r\nContent-Type: application/json\r\nSec-Fetch-Site: same-origin\r\nContent-Length: "
		conn := g.Dial(t)
		fmt.Fprint(conn, head+"500\r\n\r\n{\"title\":\"a\"}")
		_ = conn.SetReadDeadline(time.Now().Add(200 * time.Millisecond))
		if n, err := conn.Read(make([]byte, 1)); n > 0 || !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("a body to %s is answered before it has ended: %v", path, err)
		}
		_ = conn.SetReadDeadline(time.Time{})
		_ = conn.(*net.TCPConn).CloseWrite()
		answer, err := io.ReadAll(conn)
		if cut := len(answer) == 0 || strings.HasPrefix(string(answer), "HTTP/1.1 422 "); err != nil || !cut {
			t.Errorf("a body that breaks off, to %s: %q, %v", path, clip(answer), err)
		}
		if a := g.Raw(t, head+"13\r\n\r\n{\"title\":\"a\"}{\"title\":\"b\"}\r\n\r\n"); len(a) != 2 || a[0].Status != 200 || a[1].Status != 400 || !a[1].Close {
			t.Errorf("what follows a body, to %s: %+v", path, a)
		}
	}
	want(t, "the next one", c.Post(t, "/open", "application/json", "{}"), 200, "")
}

// endlessly is a reader that never ends.
type endlessly struct{}

func (endlessly) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = 'a'
	}
	return len(p), nil
}
