package schema

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
)

// router finds the operation of a path. Where several templates match, the one that is
// literal first wins (OAS 3.1.1, Section 4.8.8.2: concrete before templated).
type router struct{ root branch }

// branch is a point in the tree of templates.
type branch struct {
	literals map[string]*branch
	edges    []edge // templated segments, the longest text around a parameter first
	place    *place // a template that ends here
}

type edge struct {
	segment segment
	to      *branch
}

// place is one path template with its operations.
type place struct {
	segments []segment
	methods  map[string]*Operation
}

// segment is one part of a template between slashes: before{name}after, or a literal.
type segment struct {
	before, name, after string
	literal             bool
}

func (r *router) add(o *Operation) error {
	segments, err := segmentsOf(o.Path)
	if err != nil {
		return err
	}
	at := &r.root
	for _, s := range segments {
		at = at.grow(s)
	}
	if at.place == nil {
		at.place = &place{segments, map[string]*Operation{}}
	}
	if at.place.methods[o.Method] != nil {
		return fmt.Errorf("path %s: another path has the same form (OAS 3.1.1, Section 4.8.8.1)", clip(o.Path))
	}
	o.segments = segments
	at.place.methods[o.Method] = o
	return nil
}

// grow returns the branch that a segment leads to.
func (b *branch) grow(s segment) *branch {
	if s.literal {
		if b.literals == nil {
			b.literals = map[string]*branch{}
		}
		if b.literals[s.before] == nil {
			b.literals[s.before] = &branch{}
		}
		return b.literals[s.before]
	}
	for _, e := range b.edges {
		if e.segment.before == s.before && e.segment.after == s.after {
			return e.to
		}
	}
	next := &branch{}
	b.edges = append(b.edges, edge{s, next})
	slices.SortStableFunc(b.edges, func(x, y edge) int { return y.segment.around() - x.segment.around() })
	return next
}

func segmentsOf(path string) ([]segment, error) {
	var all []segment
	for part := range strings.SplitSeq(path[1:], "/") {
		before, rest, open := strings.Cut(part, "{")
		name, after, closed := strings.Cut(rest, "}")
		switch {
		case !open && !strings.Contains(part, "}"):
			all = append(all, segment{before: part, literal: true})
		case !open || !closed || name == "" || strings.ContainsAny(name+after, "{}"):
			return nil, fmt.Errorf("path %s: a segment with more than one parameter is not understood", clip(path))
		default:
			all = append(all, segment{before: before, name: name, after: after})
		}
	}
	return all, nil
}

// around is the length of the text around a parameter.
func (s segment) around() int { return len(s.before) + len(s.after) }

// takes reports whether a decoded segment can be that of a template. A parameter is
// never empty.
func (s segment) takes(value string) bool {
	return len(value) > s.around() && strings.HasPrefix(value, s.before) && strings.HasSuffix(value, s.after)
}

// maxSegments bounds the paths that are looked up.
const maxSegments = 64

// find returns the operation of a raw path, and its decoded segments. known says that
// the path exists with another method.
func (r *router) find(method, path string) (o *Operation, values []string, known bool) {
	n := strings.Count(path, "/")
	if path == "" || path[0] != '/' || n > maxSegments {
		return nil, nil, false
	}
	values = make([]string, 0, n)
	for part := range strings.SplitSeq(path[1:], "/") {
		plain, err := url.PathUnescape(part)
		if err != nil {
			return nil, nil, false
		}
		values = append(values, plain)
	}
	o = r.root.find(method, values, &known)
	return o, values, known
}

func (b *branch) find(method string, values []string, known *bool) *Operation {
	if len(values) == 0 {
		if b.place == nil {
			return nil
		}
		*known = true
		if o := b.place.methods[method]; o != nil || method != "HEAD" {
			return o
		}
		return b.place.methods["GET"] // RFC 9110, Section 9.3.2
	}
	if next := b.literals[values[0]]; next != nil {
		if o := next.find(method, values[1:], known); o != nil {
			return o
		}
	}
	for _, e := range b.edges {
		if !e.segment.takes(values[0]) {
			continue
		}
		if o := e.to.find(method, values[1:], known); o != nil {
			return o
		}
	}
	return nil
}

// value returns the path parameter of that name.
func (o *Operation) value(values []string, name string) (string, bool) {
	for i, s := range o.segments {
		if s.name == name && i < len(values) {
			return values[i][len(s.before) : len(values[i])-len(s.after)], true
		}
	}
	return "", false
}
