package server

import (
	"errors"
	"fmt"
	"net/http"

	"github.com/sanmon-gate/sanmon/caller"
	"github.com/sanmon-gate/sanmon/identity/adopt"
	"github.com/sanmon-gate/sanmon/internal/config"
)

// appOf is how the login of an upstream is adopted; nil when it is not.
func appOf(c *config.Config, up *config.Upstream) *adopt.Rules {
	if up == nil || len(up.App.Cookies) == 0 {
		return nil
	}
	return &adopt.Rules{Upstream: up.Name, Origin: c.PublicURL, Cookies: up.App.Cookies, Login: up.App.Login, Logout: up.App.Logout}
}

// entrances refuses a configuration in which nobody could sign in at a backend whose login is
// adopted: the first login path has to be open, for the page and for the form.
func (s *State) entrances(c *config.Config) error {
	var errs []error
	for name, up := range c.Upstreams {
		if len(up.App.Cookies) == 0 || !s.takesApp(name) {
			continue
		}
		for _, method := range []string{http.MethodGet, http.MethodPost} {
			path := up.App.Login[0]
			i, _, err := s.Gate.Table.Match(s.Gate.Host, method, path)
			if err != nil {
				errs = append(errs, fmt.Errorf("upstream %q: no route takes %s %s, where people sign in (add one with boundary: app)", name, method, path))
				continue
			}
			if r := s.Gate.Routes[i]; r.Upstream != name || !r.Boundary.Takes(caller.App) && !r.Boundary.Public() {
				errs = append(errs, fmt.Errorf("upstream %q: route %q takes %s %s, where people sign in, and is not open (give it boundary: app and upstream: %s)", name, r.ID, method, path, name))
			}
		}
	}
	return errors.Join(errs...)
}

// takesApp reports whether a route is for people whom the upstream has signed in.
func (s *State) takesApp(upstream string) bool {
	for _, r := range s.Gate.Routes {
		if r.Upstream == upstream && r.Boundary.Takes(caller.App) {
			return true
		}
	}
	return false
}
