package sanmon

import (
	"compress/gzip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sanmon-gate/sanmon/exchange"
	"github.com/sanmon-gate/sanmon/policy"
	"github.com/sanmon-gate/sanmon/web/content"
	"github.com/sanmon-gate/sanmon/web/detect"
	"github.com/sanmon-gate/sanmon/web/headers"
	"github.com/sanmon-gate/sanmon/web/nature"
)

// answer releases an answer of "Name: value" lines by "|" through a gate with one route,
// and returns the header as lines and what becomes of the body.
func answer(t *testing.T, p *Passage, status int, lines, body string, whole bool) (map[string][]string, Content) {
	t.Helper()
	h := map[string][]string{}
	for l := range strings.SplitSeq(lines, "|") {
		name, value, _ := strings.Cut(l, ": ")
		h[name] = append(h[name], value)
	}
	floor, err := headers.NewFloor(headers.FloorOptions{})
	if err != nil {
		t.Fatal(err)
	}
	p.Route.Floor = floor
	_, c := (&Gate{}).Release(p, status, h, []byte(body), whole, nil)
	return h, c
}

func passage(method string, fields exchange.Header) *Passage {
	return &Passage{Request: &exchange.Request{ID: "1", Method: method, Fields: fields}, Route: &Route{Route: &policy.Route{ID: "r"}}}
}

func TestAhead(t *testing.T) {
	const html = "Content-Type: text/html; charset=utf-8"
	blocking, err := nature.NewFields(map[string]string{"a": "text"})
	if err != nil {
		t.Fatal(err)
	}
	var evil detect.Values
	evil.Add(detect.Query, "q", "<script>")
	for _, tt := range []struct {
		name, method, lines, head string
		fields                    *nature.Fields
		values                    *detect.Values
		want                      bool
	}{
		{"small JSON", "GET", "Content-Type: application/json|Content-Length: 65536", "[1", nil, nil, true},
		{"larger JSON", "GET", "Content-Type: application/json|Content-Length: 65537", "", nil, nil, false},
		{"JSON that streams", "GET", "Content-Type: application/json", "", nil, nil, false},
		{"small page in gzip", "GET", html + "|Content-Length: 9|Content-Encoding: gzip", "x", nil, nil, true},
		{"small page in br", "GET", html + "|Content-Length: 9|Content-Encoding: br", "", nil, nil, false},
		{"larger page in gzip", "GET", html + "|Content-Length: 65537|Content-Encoding: gzip", "", nil, nil, false},
		{"coded JSON", "GET", "Content-Type: application/json|Content-Length: 9|Content-Encoding: gzip", "", nil, nil, false},
		{"HEAD", "HEAD", "Content-Type: application/json|Content-Length: 9", "", nil, nil, false},
		{"small page, nothing seen", "GET", html + "|Content-Length: 9", "", nil, nil, true},
		{"small page, seen enough", "GET", html + "|Content-Length: 9", "<p>", nil, nil, false},
		{"page that streams", "GET", html, "", nil, nil, false},
		{"page that streams, without charset", "GET", "Content-Type: text/html", "", nil, nil, true},
		{"the same, seen once", "GET", "Content-Type: text/html", "<p>", nil, nil, false},
		{"image", "GET", "Content-Type: image/png|Content-Length: 9", "", nil, nil, false},
		{"page on a route that blocks", "GET", html, "<p>", blocking, &evil, true},
		{"the same without a suspicious value", "GET", html, "<p>", blocking, nil, false},
		{"a suspicious value elsewhere", "GET", html, "<p>", nil, &evil, false},
	} {
		p := passage(tt.method, nil)
		p.Route.Fields, p.Suspects = tt.fields, tt.values
		h := map[string][]string{}
		for l := range strings.SplitSeq(tt.lines, "|") {
			name, value, _ := strings.Cut(l, ": ")
			h[name] = append(h[name], value)
		}
		if got := (&Gate{}).Ahead(p, 200, h, []byte(tt.head)); got != tt.want {
			t.Errorf("%s: %v", tt.name, got)
		}
	}
}

func zipJSON() string {
	var b strings.Builder
	z := gzip.NewWriter(&b)
	_, _ = z.Write([]byte(`{"a":"<b>"}`))
	_ = z.Close()
	return b.String()
}

func TestReleaseBody(t *testing.T) {
	const json = "Content-Type: application/json|Content-Length: 11|Content-Md5: x"
	for _, tt := range []struct {
		name, method, accept string
		status               int
		lines, body          string
		whole                bool
		filtered             bool
		length, coding       string // of the answer, and what it says it is coded in
		undone, put          string // codings
		findings             []content.Finding
	}{
		{"JSON without markup", "GET", "", 200, json, `{"a":"bcd"}`, true, false, "11", "", "", "", nil},
		{"JSON with markup", "GET", "", 200, json, `{"a":"<b>"}`, true, true, "", "", "", "", nil},
		{"JSON that streams", "GET", "", 200, "Content-Type: application/json", "", false, true, "", "", "", "", nil},
		{"HEAD of JSON", "HEAD", "", 200, json, "", false, false, "", "", "", "", nil},
		{"HEAD of a page", "HEAD", "", 200, "Content-Type: text/html|Content-Length: 11", "", false, false, "11", "", "", "", nil},
		{"part of JSON", "GET", "", 206, json, "", false, false, "11", "", "", "", nil},
		{"JSON in gzip", "GET", "", 200, json + "|Content-Encoding: gzip", "", false, true, "", "gzip", "gzip", "gzip", nil},
		{"JSON in br for a client of gzip", "GET", "br, gzip;q=0.5", 200, json + "|Content-Encoding: br", "", false, true, "", "gzip", "br", "gzip", nil},
		{"JSON in br for a client without gzip", "GET", "br, gzip;q=0", 200, json + "|Content-Encoding: br", "", false, true, "", "", "br", "", nil},
		{"JSON in an unknown coding", "GET", "", 200, json + "|Content-Encoding: x", "", false, false, "11", "x", "", "", []content.Finding{content.JSONCoded}},
		{"style sheet in gzip", "GET", "", 200, "Content-Type: text/css|Content-Length: 11|Content-Encoding: gzip", "", false, false, "11", "gzip", "", "", nil},
		{"JSON as HTML in gzip", "GET", "", 200, "Content-Type: text/html|Content-Length: 31|Content-Encoding: gzip", zipJSON(), true, true, "", "gzip", "gzip", "gzip", []content.Finding{content.JSONCorrected}},
		{"JSON as HTML", "GET", "", 200, "Content-Type: text/html|Content-Length: 11", `{"a":"<b>"}`, true, true, "", "", "", "", []content.Finding{content.JSONCorrected}},
		{"page", "GET", "", 200, "Content-Type: text/html; charset=utf-8|Content-Length: 11", "<p>", false, false, "11", "", "", "", nil},
		{"no type", "GET", "", 200, "Content-Length: 11", "", false, false, "11", "", "", "", []content.Finding{content.TypeMissing}},
		{"no type and no body", "GET", "", 200, "Content-Length: 0", "", false, false, "0", "", "", "", nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := passage(tt.method, exchange.Header{"Accept-Encoding": {tt.accept}})
			h, c := answer(t, p, tt.status, tt.lines, tt.body, tt.whole)
			got := []any{c.Filter != nil, exchange.First(exchange.Header(h), "Content-Length"), exchange.First(exchange.Header(h), "Content-Encoding"), c.Coding, c.Recode, p.Findings}
			if d := cmp.Diff([]any{tt.filtered, tt.length, tt.coding, tt.undone, tt.put, tt.findings}, got); d != "" {
				t.Error(d)
			}
			if tt.filtered && h["Content-Md5"] != nil {
				t.Error("a digest of other bytes")
			}
		})
	}
}

// TestSuspectCostsNothing: a request without metacharacters is not looked at twice.
func TestSuspectCostsNothing(t *testing.T) {
	p := passage("GET", exchange.Header{})
	p.Query, p.Target.Path = "q=annual+report&page=2&next=%2Faccount", "/search"
	g, out := &Gate{}, map[string][]string{"Accept-Encoding": {"gzip"}}
	if n := testing.AllocsPerRun(100, func() { g.suspect(p, out) }); n != 0 || p.Suspects != nil || out["Accept-Encoding"][0] != "gzip" {
		t.Errorf("%v allocations, %v", n, p.Suspects)
	}
	p.Query = "q=%3Cscript%3E"
	if g.suspect(p, out); p.Suspects == nil || out["Accept-Encoding"][0] != "identity" {
		t.Error("a suspicious value was not noted")
	}
}

// TestWithhold: a page is withheld where declared fields are enforced, and nowhere else.
func TestWithhold(t *testing.T) {
	declared, err := nature.NewFields(map[string]string{"a": "text"})
	if err != nil {
		t.Fatal(err)
	}
	now := time.Date(2026, 11, 25, 0, 0, 0, 0, time.UTC)
	const script, other = "<p><script>alert(1)</script>", "<p>&lt;script>alert(1)"
	for _, tt := range []struct {
		name, page string
		fields     *nature.Fields
		observed   bool
		until      time.Time // observe_all
		want       bool
	}{
		{"enforced", script, declared, false, time.Time{}, true},
		{"not live", other, declared, false, time.Time{}, false},
		{"observed", script, declared, true, time.Time{}, false},
		{"no fields", script, nil, false, time.Time{}, false},
		{"everything observed", script, declared, false, now.Add(time.Hour), false},
		{"nothing observed any more", script, declared, false, now, true},
	} {
		p := passage("GET", nil)
		p.Request.Now, p.Route.Fields, p.Route.ObserveFields = now, tt.fields, tt.observed
		p.Suspects = &detect.Values{}
		p.Suspects.Add(detect.Query, "q", "<script>alert(1)</script>")
		c := (&Gate{ObserveUntil: tt.until}).reflected(p, []byte(tt.page), Content{})
		if (c.Refuse != nil) != tt.want || (c.Filter == nil) != tt.want {
			t.Errorf("%s: %v", tt.name, c.Refuse)
		}
		if tt.want && (len(p.Reflected) != 1 || strings.Contains(c.Refuse.Error(), "alert")) {
			t.Errorf("%s: %v, %v", tt.name, p.Reflected, c.Refuse)
		}
	}
}

func BenchmarkSuspect(b *testing.B) {
	p := passage("GET", exchange.Header{})
	p.Query, p.Target.Path = "q=annual+report&page=2&next=%2Faccount", "/search"
	g, out := &Gate{}, map[string][]string{}
	b.ReportAllocs()
	for b.Loop() {
		g.suspect(p, out)
	}
}
