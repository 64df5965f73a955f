package config

import (
	"slices"

	"github.com/sanmon-gate/sanmon/caller"
	"github.com/sanmon-gate/sanmon/web/headers"
)

// appSessionKey adopts the login of a backend.
func appSessionKey() key {
	return key{name: "app_session", example: `{ cookies: [sessionid], login: ["/accounts/login/"], logout: ["/accounts/logout/"] }`,
		doc: "Adopts the backend's own login, for routes with `boundary: app` (docs/app-sessions.md): its session cookies stay with Sanmon, the browser gets only ours.", shape: section(
			key{name: "cookies", required: true, shape: many(cookieName()), example: "[sessionid]", doc: "Its session cookies. What a browser sends under these names never reaches the backend."},
			key{name: "login", required: true, shape: many(exactPath()), example: `["/accounts/login/"]`, doc: "Paths where people sign in; the first is where they are sent. On routes with `boundary: app` these are open."},
			key{name: "logout", shape: many(exactPath()), example: `["/accounts/logout/"]`, doc: "Paths where they sign out. Left out: only the deletion of the cookie counts."},
		)}
}

// exactPath is a path without parameters, decoded.
func exactPath() scalar {
	return plain("exact path", `^/[^?#%\\;\x00-\x20\x7f]{0,499}$`, `write the path alone, decoded, such as "/accounts/login/"`)
}

func (b *builder) appSession(f *field) AppSession {
	if !f.set || f.bad {
		return AppSession{}
	}
	a := AppSession{Cookies: f.get("cookies").texts(), Login: f.get("login").texts(), Logout: f.get("logout").texts()}
	for _, name := range []string{"cookies", "login"} {
		if list := f.get(name); list.set && !list.bad && len(list.items) == 0 {
			b.fault(list.at, "name at least one", "%s is empty", list.name)
		}
	}
	for i, name := range a.Cookies {
		if headers.Reserved(name) {
			b.fault(f.get("cookies").items[i].at, "name the backend's cookie", "%s: %s is a cookie of Sanmon", f.get("cookies").name, show(name))
		}
	}
	for i, path := range a.Logout {
		if slices.Contains(a.Login, path) {
			b.fault(f.get("logout").items[i].at, "keep it in one of the lists", "%s: %s is in login, too", f.get("logout").name, show(path))
		}
	}
	return a
}

// app judges a route for people whom the backend has signed in.
func (b *builder) app(r *Route, name string, boundary, require *field) {
	if !slices.Contains(r.Boundary, caller.App) {
		return
	}
	if r.Upstream != "" && slices.Contains(b.upstreams, r.Upstream) && !slices.Contains(b.adopted, r.Upstream) {
		b.fault(boundary.at, "add upstreams."+r.Upstream+`.app_session: { cookies: [sessionid], login: ["/accounts/login/"] }`,
			"%s takes the login of its upstream, which has no app_session", name)
	}
	if len(r.Require) > 0 && len(r.Boundary) == 1 {
		b.fault(require.at, "remove it: the backend decides what its people may do", "%s requires scopes, which nobody has whom the backend signs in", name)
	}
	if r.Host != "" {
		b.fault(boundary.at, "leave out match.host", "%s takes the login of its upstream on another host than that of public_url, where our cookie is not sent", name)
	}
}

// appRoutes judges what routes and adopted logins say of each other.
func (b *builder) appRoutes(c *Config, upstreams *field) {
	for _, name := range b.adopted {
		used := slices.ContainsFunc(c.Routes, func(r *Route) bool { return r.Upstream == name && slices.Contains(r.Boundary, caller.App) })
		if !used {
			b.warn(upstreams.get(name, "app_session").at, "write boundary: app on the routes for people who have signed in there", "no route of upstream %s takes its login", show(name))
		}
		for _, r := range c.Routes {
			if r.Upstream != name {
				continue
			}
			for _, cookie := range r.CrossSite.Cookies {
				if slices.Contains(c.Upstreams[name].App.Cookies, cookie) {
					b.fault(upstreams.get(name, "app_session", "cookies").at, "remove it from one of them", "route %s wants the cookie %s from other sites, but browsers do not have it any more", show(r.ID), show(cookie))
				}
			}
		}
	}
}

// dbsc reads how sessions are bound to keys of browsers, which do that over https only.
func (b *builder) dbsc(f *field) string {
	mode := f.text()
	if mode == "required" && b.public.scheme == "http" {
		b.fault(f.at, "set dbsc: opportunistic, or make public_url https", "dbsc is required, but public_url is http, where no browser binds a session")
	}
	return mode
}
