package sanmon_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sanmon-gate/sanmon"
	"github.com/sanmon-gate/sanmon/refusal"
	"github.com/sanmon-gate/sanmon/web/csp"
	"github.com/sanmon-gate/sanmon/web/headers"
)

// views counts pages by route.
type views map[string]int

func (v views) View(route string, _ time.Time) { v[route]++ }

// strictGate is newGate with every route in one mode, a collector, and randomness that
// can be foretold.
func strictGate(t testing.TB, mode csp.Mode) (*sanmon.Gate, views) {
	t.Helper()
	g, v := newGate(t), views{}
	output, err := csp.NewOutput(mode, csp.Strict{Report: "/.sanmon/report"}, public+sanmon.ScriptPath)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range g.Routes {
		r.CSP = output
	}
	g.Pages, g.Collector, g.Random = v, "/.sanmon/report", strings.NewReader(strings.Repeat("0123456789abcdef", 9))
	return g, v
}

var (
	navigates = []string{"Sec-Fetch-Mode: navigate", "Sec-Fetch-Dest: document", `If-None-Match: "x"`, "If-Modified-Since: x", "Range: bytes=0-1", "If-Range: x", "Sanmon-Csp-Nonce: evil"}
	fetches   = []string{"Sec-Fetch-Mode: cors", "Sec-Fetch-Dest: empty", "Sanmon-Csp-Nonce: evil"}
)

const foretold = "30313233343536373839616263646566"

// Who gets a nonce, and what is asked of the backend with it.
func TestNonceIsHandedToTheBackend(t *testing.T) {
	for _, tt := range []struct {
		mode   csp.Mode
		fields []string
		want   string
	}{
		{csp.Floor, navigates, ""}, {csp.Observe, navigates, foretold}, {csp.Enforce, navigates, foretold},
		{csp.Enforce, fetches, ""}, {csp.Enforce, []string{"Accept: text/html"}, foretold}, {csp.Enforce, nil, ""},
	} {
		g, _ := strictGate(t, tt.mode)
		p, err := ask(g, "GET", "/", "", tt.fields...)
		out := map[string][]string{}
		if err != nil || g.Forward(p, out) != nil {
			t.Fatal(err)
		}
		if got := strings.Join(out[sanmon.NonceField], ","); got != tt.want {
			t.Errorf("mode %d, %q: nonce %q, want %q", tt.mode, tt.fields, got, tt.want)
		}
		for _, name := range []string{"If-None-Match", "If-Modified-Since", "Range", "If-Range"} {
			if kept := out[name] != nil; kept != (tt.want == "" && slices.ContainsFunc(tt.fields, func(f string) bool { return strings.HasPrefix(f, name+":") })) {
				t.Errorf("mode %d, %q: %s is %q", tt.mode, tt.fields, name, out[name])
			}
		}
	}
}

// Without randomness there is no page.
func TestNoNonceNoRequest(t *testing.T) {
	g, _ := strictGate(t, csp.Enforce)
	g.Random = strings.NewReader("")
	p, err := ask(g, "GET", "/", "", navigates...)
	if err != nil {
		t.Fatal(err)
	}
	if err := g.Forward(p, map[string][]string{}); err == nil || refusal.From(err).Code != refusal.Internal {
		t.Errorf("%v", err)
	}
}

// Reports are taken from anywhere; nothing else below the reserved prefix is.
func TestReportsComeFromAnywhere(t *testing.T) {
	g, _ := strictGate(t, csp.Enforce)
	for _, origin := range [][]string{nil, {"Origin: null"}, {"Origin: https://elsewhere.example", "Sec-Fetch-Site: cross-site"}, {"Sec-Fetch-Site: none"}} {
		if _, err := ask(g, "POST", "/.sanmon/report", "{}", origin...); err != nil {
			t.Errorf("%q: %v", origin, err)
		}
		for _, path := range []string{"/.sanmon/report/", "/.sanmon/reports", "/.sanmon/logout"} {
			if _, err := ask(g, "POST", path, "", origin...); origin != nil && err == nil {
				t.Errorf("%s from %q passes", path, origin)
			}
		}
	}
}

// Views are of documents that a person saw.
func TestViews(t *testing.T) {
	for _, tt := range []struct {
		mode        csp.Mode
		fields      []string
		status      int
		contentType string
		want        int
	}{
		{csp.Observe, navigates, 200, "text/html", 1}, {csp.Enforce, navigates, 200, "text/html; charset=utf-8", 1},
		{csp.Floor, navigates, 200, "text/html", 0}, {csp.Observe, fetches, 200, "text/html", 0}, {csp.Observe, navigates, 500, "text/html", 0}, {csp.Observe, navigates, 200, "application/json", 0},
	} {
		g, v := strictGate(t, tt.mode)
		p, err := ask(g, "GET", "/", "", tt.fields...)
		if err != nil || g.Forward(p, map[string][]string{}) != nil {
			t.Fatal(err)
		}
		g.Release(p, tt.status, map[string][]string{"Content-Type": {tt.contentType}}, nil, false, nil)
		if v["home"] != tt.want {
			t.Errorf("%+v: %d views", tt, v["home"])
		}
	}
}

// What is learned, and of whom.
func TestLearn(t *testing.T) {
	const page = "<!doctype html><head></head><script>a('seven77')</script><script>b()</script>"
	for _, tt := range []struct {
		what, method, target string
		fields               []string
		status               int
		header               map[string][]string
		want                 string
	}{
		{"a person's page", "GET", "/notes/1", append(navigates, cookie), 200, nil, "read ses_1 a('seven77') false, read ses_1 b() false"},
		{"a page for anybody", "GET", "/", navigates, 200, nil, "home 203.0.113.0/24 a('seven77') false, home 203.0.113.0/24 b() false"},
		{"a value of the request", "GET", "/?q=seven77", navigates, 200, nil, "home 203.0.113.0/24 a('seven77') true, home 203.0.113.0/24 b() false"},
		{"an open part of the path", "GET", "/notes/seven77", append(navigates, cookie), 200, nil, "read ses_1 a('seven77') true, read ses_1 b() false"},
		{"too much to compare", "GET", "/?q=" + strings.Repeat("x", 5000), navigates, 200, nil, ""},
		{"fetched by a script", "GET", "/", fetches, 200, nil, ""},
		{"an error", "GET", "/", navigates, 404, nil, ""},
		{"another charset", "GET", "/", navigates, 200, map[string][]string{"Content-Type": {"text/html; charset=iso-8859-1"}}, ""},
		{"no HTML", "GET", "/", navigates, 200, map[string][]string{"Content-Type": {"image/svg+xml"}}, ""},
		{"coded", "GET", "/", navigates, 200, map[string][]string{"Content-Type": {"text/html"}, "Content-Encoding": {"gzip"}}, ""},
	} {
		g, _ := strictGate(t, csp.Observe)
		var told []string
		g.Learn = func(s csp.Sighting) {
			told = append(told, fmt.Sprint(s.Route, " ", s.Visitor, " ", string(s.Beginning), " ", s.Reflected))
		}
		p, err := ask(g, tt.method, tt.target, "", tt.fields...)
		if err != nil || g.Forward(p, map[string][]string{}) != nil {
			t.Fatal(tt.what, err)
		}
		if tt.header == nil {
			tt.header = map[string][]string{"Content-Type": {"text/html; charset=UTF-8"}}
		}
		_, c := g.Release(p, tt.status, tt.header, nil, false, nil)
		if c.Filter != nil {
			c.Filter.Close(c.Filter.Push(nil, []byte(page)))
		}
		if got := strings.Join(told, ", "); got != tt.want {
			t.Errorf("%s: %s\nwant %s", tt.what, got, tt.want)
		}
	}
}

// What a page costs more than under the floor: nonce, policies, and the edits.
func BenchmarkPage(b *testing.B) {
	for name, mode := range map[string]csp.Mode{"floor": csp.Floor, "observe": csp.Observe, "strict": csp.Enforce} {
		b.Run(name, func(b *testing.B) {
			g, _ := strictGate(b, mode)
			g.Random = nil
			p, err := ask(g, "GET", "/", "", navigates...)
			if err != nil {
				b.Fatal(err)
			}
			out, buf := map[string][]string{}, make([]headers.Edit, 0, 32)
			b.ReportAllocs()
			for b.Loop() {
				clear(out)
				if err := g.Forward(p, out); err != nil {
					b.Fatal(err)
				}
				buf, _ = g.Release(p, 200, map[string][]string{"Content-Type": {"text/html"}}, nil, false, buf)
			}
		})
	}
}
