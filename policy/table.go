package policy

import (
	"fmt"
	"slices"
	"strings"

	"github.com/sanmon-gate/sanmon/caller"
	"github.com/sanmon-gate/sanmon/refusal"
)

// Table is a compiled route table with its roles. It is immutable and safe for
// concurrent use; a reload makes a new one with another Generation.
type Table struct {
	Generation uint64

	routes []Route
	scopes *scopes
	hosts  map[string]*node
}

// node is one step of the path tree. Literals win over a parameter, a parameter
// wins over the rest: the longest literal wins.
type node struct {
	literals map[string]*node
	param    *node
	rest     []int // indexes of routes that end with {name...} here
	routes   []int // indexes of routes that end here
}

// Compile checks and compiles routes and roles. Two routes that take the same
// method on the same template are an error. The order of routes means nothing.
func Compile(generation uint64, roles map[string][]string, routes []Route) (*Table, error) {
	s, err := compileScopes(roles, routes)
	if err != nil {
		return nil, err
	}
	t := &Table{Generation: generation, routes: slices.Clone(routes), scopes: s, hosts: map[string]*node{}}
	for i := range t.routes {
		t.routes[i].needs, t.routes[i].compiled = s.set(t.routes[i].Require), true
		if err := t.insert(i); err != nil {
			return nil, err
		}
	}
	return t, nil
}

func (t *Table) insert(i int) error {
	r := &t.routes[i]
	segments, err := parseTemplate(r.Path)
	if err != nil {
		return fmt.Errorf("route %q: %w", r.ID, err)
	}
	n := t.hosts[r.Host]
	if n == nil {
		n = &node{}
		t.hosts[r.Host] = n
	}
	list := &n.routes
	for _, seg := range segments {
		if seg.rest {
			list = &n.rest
			break
		}
		n = n.child(seg)
		list = &n.routes
	}
	for _, j := range *list {
		for _, method := range r.AllMethods() {
			if t.routes[j].takes(method) {
				return fmt.Errorf("routes %q and %q both take %s %s (remove one, or separate their methods)", t.routes[j].ID, r.ID, method, r.Path)
			}
		}
	}
	*list = append(*list, i)
	return nil
}

func (n *node) child(seg segment) *node {
	if seg.param {
		if n.param == nil {
			n.param = &node{}
		}
		return n.param
	}
	if n.literals == nil {
		n.literals = map[string]*node{}
	}
	if n.literals[seg.literal] == nil {
		n.literals[seg.literal] = &node{}
	}
	return n.literals[seg.literal]
}

// Match finds the route of a request by canonical host, method and decoded path
// (an admitted encoded slash is still "%2F" in it, so it never separates). The most
// specific template alone decides: a method that it does not take is refused and
// falls to no other template. Errors: HostUnknown, RouteUnknown, MethodNotAllowed.
// The index is that of the routes given to Compile.
func (t *Table) Match(host, method, path string) (int, *Route, error) {
	root := t.hosts[host]
	if root == nil {
		return 0, nil, refusal.New(refusal.HostUnknown, "no route names the host %q (add it to public_url or to a route's match.host)", host)
	}
	if len(path) == 0 || path[0] != '/' {
		return 0, nil, refusal.New(refusal.RouteUnknown, "path %q does not start with a slash", path)
	}
	found := root.find(path[1:])
	if found == nil {
		return 0, nil, refusal.New(refusal.RouteUnknown, "no route matches %s %s (declare it under routes)", method, path)
	}
	for _, i := range found {
		if t.routes[i].takes(method) {
			return i, &t.routes[i], nil
		}
	}
	return 0, nil, t.methodNotAllowed(found, method)
}

// find walks the tree; path has no leading slash. It returns the routes of the most
// specific template that matches, nil when there is none. Its depth is bounded by
// the deepest template.
func (n *node) find(path string) []int {
	seg, below, more := strings.Cut(path, "/")
	if child := n.literals[seg]; child != nil {
		if found := child.next(below, more); found != nil {
			return found
		}
	}
	if n.param != nil && seg != "" {
		if found := n.param.next(below, more); found != nil {
			return found
		}
	}
	return n.rest
}

func (n *node) next(below string, more bool) []int {
	if more {
		return n.find(below)
	}
	return n.routes
}

func (t *Table) methodNotAllowed(found []int, method string) error {
	var allow []string
	for _, i := range found {
		allow = append(allow, t.routes[i].AllMethods()...)
	}
	slices.Sort(allow)
	r := refusal.New(refusal.MethodNotAllowed, "%s is not a method of route %q (it takes %s)", method, t.routes[found[0]].ID, strings.Join(slices.Compact(allow), ", "))
	r.Allow = slices.Compact(allow)
	return r
}

// Hosts reports whether any route is served for a canonical host.
func (t *Table) Hosts(host string) bool { return t.hosts[host] != nil }

// Route returns the route with that index.
func (t *Table) Route(i int) *Route { return &t.routes[i] }

// Len is the number of routes.
func (t *Table) Len() int { return len(t.routes) }

// Scopes lists what a caller may effectively do: what its credential grants and its
// principal may do now, both.
func (t *Table) Scopes(c *caller.Caller) []string {
	g := t.Grants(c)
	return t.scopes.list(g.Granted.Intersect(g.Live))
}
