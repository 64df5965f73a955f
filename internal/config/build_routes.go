package config

import (
	"fmt"
	"slices"
	"strings"

	"github.com/sanmon-gate/sanmon/caller"
)

// maxRoutes bounds the table; what is larger should share templates.
const maxRoutes = 5000

func (b *builder) allRoutes(f, profiles *field) []*Route {
	if f.set && !f.bad && len(f.items) == 0 {
		b.fault(f.at, "add one; sanmon init writes a first one", "there is no route, so every request would be refused")
	}
	if len(f.items) > maxRoutes {
		b.fault(f.at, "use parameters: {name}", "there are more than %d routes", maxRoutes)
		return nil
	}
	var all []*Route
	ids := map[string]int{}
	ranks := map[string]map[string]*Route{}
	for _, item := range f.items {
		if item.form != mapping {
			continue
		}
		r := b.route(item, profiles)
		if first, twice := ids[r.ID]; twice && r.ID != "" {
			b.fault(item.get("id").at, "rename one", "two routes have the id %s; the first is on line %d", show(r.ID), first)
		}
		ids[r.ID] = r.Line
		b.equalRank(ranks, r, item.get("match"))
		all = append(all, r)
	}
	b.countScopes(all, f.at)
	return all
}

// setting is a key of a route: its own, or its profile's, or the default.
type setting func(names ...string) *field

func settingsOf(route, profile *field) setting {
	return func(names ...string) *field {
		f := route.get(names...)
		if !f.set && profile != nil {
			if p := profile.get(names...); p.set {
				return p
			}
		}
		return f
	}
}

// route builds one route and judges it. Names in messages are quoted ids.
func (b *builder) route(f, profiles *field) *Route {
	match := f.get("match")
	r := &Route{
		ID: f.get("id").text(), Line: f.at.line,
		Host: match.get("host").text(), Path: match.get("path").text(),
		Profile: f.get("profile").text(),
	}
	if r.Host == b.public.hostport() {
		r.Host = "" // one name for one place, or equal ranks would hide
	}
	s := settingsOf(f, b.profile(f.get("profile"), profiles))
	name := "route " + show(r.ID)
	b.boundary(r, name, f.get("boundary"))
	b.methods(r, name, match.get("methods"))
	b.effect(r, name, s("effect"))
	b.require(r, name, s("require"))
	b.fresh(r, name, s("fresh"))
	b.csrf(r, name, s("csrf"))
	b.crossSite(r, name, f.get("cross_site"))
	b.limit(r, name, s("limit"), f)
	b.upstreamOf(r, name, s("upstream"), f)
	b.app(r, name, f.get("boundary"), s("require"))
	r.Network = s("network").networks()
	r.MaxBody = b.maxBody(s("input", "max_body"))
	r.Types = s("input", "types").texts()
	b.openAPI(r, name, s("input", "openapi"))
	r.WAF = wafOf(s("input", "waf"))
	b.fields(r, name, s("fields"), s("input", "fields"))
	r.CSP = s("output", "csp").text()
	r.Uploads = s("output", "uploads").bool()
	r.COOP, r.CORP = b.isolation(name, s("output", "coop")), b.isolation(name, s("output", "corp"))
	if r.Public() && r.Path == "/{rest...}" {
		b.warn(f.get("boundary").at, "name the public parts", "%s makes everything public that no other route names", name)
	}
	return r
}

func (b *builder) profile(f, profiles *field) *field {
	name := f.text()
	if name == "" {
		return nil
	}
	if p := profiles.keys[name]; p != nil {
		if p.form != mapping {
			return nil // its fault is reported
		}
		return p
	}
	b.fault(f.at, suggestion(name, profiles.order), "there is no profile %s", show(name))
	return nil
}

// suggestion is the remedy for a name that is not there.
func suggestion(name string, known []string) string {
	if near := Nearest(name, known); near != "" {
		return fmt.Sprintf("did you mean %q?", near)
	}
	if len(known) == 0 { // of profiles only: there is always an upstream
		return "declare it under profiles, or leave it out"
	}
	return "known: " + strings.Join(known[:min(len(known), 12)], ", ")
}

func (b *builder) upstreamOf(r *Route, name string, f, route *field) {
	r.Upstream = f.text()
	switch {
	case r.Upstream == "" && f.bad:
	case r.Upstream == "" && len(b.upstreams) == 1:
		r.Upstream = b.upstreams[0]
	case r.Upstream == "" && len(b.upstreams) > 1:
		b.fault(route.at, "add upstream: "+b.upstreams[0], "%s does not say which upstream answers", name)
	case r.Upstream != "" && !slices.Contains(b.upstreams, r.Upstream):
		b.fault(f.at, suggestion(r.Upstream, b.upstreams), "%s: there is no upstream %s", name, show(r.Upstream))
	}
}

// openAPI reads how requests are judged by the upstream's document. Without one there is
// nothing to judge by.
func (b *builder) openAPI(r *Route, name string, f *field) {
	mode := f.text()
	if mode == "off" || mode == "" {
		return
	}
	r.OpenAPI = Mode(mode)
	if r.Upstream != "" && slices.Contains(b.upstreams, r.Upstream) && !slices.Contains(b.described, r.Upstream) {
		b.fault(f.at, fmt.Sprintf("add upstreams.%s.openapi: the URL or file of its document", r.Upstream), "%s has input.openapi, but its upstream has no OpenAPI document", name)
	}
}

func (b *builder) maxBody(f *field) int64 {
	if f.form == mapping {
		return -1
	}
	return as[int64](f)
}

// equalRank refuses two routes between which only their order could decide.
func (b *builder) equalRank(ranks map[string]map[string]*Route, r *Route, match *field) {
	if r.Path == "" || match.get("methods").bad || len(r.Boundary) == 0 {
		return
	}
	place := r.Host + " " + rank(r.Path)
	if ranks[place] == nil {
		ranks[place] = map[string]*Route{}
	}
	taken := ranks[place]
	methods := r.Methods
	if r.AnyMethod {
		methods = []string{"*"}
	}
	for _, m := range methods {
		other := taken[m]
		if other == nil {
			other = taken["*"]
		}
		if other == nil && m == "*" {
			other = lowest(taken)
		}
		if other != nil {
			b.fault(match.get("path").at, "change the path, the host or the methods of one of them",
				"routes %s (line %d) and %s have equal rank: nothing decides between them", show(other.ID), other.Line, show(r.ID))
			return
		}
	}
	for _, m := range methods {
		taken[m] = r
	}
}

// lowest is the first route of the file among those that hold a method.
func lowest(taken map[string]*Route) *Route {
	var first *Route
	for _, r := range taken {
		if first == nil || r.Line < first.Line {
			first = r
		}
	}
	return first
}

// boundary reads who may come in. Public stands alone.
func (b *builder) boundary(r *Route, name string, f *field) {
	kinds := map[string]caller.Kind{"public": caller.Anonymous, "session": caller.Session, "token": caller.Token, "key": caller.Key, "app": caller.App}
	for _, word := range f.texts() {
		kind, ok := kinds[word]
		if !ok {
			continue
		}
		if slices.Contains(r.Boundary, kind) {
			b.fault(f.at, "remove one of them", "%s names the boundary %s twice", name, word)
			continue
		}
		r.Boundary = append(r.Boundary, kind)
	}
	slices.Sort(r.Boundary)
	switch {
	case f.set && f.form == list && len(f.items) == 0:
		b.fault(f.at, "write public, or one or more of: session, token, key, app", "%s has an empty boundary", name)
	case len(r.Boundary) > 1 && r.Boundary[0] == caller.Anonymous:
		b.fault(f.at, "write public alone, or leave it out", "%s combines public with another boundary", name)
	}
	if slices.Contains(r.Boundary, caller.Token) && !b.issues {
		b.warn(f.at, "add one to clients", "%s takes access tokens, but there is no client that could get one", name)
	}
}
