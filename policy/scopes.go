// Package policy joins the layers: which route a request is for, and whether its
// caller may do that. It is the only place that authorises, by one formula for
// session cookies, access tokens and API keys alike:
//
//	allowed = route.requires ⊆ credential.grants ∩ principal.grants(now)
package policy

import (
	"fmt"
	"slices"
	"strings"

	"github.com/sanmon-gate/sanmon/caller"
)

// scopes numbers every scope that a configuration names, so that sets of them are
// bits. It is immutable.
type scopes struct {
	names []string
	index map[string]int
	roles map[string]caller.Set
}

// compileScopes numbers the scopes of all roles and routes. Patterns ("*",
// "notes:*") are no scopes of their own: they stand for the numbered ones that match.
func compileScopes(roles map[string][]string, routes []Route) (*scopes, error) {
	s := &scopes{index: map[string]int{}, roles: map[string]caller.Set{}}
	var all []string
	for _, granted := range roles {
		all = append(all, granted...)
	}
	for _, r := range routes {
		for _, scope := range r.Require {
			if isPattern(scope) {
				return nil, fmt.Errorf("route %q requires the pattern %q (name the scopes that it needs)", r.ID, scope)
			}
		}
		all = append(all, r.Require...)
	}
	slices.Sort(all)
	for _, name := range slices.Compact(all) {
		if isPattern(name) {
			continue
		}
		if len(s.names) == caller.MaxScopes {
			return nil, fmt.Errorf("more than %d different scopes (merge some)", caller.MaxScopes)
		}
		s.index[name] = len(s.names)
		s.names = append(s.names, name)
	}
	for role, granted := range roles {
		s.roles[role] = s.set(granted)
	}
	return s, nil
}

func isPattern(scope string) bool { return scope == "*" || strings.HasSuffix(scope, ":*") }

// set compiles names and patterns. A scope that nothing requires and no role grants
// has no bit: it grants nothing.
func (s *scopes) set(names []string) caller.Set {
	var set caller.Set
	for _, name := range names {
		if i, ok := s.index[name]; ok {
			set = set.Add(i)
			continue
		}
		if !isPattern(name) {
			continue
		}
		prefix := strings.TrimSuffix(name, "*")
		for i, candidate := range s.names {
			if strings.HasPrefix(candidate, prefix) {
				set = set.Add(i)
			}
		}
	}
	return set
}

// credential compiles what a credential grants: roles alone the roles' scopes,
// scopes alone the scopes, both the intersection, neither nothing; and everything
// for one that does not narrow its principal.
func (s *scopes) credential(r *caller.Rights) caller.Set {
	switch {
	case r == nil:
		return caller.Set{}
	case r.Whole:
		return everything
	case len(r.Roles) > 0 && len(r.Scopes) > 0:
		return s.ofRoles(r.Roles).Intersect(s.set(r.Scopes))
	case len(r.Scopes) > 0:
		return s.set(r.Scopes)
	}
	return s.ofRoles(r.Roles)
}

// principal compiles what a principal may do now: its roles, nothing else.
func (s *scopes) principal(r *caller.Rights) caller.Set {
	if r == nil {
		return caller.Set{}
	}
	return s.ofRoles(r.Roles)
}

// ofRoles is the union of the roles' scopes. An unknown role grants nothing.
func (s *scopes) ofRoles(roles []string) caller.Set {
	var set caller.Set
	for _, role := range roles {
		set = set.Union(s.roles[role])
	}
	return set
}

// everything is what a credential grants that does not narrow its principal.
var everything = func() (s caller.Set) {
	for i := range s {
		s[i] = ^uint64(0)
	}
	return s
}()

// list names the scopes of a set, sorted.
func (s *scopes) list(set caller.Set) []string {
	names := make([]string, 0, 8)
	for i, name := range s.names {
		if set.Has(i) {
			names = append(names, name)
		}
	}
	return names
}
