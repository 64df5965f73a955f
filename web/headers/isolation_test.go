package headers_test

import (
	"strings"
	"testing"

	"github.com/sanmon-gate/sanmon/web/headers"
)

// What a route says is the least; what the backend says stands where it is stricter.
func TestIsolation(t *testing.T) {
	const html, png, json = "text/html", "image/png", "application/json"
	coop, corp := "Cross-Origin-Opener-Policy", "Cross-Origin-Resource-Policy"
	for _, tt := range []struct {
		opener, resource string
		contentType      string
		name, sent, want string // "" for none
	}{
		{"", "", html, coop, "", "same-origin-allow-popups"},
		{"same-origin", "", html, coop, "", "same-origin"},
		{"same-origin", "", html, coop, "same-origin-allow-popups", "same-origin"},
		{"same-origin", "", html, coop, "noopener-allow-popups", "same-origin"},
		{"same-origin", "", html, coop, `same-origin; report-to="x"`, `same-origin; report-to="x"`},
		{"noopener-allow-popups", "", html, coop, "same-origin", "same-origin"},
		{"noopener-allow-popups", "", html, coop, "unsafe-none", "noopener-allow-popups"},
		{"unsafe-none", "", html, coop, "", "unsafe-none"},
		{"unsafe-none", "", html, coop, "same-origin", "same-origin"},
		{"unsafe-none", "", html, coop, "bogus", "unsafe-none"},
		{"same-origin", "", png, coop, "", ""},
		{"", "", html, corp, "", "same-origin"},
		{"", "", html, corp, "cross-origin", "cross-origin"},
		{"", "", png, corp, "", ""},
		{"", "", png, corp, "cross-origin", "cross-origin"},
		{"", "same-origin", html, corp, "cross-origin", "same-origin"},
		{"", "same-origin", png, corp, "", "same-origin"},
		{"", "same-origin", json, corp, "same-site", "same-origin"},
		{"", "same-site", html, corp, "", "same-site"},
		{"", "same-site", png, corp, "cross-origin", "same-site"},
		{"", "same-site", png, corp, "same-origin", "same-origin"},
		{"", "cross-origin", html, corp, "", "cross-origin"},
		{"", "cross-origin", json, corp, "", "cross-origin"},
		{"", "cross-origin", png, corp, "same-site", "same-site"},
		{"", "cross-origin", html, corp, "Same-Origin", "cross-origin"}, // invalid: it has case
	} {
		lines := []string{"Content-Type: " + tt.contentType}
		if tt.sent != "" {
			lines = append(lines, tt.name+": "+tt.sent)
		}
		got := ""
		for _, l := range edited(newFloor(t, headers.FloorOptions{Opener: tt.opener, Resource: tt.resource}), 200, lines...) {
			if v, ok := strings.CutPrefix(l, tt.name+": "); ok {
				got += v
			}
		}
		if got != tt.want {
			t.Errorf("opener %q, resource %q, %s: %s %q became %q, want %q", tt.opener, tt.resource, tt.contentType, tt.name, tt.sent, got, tt.want)
		}
	}
	for _, bad := range []headers.FloorOptions{{Opener: "same-site"}, {Opener: "Same-Origin"}, {Resource: "same-origin-allow-popups"}, {Resource: "*"}} {
		if _, err := headers.NewFloor(bad); err == nil {
			t.Errorf("NewFloor(%+v) takes it", bad)
		}
	}
}
