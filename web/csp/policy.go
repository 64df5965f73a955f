package csp

import (
	"slices"
	"strings"
)

// Field names. Field is enforced, ReportOnly is not.
const (
	Field      = "Content-Security-Policy"
	ReportOnly = "Content-Security-Policy-Report-Only"
)

// Directive is one directive: its name in lower case, and its values as they came.
type Directive struct {
	Name   string
	Values []string
}

// Policy is one policy: its directives in order, each name once.
type Policy []Directive

// space is what separates values (Infra, "ASCII whitespace").
const space = "\t\n\f\r "

// Parse reads one serialized policy as browsers do (CSP3, Section 2.2.1): the first of
// two directives with the same name counts, and one with other than ASCII is no directive.
func Parse(s string) Policy {
	var p Policy
	for token := range strings.SplitSeq(s, ";") {
		fields := strings.FieldsFunc(token, isSpace)
		if len(fields) == 0 || !ascii(token) {
			continue
		}
		name := strings.ToLower(fields[0])
		if _, twice := p.Get(name); !twice {
			p = append(p, Directive{name, fields[1:]})
		}
	}
	return p
}

// ParseList reads the policies of every line of a field (CSP3, Section 2.2.2). A policy
// without directives is none.
func ParseList(lines []string) []Policy {
	var all []Policy
	for _, line := range lines {
		for s := range strings.SplitSeq(line, ",") {
			if p := Parse(s); len(p) > 0 {
				all = append(all, p)
			}
		}
	}
	return all
}

// Get returns the values of the directive with that name.
func (p Policy) Get(name string) ([]string, bool) {
	for i := range p {
		if p[i].Name == name {
			return p[i].Values, true
		}
	}
	return nil, false
}

// With returns p with one directive replaced or added at the end. p is not changed.
func (p Policy) With(name string, values ...string) Policy {
	q := slices.Clone(p)
	for i := range q {
		if q[i].Name == name {
			q[i].Values = values
			return q
		}
	}
	return append(q, Directive{name, values})
}

// Append appends the serialized policy to b (CSP3, Section 2.2).
func (p Policy) Append(b []byte) []byte {
	for i, d := range p {
		if i > 0 {
			b = append(b, "; "...)
		}
		b = append(b, d.Name...)
		for _, v := range d.Values {
			b = append(append(b, ' '), v...)
		}
	}
	return b
}

// String returns the serialized policy.
func (p Policy) String() string { return string(p.Append(nil)) }

func isSpace(r rune) bool { return strings.ContainsRune(space, r) }

func ascii(s string) bool {
	for i := range len(s) {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}
