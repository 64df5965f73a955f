package policy

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/sanmon-gate/sanmon/caller"
)

// Boundary is the set of credentials that a route takes.
type Boundary uint8

// BoundaryOf makes the set of the given kinds. caller.Anonymous alone is public.
func BoundaryOf(kinds ...caller.Kind) Boundary {
	var b Boundary
	for _, k := range kinds {
		b |= 1 << k
	}
	return b
}

// Takes reports whether a caller with that kind of credential may come.
func (b Boundary) Takes(k caller.Kind) bool { return b&(1<<k) != 0 }

// Public reports whether the boundary is open to everybody.
func (b Boundary) Public() bool { return b == 1<<caller.Anonymous }

// String lists the words of the configuration, separated by commas.
func (b Boundary) String() string {
	var words []string
	for k := caller.Anonymous; k <= caller.App; k++ {
		if b.Takes(k) {
			words = append(words, k.String())
		}
	}
	return strings.Join(words, ",")
}

// Effect says whether a route changes state.
type Effect uint8

// The effects. EffectByMethod is read for GET, HEAD and OPTIONS, else write.
const (
	EffectByMethod Effect = iota
	EffectRead
	EffectWrite
)

// Route is what policy needs to know of one entry of the route table.
type Route struct {
	ID       string
	Host     string   // canonical host[:port]; every route names one
	Path     string   // template: "/notes/{id}", "/static/{rest...}"
	Methods  []string // upper case; nil means every common method
	Boundary Boundary
	Effect   Effect
	Require  []string
	Fresh    time.Duration // 0: no recent authentication is needed

	needs    caller.Set
	compiled bool // by a Table; a Route that is none's authorises nobody
}

// commonMethods are the methods that a route without a list takes. Others have to
// be named (what is unknown is refused).
var commonMethods = []string{"DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"}

// AllMethods lists the methods that the route takes, sorted.
func (r *Route) AllMethods() []string {
	if r.Methods == nil {
		return commonMethods
	}
	return r.Methods
}

func (r *Route) takes(method string) bool { return slices.Contains(r.AllMethods(), method) }

// Writes reports whether a request with that method changes state on this route.
func (r *Route) Writes(method string) bool {
	switch r.Effect {
	case EffectRead:
		return false
	case EffectWrite:
		return true
	}
	return method != "GET" && method != "HEAD" && method != "OPTIONS"
}

// segment is one piece of a template.
type segment struct {
	literal string
	param   bool
	rest    bool
}

// parseTemplate splits a path template. "{name}" is a whole, non-empty segment;
// "{name...}" is everything below, and only last.
func parseTemplate(path string) ([]segment, error) {
	if !strings.HasPrefix(path, "/") {
		return nil, fmt.Errorf("path %q does not start with \"/\"", path)
	}
	parts := strings.Split(path[1:], "/")
	segments := make([]segment, 0, len(parts))
	for i, part := range parts {
		name, isParam := strings.CutPrefix(part, "{")
		if !isParam {
			if strings.ContainsAny(part, "{}") {
				return nil, fmt.Errorf("path %q: %q mixes text and a parameter (a parameter is a whole segment)", path, part)
			}
			segments = append(segments, segment{literal: part})
			continue
		}
		name, closed := strings.CutSuffix(name, "}")
		name, rest := strings.CutSuffix(name, "...")
		if !closed || name == "" || strings.ContainsAny(name, "{}") {
			return nil, fmt.Errorf("path %q: %q is no parameter (write {name} or {name...})", path, part)
		}
		if rest && i != len(parts)-1 {
			return nil, fmt.Errorf("path %q: %q is not the last segment", path, part)
		}
		segments = append(segments, segment{param: !rest, rest: rest})
	}
	return segments, nil
}
