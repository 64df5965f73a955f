package config

import (
	"strings"

	"github.com/sanmon-gate/sanmon/caller"
)

func (b *builder) allRoles(f *field) map[string][]string {
	b.roles = make(map[string][]string, len(f.order))
	for _, name := range f.order {
		role := f.get(name)
		scopes := role.texts()
		b.roles[name] = scopes
		for i, s := range scopes {
			if contains(scopes[:i], s) {
				b.fault(role.at, "remove one of them", "%s names %s twice", role.name, show(s))
			}
		}
	}
	return b.roles
}

// grants reports whether any role grants a scope.
func (b *builder) grants(scope string) bool {
	for _, granted := range b.roles {
		for _, g := range granted {
			prefix, wild := strings.CutSuffix(g, "*")
			if g == scope || wild && strings.HasPrefix(scope, prefix) {
				return true
			}
		}
	}
	return false
}

// countScopes holds the number of scopes to what fits into a set of bits.
func (b *builder) countScopes(routes []*Route, where position) {
	all := map[string]bool{}
	for _, granted := range b.roles {
		for _, s := range granted {
			if !strings.HasSuffix(s, "*") {
				all[s] = true
			}
		}
	}
	for _, r := range routes {
		for _, s := range r.Require {
			all[s] = true
		}
	}
	if len(all) > caller.MaxScopes {
		b.fault(where, "join some of them", "roles and routes name %d scopes; at most %d are possible", len(all), caller.MaxScopes)
	}
}
