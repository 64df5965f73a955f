package origin_test

import (
	"testing"

	"github.com/sanmon-gate/sanmon/web/origin"
)

// Only the two words and the exact origins ever make an effect pass with a cookie.
func FuzzVerdict(f *testing.F) {
	f.Add("same-origin", "https://app.example.com", true, true)
	f.Add("none", "null", true, false)
	f.Add("", "", false, false)
	f.Fuzz(func(t *testing.T, site, from string, hasSite, hasFrom bool) {
		var lines []string
		if hasSite {
			lines = append(lines, "Sec-Fetch-Site: "+site)
		}
		if hasFrom {
			lines = append(lines, "Origin: "+from)
		}
		v, err := policy.Read(request("POST", lines...))
		passes := err == nil && v.Admit(true, true) == nil
		siteOurs, fromOurs := site == "same-origin", from == policy.Public[0] || from == policy.Public[1]
		if want := (hasSite || hasFrom) && (!hasSite || siteOurs) && (!hasFrom || fromOurs); passes != want {
			t.Errorf("%q: passes %v, want %v (%v)", lines, passes, want, err)
		}
		if (v.Unproven() && err == nil) != (!hasSite && !hasFrom) {
			t.Errorf("%q: unproven %v", lines, v.Unproven())
		}
		_ = origin.Navigation(request("GET", lines...))
	})
}
