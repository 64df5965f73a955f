package headers_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/sanmon-gate/sanmon/web/headers"
)

func TestUploads(t *testing.T) {
	f := newFloor(t, headers.FloorOptions{Uploads: true})
	const csp = "Content-Security-Policy: default-src 'none'; sandbox; frame-ancestors 'none'"
	for _, tt := range []struct {
		name   string
		status int
		lines  []string
		want   []string
	}{
		{"HTML", 200, []string{"Content-Type: text/html"}, []string{csp, "Content-Disposition: attachment", "Content-Type: text/html", "X-Content-Type-Options: nosniff"}},
		{"SVG that is shown", 200, []string{"Content-Type: image/svg+xml", "Content-Disposition: inline; filename=\"a.svg\""}, []string{csp, "Content-Disposition: attachment; filename=\"a.svg\""}},
		{"image", 206, []string{"Content-Type: image/png"}, []string{csp, "Content-Disposition: attachment", "Cross-Origin-Resource-Policy: same-origin"}},
		{"no type", 200, nil, []string{csp, "Content-Disposition: attachment", "Content-Type: application/octet-stream"}},
		{"a download already", 200, []string{"Content-Type: text/csv", "Content-Disposition: Attachment; filename=a.csv"}, []string{csp, "Content-Disposition: Attachment; filename=a.csv"}},
		{"two dispositions", 200, []string{"Content-Type: text/html", "Content-Disposition: attachment", "Content-Disposition: inline"}, []string{csp, "Content-Disposition: attachment"}},
		{"disposition that is none", 200, []string{"Content-Type: text/html", "Content-Disposition: ;x"}, []string{csp, "Content-Disposition: attachment"}},
		{"a policy of the backend's stays", 200, []string{"Content-Type: text/html", "Content-Security-Policy: default-src 'self'"}, []string{csp, "Content-Security-Policy: default-src 'self'"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := edited(f, tt.status, tt.lines...)
			for _, w := range tt.want {
				if !slices.Contains(got, w) {
					t.Errorf("no %q in\n%s", w, strings.Join(got, "\n"))
				}
			}
			if n := strings.Count(strings.Join(got, "\n"), "Content-Disposition: "); n != 1 {
				t.Errorf("%d dispositions in\n%s", n, strings.Join(got, "\n"))
			}
		})
	}
	if got := edited(f, 404, "Content-Type: text/html"); strings.Contains(strings.Join(got, "\n"), "attachment") {
		t.Errorf("the application's own 404 is a download: %q", got)
	}
}
