package server

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sanmon-gate/sanmon/caller"
	"github.com/sanmon-gate/sanmon/exchange"
	"github.com/sanmon-gate/sanmon/internal/config"
	"github.com/sanmon-gate/sanmon/internal/portal"
)

func compiled(t *testing.T, c *config.Config) *State {
	t.Helper()
	s, err := Compile(c, Layers{}, portal.Cookies{Insecure: true}, 1)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func anyone(id, upstream string) *config.Route {
	return &config.Route{ID: id, Path: "/" + id, Methods: []string{"POST"}, Boundary: []caller.Kind{caller.Anonymous}, Upstream: upstream}
}

// A declared route opens itself and the cookies that it names, at its own upstream only:
// any answer of that upstream may set them.
func TestCompileCrossSite(t *testing.T) {
	landing, other, elsewhere := anyone("landing", "app"), anyone("other", "app"), anyone("elsewhere", "shop")
	landing.CrossSite = config.CrossSite{Reason: "the provider posts back", Cookies: []string{"sessionid", "cart"}}
	s := compiled(t, &config.Config{
		PublicURL: "http://localhost", PublicHost: "localhost", Routes: []*config.Route{landing, other, elsewhere},
		Upstreams: map[string]*config.Upstream{"app": {Name: "app", URL: "http://127.0.0.1:9"}, "shop": {Name: "shop", URL: "http://127.0.0.1:9"}},
	})
	var open []string
	for _, r := range s.Gate.Routes {
		if r.CrossSite {
			open = append(open, r.ID)
		}
	}
	if d := cmp.Diff([]string{"landing"}, open); d != "" {
		t.Errorf("routes open to other sites: %s", d)
	}
	for upstream, want := range map[string][]string{"app": {"cart", "sessionid"}, "shop": nil} {
		got := slices.Sorted(slices.Values(s.Gate.Harden[upstream].CrossSite))
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%s: cookies without SameSite: %s", upstream, d)
		}
	}
}

// What a route says of isolation, and the ramp of the site, reach its floor.
func TestCompileFloor(t *testing.T) {
	plain, widget := anyone("plain", "app"), anyone("widget", "app")
	widget.COOP, widget.CORP = "same-origin", "cross-origin"
	start := time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC)
	s := compiled(t, &config.Config{
		PublicURL: "https://localhost", PublicHost: "localhost", Routes: []*config.Route{plain, widget},
		TLS:       config.TLS{SelfSigned: true, HSTS: 365 * 24 * time.Hour, Ramp: start},
		Upstreams: map[string]*config.Upstream{"app": {Name: "app", URL: "http://127.0.0.1:9"}},
	})
	for i, want := range [][3]string{{"same-origin-allow-popups", "same-origin", "max-age=86400"}, {"same-origin", "cross-origin", "max-age=86400"}} {
		h := exchange.Header{"Content-Type": {"text/html"}}
		for _, e := range s.Gate.Routes[i].Floor.At(start).Edits(200, "text/html", h, nil) {
			e.Apply(h)
		}
		got := [3]string{exchange.First(h, "Cross-Origin-Opener-Policy"), exchange.First(h, "Cross-Origin-Resource-Policy"), exchange.First(h, "Strict-Transport-Security")}
		if got != want {
			t.Errorf("%s: %q, want %q", s.Gate.Routes[i].ID, got, want)
		}
	}
}
