package headers_test

import (
	"strings"
	"testing"

	"github.com/sanmon-gate/sanmon/exchange"
	"github.com/sanmon-gate/sanmon/web/headers"
)

// Whatever a backend sends: one line of each single-valued field, the floor of the floor
// changes nothing, and no policy of the backend is changed.
func FuzzFloor(f *testing.F) {
	f.Add("Content-Security-Policy", "object-src 'none', base-uri", "form-action 'self';;", "text/html")
	f.Add("Strict-Transport-Security", "max-age=\"5\"; preload", "max-age=0", "text/html")
	f.Add("Permissions-Policy", "camera=(self)", "usb=()", "text/html")
	f.Add("X-Frame-Options", "DENY, x", "", "application/json")
	f.Add("Referrer-Policy", "no-referrer", "unsafe-url", "image/svg+xml; a=b")
	floor := newFloor(f, https)
	f.Fuzz(func(t *testing.T, name, first, second, contentType string) {
		if name == "Content-Type" || name == "" {
			return
		}
		h := exchange.Header{"Content-Type": {contentType}}
		h[name] = []string{first, second}
		for _, e := range floor.Edits(200, contentType, h, nil) {
			e.Apply(h)
		}
		for _, single := range []string{"X-Content-Type-Options", "Referrer-Policy", "Strict-Transport-Security", "X-Xss-Protection", "Content-Type"} {
			if len(h[single]) != 1 || h[single][0] == "" {
				t.Errorf("%s: %q", single, h[single])
			}
		}
		for _, single := range []string{"X-Frame-Options", "Cross-Origin-Opener-Policy", "Cross-Origin-Resource-Policy", "Origin-Agent-Cluster", "Permissions-Policy"} {
			if len(h[single]) > 1 && single != name || strings.HasPrefix(h["Content-Type"][0], "text/html") && len(h[single]) != 1 {
				t.Errorf("%s: %q", single, h[single])
			}
		}
		if name == "Content-Security-Policy" && (h[name][0] != first || h[name][1] != second || len(h[name]) > 3) {
			t.Errorf("%q became %q", first, h[name])
		}
		if again := floor.Edits(200, exchange.First(h, "Content-Type"), h, nil); len(again) != 0 {
			t.Errorf("%q: %+v", h, again)
		}
	})
}

// Check never panics and judges the same whichever engine holds the fields.
func FuzzCheck(f *testing.F) {
	f.Add("Connection", "close, upgrade", "Upgrade", "websocket")
	f.Add("Content-Length", "5", "Transfer-Encoding", "chunked")
	f.Add("Content-Type", `a/b; c="\",`, "Origin", "a,b")
	f.Fuzz(func(t *testing.T, n1, v1, n2, v2 string) {
		h := exchange.Header{}
		h[n1] = append(h[n1], v1)
		h[n2] = append(h[n2], v2)
		a, b := headers.Check(h), headers.Check(foreign{h})
		if (a == nil) != (b == nil) {
			t.Errorf("%q: %v and %v", h, a, b)
		}
		if a == nil && strings.ContainsAny(v1+v2, "\x00\r\n") {
			t.Errorf("%q passes", h)
		}
	})
}
