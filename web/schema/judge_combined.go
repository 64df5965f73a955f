package schema

// combined checks the schemas that apply to the same value (JSON Schema 2020-12,
// Section 10.2).
func (j *judge) combined(r *rule, i int32, marks seen) bool {
	if r.ref != nil && !j.beside(r.ref, i, marks) {
		return false
	}
	for _, sub := range r.all {
		if !j.beside(sub, i, marks) {
			return false
		}
	}
	if len(r.any) > 0 && !j.some(r, r.any, i, marks, false) || len(r.one) > 0 && !j.some(r, r.one, i, marks, true) {
		return false
	}
	if r.not != nil {
		if j.holds(r.not, i, nil) {
			return j.wrong(r, "not", "")
		}
		if j.exhausted() {
			return false
		}
		j.forget()
	}
	for name, sub := range r.dependent {
		if j.tree.nodes[i].kind == object && j.has(i, name) && !j.beside(sub, i, marks) {
			return false
		}
	}
	return r.when == nil || j.choose(r, i, marks)
}

// beside checks a schema in place; what it looked at counts only when it holds.
func (j *judge) beside(r *rule, i int32, marks seen) bool {
	own := marks.like()
	if !j.holds(r, i, own) {
		return false
	}
	marks.merge(own)
	return true
}

// forget drops the fault of a schema that need not hold.
func (j *judge) forget() { j.fault = fault{path: j.fault.path[:0]} }

// some checks that any of the alternatives holds, or exactly one. When none does, the
// fault is that of the alternative that came furthest, so that an optional text that is
// too long is not said to be no null.
func (j *judge) some(r *rule, alternatives []*rule, i int32, marks seen, exactly bool) bool {
	found := 0
	best, from := fault{}, len(j.kept)
	for _, sub := range alternatives {
		if j.beside(sub, i, marks) {
			if found++; !exactly && marks == nil {
				break
			}
			continue
		}
		if j.exhausted() {
			return false
		}
		if found == 0 && further(&j.fault, &best) {
			j.kept = append(j.kept[:from], j.fault.path...)
			best = fault{j.fault.keyword, j.fault.rule, j.fault.name, j.kept[from:]}
		}
	}
	j.kept = j.kept[:from] // best.path stays readable: nothing is kept before it is copied
	switch {
	case found == 1 || found > 1 && !exactly:
		j.forget()
		return true
	case found > 1:
		return j.wrong(r, "oneOf", "")
	case best.keyword == "type" && len(best.path) == len(j.path) && len(alternatives) > 1:
		return j.wrong(r, "anyOf", "")
	}
	j.fault = fault{best.keyword, best.rule, best.name, append(j.fault.path[:0], best.path...)}
	return false
}

// further reports whether a is the more telling fault.
func further(a, b *fault) bool {
	switch {
	case b.keyword == "":
		return true
	case len(a.path) != len(b.path):
		return len(a.path) > len(b.path)
	}
	return b.keyword == "type" && a.keyword != "type"
}

// choose checks if, then and else.
func (j *judge) choose(r *rule, i int32, marks seen) bool {
	if j.beside(r.when, i, marks) {
		return j.beside(r.then, i, marks)
	}
	if j.exhausted() {
		return false
	}
	j.forget()
	return j.beside(r.or, i, marks)
}

// rest checks what no other schema has looked at.
func (j *judge) rest(r *rule, i int32, marks seen) bool {
	n := &j.tree.nodes[i]
	sub, keyword := r.restMembers, "unevaluatedProperties"
	if n.kind == array {
		sub, keyword = r.restItems, "unevaluatedItems"
	}
	if sub == nil || n.kind != object && n.kind != array {
		return true
	}
	index := int32(0)
	for child := n.first; child != 0; child, index = j.tree.nodes[child].next, index+1 {
		if marks[index] {
			continue
		}
		if sub.never {
			return j.wrong(r, keyword, j.tree.nodes[child].key)
		}
		if marks.mark(index); !j.below(sub, child, index) {
			return false
		}
	}
	return true
}
