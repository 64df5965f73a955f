package schema

import (
	"regexp"
	"strings"
)

// typeSet is a set of JSON types: one bit for each kind, and one for whole numbers. The
// empty set stands for all.
type typeSet uint8

const integers typeSet = 1 << (object + 1)

func (s typeSet) has(k kind) bool { return s&(1<<k) != 0 }

// typeNamed maps the words of JSON Schema (Validation, Section 6.1.1).
func typeNamed(word string) (typeSet, bool) {
	switch word {
	case "null":
		return 1 << null, true
	case "boolean":
		return 1 << boolean, true
	case "number":
		return 1 << number, true
	case "string":
		return 1 << text, true
	case "array":
		return 1 << array, true
	case "object":
		return 1 << object, true
	case "integer":
		return integers, true
	}
	return 0, false
}

// String lists the types as a sentence says them.
func (s typeSet) String() string {
	var words []string
	for _, t := range [...]struct {
		set  typeSet
		word string
	}{{1 << text, "a string"}, {integers, "an integer"}, {1 << number, "a number"}, {1 << boolean, "a boolean"},
		{1 << array, "an array"}, {1 << object, "an object"}, {1 << null, "null"}} {
		if s&t.set != 0 {
			words = append(words, t.word)
		}
	}
	return strings.Join(words, " or ")
}

// rule is one compiled schema. It is immutable once the document is parsed. A nil rule
// admits everything.
type rule struct {
	never    bool // the schema false
	nullable bool // 3.0: null passes, whatever else stands here
	types    typeSet
	enum     []any // decoded constants; nil: none
	fixed    []any // const: one of them; nil: none
	format   *format

	min, max, above, below, multiple *decimal

	minLength, maxLength int // characters; -1: no bound
	pattern              *pattern

	members    map[string]property
	needed     int // how many members are required
	matching   []matching
	additional *rule
	names      *rule // propertyNames
	minMembers int
	maxMembers int // -1: no bound
	together   map[string][]string
	dependent  map[string]*rule

	prefix             []*rule
	items              *rule
	contains           *rule
	minContains        int
	maxContains        int // -1: no bound
	minItems, maxItems int // -1: no bound
	unique             bool

	ref                 *rule
	all, any, one       []*rule
	not, when, then, or *rule
	restMembers         *rule // unevaluatedProperties
	restItems           *rule // unevaluatedItems

	here   []*rule // this rule and all that apply to the same value
	shapes typeSet // types that a value can have by any of them; empty: any
	nature string  // x-sanmon-out
}

// property is what a schema says of one member.
type property struct {
	rule     *rule
	declared bool // stands in properties, not only in required
	required bool
}

type matching struct {
	pattern *pattern
	rule    *rule
}

// pattern is a regular expression with the work that it may need for each byte.
type pattern struct {
	expr *regexp.Regexp
	size int // instructions of its program
}

// newRule returns a rule without bounds.
func newRule() *rule {
	return &rule{minLength: -1, maxLength: -1, maxMembers: -1, minItems: -1, maxItems: -1, minContains: 1, maxContains: -1}
}

// tracks reports whether the rule has to know what its neighbours have looked at.
func (r *rule) tracks() bool { return r.restMembers != nil || r.restItems != nil }

// inPlace ranges over the rules that apply to the same value as r.
func (r *rule) inPlace(yield func(*rule)) {
	for _, list := range [...][]*rule{{r.ref, r.when, r.then, r.or}, r.all, r.any, r.one} {
		for _, sub := range list {
			if sub != nil {
				yield(sub)
			}
		}
	}
	for _, sub := range r.dependent {
		yield(sub)
	}
}

// settle fills in what depends on rules that were compiled later.
func (r *rule) settle() {
	seen := map[*rule]bool{}
	var visit func(*rule)
	visit = func(sub *rule) {
		if seen[sub] {
			return
		}
		seen[sub] = true
		r.here = append(r.here, sub)
		sub.inPlace(visit)
	}
	visit(r)
	for _, sub := range r.here {
		r.shapes |= sub.types
		if sub.nullable {
			r.shapes |= 1 << null
		}
		if sub.types == 0 {
			for _, v := range append(sub.enum[:len(sub.enum):len(sub.enum)], sub.fixed...) {
				r.shapes |= 1 << kindOf(v)
			}
		}
	}
}
