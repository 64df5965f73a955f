package schema

import "unicode/utf8"

// maxWork is what judging one value may cost, in steps of some 25 nanoseconds. A
// recursive schema with alternatives can ask for work that doubles with each level of a
// body; this ends it.
const maxWork = 1_000_000

// judge holds one value against rules. It is reused between requests.
type judge struct {
	tree  tree
	work  int     // steps left
	path  []step  // from the root to the value at hand
	kept  []step  // paths of faults that alternatives had
	rules []*rule // scratch of undeclared
	fault fault
	deep  int // recursion of rules, which may be deeper than that of values
}

// maxRecursion bounds rules within rules. A schema that refers to itself in place never
// ends otherwise.
const maxRecursion = 512

// step is one member or item on the way to a value.
type step struct {
	node  int32
	index int32 // within its parent
}

// fault is the first thing that was wrong, or the deepest among alternatives.
type fault struct {
	keyword string // of JSON Schema; "" none
	rule    *rule
	name    string // the member that is missing or too much
	path    []step
}

func (j *judge) reset() {
	j.tree.reset()
	j.work, j.deep = maxWork, 0
	j.path, j.kept = j.path[:0], j.kept[:0]
	j.fault = fault{path: j.fault.path[:0]}
}

// wrong notes a fault at the value at hand and returns false.
func (j *judge) wrong(r *rule, keyword, name string) bool {
	j.fault = fault{keyword, r, name, append(j.fault.path[:0], j.path...)}
	return false
}

// spend takes n steps of the budget.
func (j *judge) spend(n int) bool {
	if j.work -= n; j.work < 0 {
		j.work = -1
		return false
	}
	return true
}

// exhausted reports that the verdict is not one about the value.
func (j *judge) exhausted() bool { return j.work < 0 }

// seen marks the members or items of one value that some schema has looked at, for
// unevaluatedProperties and unevaluatedItems (JSON Schema 2020-12, Section 11). A nil
// one marks nothing.
type seen []bool

func (s seen) mark(i int32) {
	if s != nil {
		s[i] = true
	}
}

func (s seen) merge(other seen) {
	for i, yes := range other {
		if yes && s != nil {
			s[i] = true
		}
	}
}

// like returns marks for a rule beside the one that s belongs to.
func (s seen) like() seen {
	if s == nil {
		return nil
	}
	return make(seen, len(s))
}

// holds reports whether the value at node i is as r says; else j.fault says why not.
func (j *judge) holds(r *rule, i int32, marks seen) bool {
	if r == nil {
		return true
	}
	if !j.spend(1) || j.deep >= maxRecursion {
		j.work = -1
		return j.wrong(r, "complexity", "")
	}
	n := &j.tree.nodes[i]
	if r.nullable && n.kind == null {
		return true
	}
	own := marks
	if r.tracks() && (n.kind == object || n.kind == array) {
		own = make(seen, n.count)
	}
	j.deep++
	ok := j.itself(r, n) && j.inside(r, i, own) && j.combined(r, i, own) && j.rest(r, i, own)
	j.deep--
	if ok && r.tracks() {
		marks.merge(own)
	}
	return ok
}

// itself checks what a value is without its children.
func (j *judge) itself(r *rule, n *node) bool {
	switch {
	case r.never:
		return j.wrong(r, "false", "")
	case r.types != 0 && !r.types.has(n.kind) && !(n.kind == number && r.types&integers != 0 && isWhole(n.text)):
		return j.wrong(r, "type", "")
	case r.enum != nil && !j.among(r.enum, n):
		return j.wrong(r, "enum", "")
	case r.fixed != nil && !j.among(r.fixed, n):
		return j.wrong(r, "const", "")
	case n.kind == number:
		return j.number(r, n.text)
	case n.kind == text:
		return j.text(r, n)
	}
	return true
}

func (j *judge) number(r *rule, s string) bool {
	switch {
	case r.min != nil && r.min.compare(s) < 0:
		return j.wrong(r, "minimum", "")
	case r.max != nil && r.max.compare(s) > 0:
		return j.wrong(r, "maximum", "")
	case r.above != nil && r.above.compare(s) <= 0:
		return j.wrong(r, "exclusiveMinimum", "")
	case r.below != nil && r.below.compare(s) >= 0:
		return j.wrong(r, "exclusiveMaximum", "")
	case r.multiple != nil && !r.multiple.divides(s):
		return j.wrong(r, "multipleOf", "")
	case r.format != nil && r.format.number != nil && !r.format.number(s):
		return j.wrong(r, "format", "")
	}
	return true
}

func (j *judge) text(r *rule, n *node) bool {
	s := n.text
	if r.minLength > 0 || r.maxLength >= 0 {
		length := utf8.RuneCountInString(s)
		if n.bytes {
			length = len(s)
		}
		if length < r.minLength {
			return j.wrong(r, "minLength", "")
		}
		if r.maxLength >= 0 && length > r.maxLength {
			return j.wrong(r, "maxLength", "")
		}
	}
	if r.pattern != nil && !n.bytes && !j.matches(r.pattern, s) {
		if j.exhausted() {
			return j.wrong(r, "complexity", "")
		}
		return j.wrong(r, "pattern", "")
	}
	if r.format != nil && r.format.text != nil && !n.bytes {
		if !j.spend(len(s) / 8) {
			return j.wrong(r, "complexity", "")
		}
		if !r.format.text(s) {
			return j.wrong(r, "format", "")
		}
	}
	return true
}

// matches spends what the match may cost before it begins.
func (j *judge) matches(p *pattern, s string) bool {
	return j.spend(p.work(s)) && p.expr.MatchString(s)
}
