package server

import (
	"strings"
	"testing"

	"github.com/sanmon-gate/sanmon/caller"
	"github.com/sanmon-gate/sanmon/internal/config"
	"github.com/sanmon-gate/sanmon/internal/portal"
)

// A backend whose login is adopted needs a way in: its login page and form are open.
func TestCompileEntrances(t *testing.T) {
	route := func(id, path, upstream string, kind caller.Kind, methods ...string) *config.Route {
		return &config.Route{ID: id, Path: path, Methods: methods, AnyMethod: methods == nil, Boundary: []caller.Kind{kind}, Upstream: upstream}
	}
	rest := route("rest", "/{rest...}", "app", caller.App)
	for _, tt := range []struct {
		what   string
		routes []*config.Route
		want   string
	}{
		{"one route for all", []*config.Route{rest}, ""},
		{"an open login of its own", []*config.Route{rest, route("login", "/login/", "app", caller.Anonymous, "GET", "HEAD", "POST")}, ""},
		{"nobody takes the form", []*config.Route{route("rest", "/{rest...}", "app", caller.App, "GET", "HEAD")}, "no route takes POST /login/"},
		{"for people of ours", []*config.Route{rest, route("login", "/login/", "app", caller.Session, "GET", "HEAD", "POST")}, `route "login" takes GET /login/, where people sign in, and is not open`},
		{"at another backend", []*config.Route{rest, route("login", "/login/", "wiki", caller.Anonymous, "GET", "HEAD", "POST")}, `route "login" takes POST /login/, where people sign in, and is not open`},
		{"adopted and not used", []*config.Route{route("rest", "/{rest...}", "app", caller.Session)}, ""},
	} {
		_, err := Compile(&config.Config{PublicURL: "http://localhost", PublicHost: "localhost", Routes: tt.routes, Upstreams: map[string]*config.Upstream{
			"app":  {Name: "app", URL: "http://127.0.0.1:9", App: config.AppSession{Cookies: []string{"sessionid"}, Login: []string{"/login/"}}},
			"wiki": {Name: "wiki", URL: "http://127.0.0.1:9"},
		}}, Layers{}, portal.Cookies{Insecure: true}, 1)
		if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %q", tt.what, err, tt.want)
		}
	}
}
