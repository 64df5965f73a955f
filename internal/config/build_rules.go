package config

import (
	"slices"
	"strings"

	"github.com/sanmon-gate/sanmon/caller"
)

func (r *Route) takes(kinds ...caller.Kind) bool {
	return slices.ContainsFunc(kinds, func(k caller.Kind) bool { return slices.Contains(r.Boundary, k) })
}

// writes reports whether a request can change something.
func (r *Route) writes() bool {
	if r.Effect != "" {
		return r.Effect == "write"
	}
	return r.AnyMethod || writing(r.Methods)
}

// writing reports whether a method is none of those that only read: the safe
// methods of RFC 9110, Section 9.2.1, that backends keep safe.
func writing(methods []string) bool {
	return slices.ContainsFunc(methods, func(m string) bool { return m != "GET" && m != "HEAD" && m != "OPTIONS" })
}

// methods fills in what was left out. GET brings HEAD (RFC 9110, Section 9.3.2).
func (b *builder) methods(r *Route, name string, f *field) {
	r.Methods = f.texts()
	switch {
	case f.set && f.form == list && len(f.items) == 0:
		b.fault(f.at, "name some, or leave it out", "%s has an empty list of methods", name)
	case f.bad:
	case !f.set && r.Public():
		r.Methods = []string{"GET"}
	case !f.set:
		r.AnyMethod = true
	}
	slices.Sort(r.Methods)
	if once := slices.Compact(slices.Clone(r.Methods)); len(once) < len(r.Methods) {
		b.fault(f.at, "remove one of them", "%s names a method twice", name)
		r.Methods = once
	}
	if slices.Contains(r.Methods, "GET") && !slices.Contains(r.Methods, "HEAD") {
		r.Methods = append(r.Methods, "HEAD")
		slices.Sort(r.Methods)
	}
}

func (b *builder) effect(r *Route, name string, f *field) {
	if f.form == mapping {
		r.Effect, r.Reason = "read", f.get("read").text()
		if !f.bad && !r.AnyMethod && !writing(r.Methods) {
			b.warn(f.at, "remove it", "%s: its methods only read anyway", name)
		}
		return
	}
	r.Effect = f.text()
	if r.Effect == "read" && (r.AnyMethod || writing(r.Methods)) {
		b.fault(f.at, `effect: { read: "why it changes nothing" }`, "%s is declared read, but its methods write", name)
	}
}

func (b *builder) require(r *Route, name string, f *field) {
	for i, item := range f.items {
		scope := as[string](item)
		switch {
		case item.bad:
			continue
		case strings.HasSuffix(scope, "*"):
			b.fault(item.at, "name the scopes", "%s requires %s; roles have patterns, routes do not", name, show(scope))
		case slices.Contains(r.Require, scope):
			b.fault(item.at, "remove one of them", "%s requires %s twice", name, show(scope))
		case !b.grants(scope):
			b.warn(f.items[i].at, "add it to a role", "%s requires %s, which no role grants", name, show(scope))
		}
		r.Require = append(r.Require, scope)
	}
	if r.Public() && len(r.Require) > 0 {
		b.fault(f.at, "remove it, or change the boundary", "%s is public and requires scopes, which nobody there has", name)
	}
}

func (b *builder) fresh(r *Route, name string, f *field) {
	r.Fresh = f.duration()
	if r.Fresh > 0 && len(r.Boundary) > 0 && !r.takes(caller.Session, caller.Token, caller.App) {
		b.fault(f.at, "remove it, or add session to the boundary", "%s has fresh, but nobody signs in there", name)
	}
}

func (b *builder) csrf(r *Route, name string, f *field) {
	r.CSRF = CSRF{Kind: f.text()}
	if f.form == mapping {
		r.CSRF = CSRF{Kind: "exempt", Reason: f.get("exempt").text()}
	}
	if !f.set || f.bad || len(r.Boundary) == 0 {
		return
	}
	switch {
	case !r.takes(caller.Session, caller.App):
		b.fault(f.at, "remove it: keys and tokens are not sent by browsers on their own", "%s has csrf, but takes no session", name)
	case !r.writes():
		b.warn(f.at, "remove it, or declare effect: write", "%s has csrf, but only reads: no token is asked for", name)
	}
}

// crossSite reads that other sites may post here. Where our session decides who is
// calling, that would be an open door to forgery, and could not work either.
func (b *builder) crossSite(r *Route, name string, f *field) {
	r.CrossSite = CrossSite{Reason: f.get("reason").text(), Cookies: f.get("cookies").texts()}
	if f.set && !f.bad && len(r.Boundary) > 0 && !r.Public() {
		b.fault(f.at, "write boundary: public and let the backend check what arrives, or remove it",
			"%s has cross_site, but is not public: our own session cookie never travels cross-site", name)
	}
}
