package headers_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/sanmon-gate/sanmon/exchange"
	"github.com/sanmon-gate/sanmon/web/headers"
)

// The floor of research C, typed from there.
const (
	floorCSP = "object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'self'"
	dataCSP  = "default-src 'none'; frame-ancestors 'none'"
	hstsYear = "max-age=31536000; includeSubDomains"
	powers   = "geolocation=(), camera=(), microphone=()"
)

func newFloor(t testing.TB, o headers.FloorOptions) *headers.Floor {
	t.Helper()
	f, err := headers.NewFloor(o)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

var https = headers.FloorOptions{HTTPS: true, HSTS: 365 * 24 * time.Hour}

// edited is the header after the floor, as "Name: value" lines, sorted.
func edited(f *headers.Floor, status int, lines ...string) (out []string) {
	h := fields(lines...)
	for _, e := range f.Edits(status, exchange.First(h, "Content-Type"), h, nil) {
		e.Apply(h)
	}
	for name, values := range h {
		for _, v := range values {
			out = append(out, name+": "+v)
		}
	}
	slices.Sort(out)
	return out
}

func TestFloor(t *testing.T) {
	always := []string{"Referrer-Policy: strict-origin-when-cross-origin", "Strict-Transport-Security: " + hstsYear, "X-Content-Type-Options: nosniff", "X-Xss-Protection: 0"}
	doc := append([]string{"Content-Security-Policy: " + floorCSP, "Cross-Origin-Opener-Policy: same-origin-allow-popups", "Cross-Origin-Resource-Policy: same-origin",
		"Origin-Agent-Cluster: ?1", "Permissions-Policy: " + powers, "X-Frame-Options: SAMEORIGIN"}, always...)
	data := append([]string{"Content-Security-Policy: " + dataCSP, "Cross-Origin-Resource-Policy: same-origin", "X-Frame-Options: SAMEORIGIN"}, always...)
	for _, tt := range []struct {
		contentType string
		status      int
		want        []string
	}{
		{"text/html", 200, doc}, {"text/html; charset=utf-8", 200, doc}, {"Text/HTML ;charset=utf-8", 404, doc}, {"text/html", 500, doc},
		{"application/xhtml+xml", 200, doc}, {"image/svg+xml", 200, doc}, {"text/xml", 200, doc}, {"application/xml", 200, doc}, {"application/rss+xml", 200, doc},
		{"application/json", 200, data}, {"application/json; charset=utf-8", 201, data}, {"application/problem+json", 400, data}, {"text/json", 200, data}, {"application/vnd.api+JSON", 200, data},
		{"text/plain", 200, always}, {"image/png", 200, always}, {"text/css", 200, always}, {"text/javascript", 200, always}, {"text/event-stream", 200, always}, {"application/pdf", 200, always},
	} {
		want := append([]string{"Content-Type: " + tt.contentType}, tt.want...)
		slices.Sort(want)
		if diff := cmp.Diff(want, edited(newFloor(t, https), tt.status, "Content-Type: "+tt.contentType)); diff != "" {
			t.Errorf("%s: -want +got\n%s", tt.contentType, diff)
		}
	}
}

// A backend's own value is kept where it is at least as strict, else replaced, and there
// is one line in the end. Each row is one field of an HTML response.
func TestFloorMerges(t *testing.T) {
	for _, tt := range []struct {
		name string
		sent []string
		want string // joined by " | "
	}{
		{"X-Frame-Options", []string{"DENY"}, "DENY"},
		{"X-Frame-Options", []string{"deny"}, "deny"},
		{"X-Frame-Options", []string{"SAMEORIGIN"}, "SAMEORIGIN"},
		{"X-Frame-Options", []string{"SAMEORIGIN", "DENY"}, "DENY"},
		{"X-Frame-Options", []string{"DENY", "SAMEORIGIN"}, "DENY"},
		{"X-Frame-Options", []string{"SAMEORIGIN, DENY"}, "DENY"},
		{"X-Frame-Options", []string{"ALLOW-FROM https://a.example"}, "SAMEORIGIN"},
		{"X-Frame-Options", []string{"ALLOWALL"}, "SAMEORIGIN"},
		{"X-Frame-Options", []string{""}, "SAMEORIGIN"},
		{"X-Content-Type-Options", []string{"nosniff"}, "nosniff"},
		{"X-Content-Type-Options", []string{"nosniff", "nosniff"}, "nosniff"},
		{"X-Content-Type-Options", []string{"none"}, "nosniff"},
		{"Referrer-Policy", []string{"no-referrer"}, "no-referrer"},
		{"Referrer-Policy", []string{"same-origin"}, "same-origin"},
		{"Referrer-Policy", []string{"strict-origin"}, "strict-origin"},
		{"Referrer-Policy", []string{"unsafe-url"}, "strict-origin-when-cross-origin"},
		{"Referrer-Policy", []string{"origin"}, "strict-origin-when-cross-origin"},
		{"Referrer-Policy", []string{"no-referrer-when-downgrade"}, "strict-origin-when-cross-origin"},
		{"Referrer-Policy", []string{"origin-when-cross-origin"}, "strict-origin-when-cross-origin"},
		{"Referrer-Policy", []string{"bogus"}, "strict-origin-when-cross-origin"},
		{"Referrer-Policy", []string{"unsafe-url", "same-origin"}, "same-origin"},
		{"Referrer-Policy", []string{"no-referrer, strict-origin-when-cross-origin"}, "no-referrer"},
		{"Referer-Policy", []string{"x"}, "x"}, // the misspelt one is not ours
		{"Cross-Origin-Opener-Policy", []string{"same-origin"}, "same-origin"},
		{"Cross-Origin-Opener-Policy", []string{`same-origin; report-to="x"`}, `same-origin; report-to="x"`},
		{"Cross-Origin-Opener-Policy", []string{"noopener-allow-popups"}, "noopener-allow-popups"},
		{"Cross-Origin-Opener-Policy", []string{"unsafe-none"}, "same-origin-allow-popups"},
		{"Cross-Origin-Opener-Policy", []string{"Same-Origin"}, "same-origin-allow-popups"}, // invalid: structured fields have case
		{"Cross-Origin-Opener-Policy", []string{"same-origin", "unsafe-none"}, "same-origin"},
		{"Cross-Origin-Resource-Policy", []string{"cross-origin"}, "cross-origin"},
		{"Cross-Origin-Resource-Policy", []string{"same-site"}, "same-site"},
		{"Cross-Origin-Resource-Policy", []string{"cross-origin", "same-site"}, "same-site"},
		{"Cross-Origin-Resource-Policy", []string{"any"}, "same-origin"},
		{"Origin-Agent-Cluster", []string{"?0"}, "?1"},
		{"Origin-Agent-Cluster", []string{"?1"}, "?1"},
		{"X-Xss-Protection", []string{"1; mode=block"}, "0"},
		{"X-Xss-Protection", []string{"0"}, "0"},
		{"Permissions-Policy", []string{"camera=(self)"}, "camera=(self), geolocation=(), microphone=()"},
		{"Permissions-Policy", []string{"camera=(), geolocation=(self \"https://a.example\"), microphone=*"}, "camera=(), geolocation=(self \"https://a.example\"), microphone=*"},
		{"Permissions-Policy", []string{"usb=()", "camera=()"}, "usb=(), camera=(), geolocation=(), microphone=()"},
		{"Permissions-Policy", []string{"camera=(), geolocation=()", "microphone=()"}, "camera=(), geolocation=(), microphone=()"},
		{"Strict-Transport-Security", []string{"max-age=63072000; includeSubDomains; preload"}, "max-age=63072000; includeSubDomains; preload"},
		{"Strict-Transport-Security", []string{"max-age=31536000; includesubdomains"}, "max-age=31536000; includesubdomains"},
		{"Strict-Transport-Security", []string{"max-age=63072000"}, "max-age=63072000; includeSubDomains"},
		{"Strict-Transport-Security", []string{"max-age=3600; includeSubDomains; preload"}, "max-age=31536000; includeSubDomains; preload"},
		{"Strict-Transport-Security", []string{"max-age=0"}, hstsYear},
		{"Strict-Transport-Security", []string{"includeSubDomains"}, hstsYear},
		{"Strict-Transport-Security", []string{"max-age=99999999; max-age=0"}, hstsYear},
		{"Strict-Transport-Security", []string{"max-age=0; max-age=99999999; includeSubDomains"}, hstsYear},
		{"Strict-Transport-Security", []string{"max-age=x"}, hstsYear},
		{"Strict-Transport-Security", []string{"max-age=\"63072000\"; includeSubDomains"}, "max-age=\"63072000\"; includeSubDomains"},
		{"Strict-Transport-Security", []string{hstsYear, hstsYear}, hstsYear},
		{"Server", []string{"gunicorn/20.1.0"}, ""},
		{"X-Powered-By", []string{"PHP/8.2"}, ""},
		{"X-Aspnet-Version", []string{"4"}, ""},
		{"Sanmon-Assertion", []string{"ey.ey.x"}, ""},
		{"Cache-Control", []string{"private", "no-store"}, "private | no-store"},

		{"Content-Security-Policy", []string{floorCSP}, floorCSP},
		{"Content-Security-Policy", []string{"default-src 'self'"}, "default-src 'self' | " + floorCSP},
		{"Content-Security-Policy", []string{"default-src 'none'"}, "default-src 'none' | base-uri 'none'; form-action 'self'; frame-ancestors 'self'"},
		{"Content-Security-Policy", []string{"Object-Src 'NONE'; BASE-URI"}, "Object-Src 'NONE'; BASE-URI | form-action 'self'; frame-ancestors 'self'"},
		{"Content-Security-Policy", []string{"frame-ancestors 'none'; form-action 'none'; base-uri 'self'"}, "frame-ancestors 'none'; form-action 'none'; base-uri 'self' | object-src 'none'; base-uri 'none'"},
		{"Content-Security-Policy", []string{"frame-ancestors 'self' https://partner.example; object-src 'none'; base-uri 'none'; form-action 'self'"}, "frame-ancestors 'self' https://partner.example; object-src 'none'; base-uri 'none'; form-action 'self' | frame-ancestors 'self'"},
		{"Content-Security-Policy", []string{"object-src *; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'self'"}, "object-src *; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'self' | object-src 'none'"}, // the first counts
		{"Content-Security-Policy", []string{"object-src 'none'; base-uri 'none'", "form-action 'self'; frame-ancestors 'self'"}, "object-src 'none'; base-uri 'none' | form-action 'self'; frame-ancestors 'self'"},
		{"Content-Security-Policy", []string{"object-src 'none'; base-uri 'none', form-action 'self'; frame-ancestors 'self'"}, "object-src 'none'; base-uri 'none', form-action 'self'; frame-ancestors 'self'"},
		{"Content-Security-Policy", []string{"object-src 'none' ;\tbase-uri 'none';form-action\t'self'; frame-ancestors 'self';"}, "object-src 'none' ;\tbase-uri 'none';form-action\t'self'; frame-ancestors 'self';"},
		{"Content-Security-Policy", []string{"object-src-elem 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'self'"}, "object-src-elem 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'self' | object-src 'none'"},
		{"Content-Security-Policy", []string{"object-src-elem *; " + floorCSP}, "object-src-elem *; " + floorCSP},
		{"Content-Security-Policy", []string{""}, " | " + floorCSP},
		{"Content-Security-Policy-Report-Only", []string{floorCSP}, floorCSP},
	} {
		lines := []string{"Content-Type: text/html"}
		for _, v := range tt.sent {
			lines = append(lines, tt.name+": "+v)
		}
		var got []string
		h := fields(lines...)
		for _, e := range newFloor(t, https).Edits(200, "text/html", h, nil) {
			e.Apply(h)
		}
		got = h[tt.name]
		if s := strings.Join(got, " | "); s != tt.want {
			t.Errorf("%s %q:\n got %s\nwant %s", tt.name, tt.sent, s, tt.want)
		}
	}
}

func TestFloorContentType(t *testing.T) {
	for _, tt := range []struct {
		status int
		lines  []string
		want   string // "" for none
	}{
		{200, nil, "application/octet-stream"},
		{200, []string{"Content-Length: 5"}, "application/octet-stream"},
		{200, []string{"Content-Length: 0"}, ""},
		{204, nil, ""}, {304, nil, ""}, {101, nil, ""}, {103, nil, ""},
		{200, []string{"Content-Type: html"}, "application/octet-stream"},
		{200, []string{"Content-Type: text/"}, "application/octet-stream"},
		{200, []string{"Content-Type: */*"}, "application/octet-stream"},
		{200, []string{"Content-Type: unknown/unknown"}, "application/octet-stream"},
		{200, []string{"Content-Type: application/unknown"}, "application/octet-stream"},
		{200, []string{"Content-Type: text/html, text/plain"}, "application/octet-stream"},
		{200, []string{"Content-Type: text/plain", "Content-Type: text/html"}, "application/octet-stream"},
		{200, []string{"Content-Type: text/html", "Content-Type: text/html; charset=utf-8"}, "text/html"},
		{200, []string{"Content-Type: text/plain; charset=utf-8"}, "text/plain; charset=utf-8"},
	} {
		got := ""
		for _, l := range edited(newFloor(t, https), tt.status, tt.lines...) {
			if v, ok := strings.CutPrefix(l, "Content-Type: "); ok {
				got += v
			}
		}
		if got != tt.want {
			t.Errorf("%d %q: Content-Type %q, want %q", tt.status, tt.lines, got, tt.want)
		}
	}
}

func TestFloorOptions(t *testing.T) {
	has := func(o headers.FloorOptions, want string, lines ...string) {
		t.Helper()
		if got := edited(newFloor(t, o), 200, append(lines, "Content-Type: text/html")...); !slices.Contains(got, want) {
			t.Errorf("%+v: %q is not in\n%s", o, want, strings.Join(got, "\n"))
		}
	}
	lacks := func(o headers.FloorOptions, name string, lines ...string) {
		t.Helper()
		for _, l := range edited(newFloor(t, o), 200, append(lines, "Content-Type: text/html")...) {
			if strings.HasPrefix(l, name+": ") {
				t.Errorf("%+v: %q is there", o, l)
			}
		}
	}
	lacks(headers.FloorOptions{HSTS: time.Hour}, "Strict-Transport-Security")
	lacks(headers.FloorOptions{}, "Strict-Transport-Security", "Strict-Transport-Security: max-age=5")
	lacks(headers.FloorOptions{HTTPS: true}, "Strict-Transport-Security", "Strict-Transport-Security: max-age=5")
	has(headers.FloorOptions{HTTPS: true, HSTS: time.Hour, HostOnly: true}, "Strict-Transport-Security: max-age=3600")
	has(headers.FloorOptions{HTTPS: true, HSTS: time.Hour, HostOnly: true}, "Strict-Transport-Security: max-age=7200", "Strict-Transport-Security: max-age=7200")
	has(headers.FloorOptions{Observe: true}, "Content-Security-Policy-Report-Only: "+floorCSP)
	lacks(headers.FloorOptions{Observe: true}, "Content-Security-Policy")
	has(headers.FloorOptions{Observe: true}, "X-Frame-Options: SAMEORIGIN")
	partner := headers.FloorOptions{FormAction: []string{"https://idp.example"}, FrameAncestors: []string{"https://partner.example"}}
	has(partner, "Content-Security-Policy: object-src 'none'; base-uri 'none'; form-action 'self' https://idp.example; frame-ancestors 'self' https://partner.example")
	lacks(partner, "X-Frame-Options", "X-Frame-Options: DENY")
	for _, bad := range []headers.FloorOptions{{FormAction: []string{"idp.example"}}, {FrameAncestors: []string{"https://a; script-src *"}}, {FormAction: []string{"https://a b"}}, {HSTS: -time.Second}, {HSTS: time.Millisecond}} {
		if _, err := headers.NewFloor(bad); err == nil {
			t.Errorf("NewFloor(%+v) takes it", bad)
		}
	}
}

// A 304 updates the stored response: a policy that it brings is tightened like any other,
// and nothing is added that the type alone decides.
func TestFloorNotModified(t *testing.T) {
	got := edited(newFloor(t, headers.FloorOptions{}), 304, "Content-Security-Policy: default-src 'self'", "Etag: x")
	want := []string{"Content-Security-Policy: default-src 'self'", "Content-Security-Policy: " + floorCSP, "Etag: x", "Referrer-Policy: strict-origin-when-cross-origin", "X-Content-Type-Options: nosniff", "X-Xss-Protection: 0"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}

// The floor of its own result changes nothing.
func TestFloorIsStable(t *testing.T) {
	for _, o := range []headers.FloorOptions{https, {}, {FrameAncestors: []string{"https://a.example"}}} {
		for _, ct := range []string{"text/html", "application/json", "text/plain", ""} {
			f := newFloor(t, o)
			h := exchange.Header{}
			if ct != "" {
				h["Content-Type"] = []string{ct}
			}
			for _, e := range f.Edits(200, ct, h, nil) {
				e.Apply(h)
			}
			if again := f.Edits(200, exchange.First(h, "Content-Type"), h, nil); len(again) != 0 {
				t.Errorf("%+v %s: %+v", o, ct, again)
			}
		}
	}
}

var djangoPage = fields("Content-Type: text/html; charset=utf-8", "Content-Length: 1024", "Date: Wed, 25 Nov 2026 14:00:00 GMT", "Server: gunicorn", "Vary: Cookie",
	"X-Frame-Options: DENY", "X-Content-Type-Options: nosniff", "Referrer-Policy: same-origin", "Cross-Origin-Opener-Policy: same-origin", "Set-Cookie: csrftoken=x; SameSite=Lax")

var fastapiJSON = fields("Content-Type: application/json", "Content-Length: 1024", "Date: Wed, 25 Nov 2026 14:00:00 GMT", "Server: uvicorn")

func BenchmarkFloor(b *testing.B) {
	f := newFloor(b, https)
	for _, bb := range []struct {
		name, contentType string
		h                 exchange.Header
	}{{"django", "text/html; charset=utf-8", djangoPage}, {"fastapi", "application/json", fastapiJSON}} {
		b.Run(bb.name, func(b *testing.B) {
			var res exchange.Fields = bb.h
			buf := make([]headers.Edit, 0, 32)
			b.ReportAllocs()
			for b.Loop() {
				buf = f.Edits(200, bb.contentType, res, buf[:0])
			}
		})
	}
}

func TestFloorAllocatesNothing(t *testing.T) {
	f, buf := newFloor(t, https), make([]headers.Edit, 0, 32)
	var res exchange.Fields = djangoPage
	if n := testing.AllocsPerRun(100, func() { buf = f.Edits(200, "text/html; charset=utf-8", res, buf[:0]) }); n != 0 {
		t.Errorf("Edits allocates %v times", n)
	}
}
