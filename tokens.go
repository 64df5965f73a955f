package sanmon

import (
	"github.com/sanmon-gate/sanmon/caller"
	"github.com/sanmon-gate/sanmon/web/csrf"
	"github.com/sanmon-gate/sanmon/web/target"
)

// TokenFor says which CSRF token a request of a session would need on the public
// host, false when none: the route is unknown, has no effect, takes no session, or is
// exempt. path may be any spelling that the gate would take.
func (g *Gate) TokenFor(method, path string) (csrf.Kind, string, bool) {
	t, err := target.Parse(method, path)
	if err != nil {
		return 0, "", false
	}
	i, r, err := g.Table.Match(g.Host, method, t.Decoded)
	if err != nil || !r.Writes(method) || !(r.Boundary.Takes(caller.Session) || r.Boundary.Takes(caller.App)) || g.Routes[i].CSRFExempt {
		return 0, "", false
	}
	kind := g.Routes[i].CSRF
	if safe(method) {
		kind = csrf.Once // it may travel in the query
	}
	if kind == csrf.Session {
		return kind, "", true
	}
	return kind, csrf.Scope(method, t.Decoded), true
}
