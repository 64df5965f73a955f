package schema

// inside checks the children of a value.
func (j *judge) inside(r *rule, i int32, marks seen) bool {
	switch j.tree.nodes[i].kind {
	case object:
		return j.object(r, i, marks)
	case array:
		return j.array(r, i, marks)
	}
	return true
}

func (j *judge) object(r *rule, i int32, marks seen) bool {
	n := &j.tree.nodes[i]
	if int(n.count) < r.minMembers {
		return j.wrong(r, "minProperties", "")
	}
	if r.maxMembers >= 0 && int(n.count) > r.maxMembers {
		return j.wrong(r, "maxProperties", "")
	}
	found, index := 0, int32(0)
	for child := n.first; child != 0; child, index = j.tree.nodes[child].next, index+1 {
		key := j.tree.nodes[child].key
		p := r.members[key]
		if p.required {
			found++
		}
		if r.names != nil && !j.name(r, child) {
			return false
		}
		if !j.member(r, p, child, index, marks) {
			return false
		}
	}
	if found < r.needed {
		return j.wrong(r, "required", j.missing(r, i))
	}
	return j.companions(r, i)
}

// member checks one member by every schema that speaks of its name.
func (j *judge) member(r *rule, p property, child, index int32, marks seen) bool {
	spoken := p.declared
	if p.declared && !j.below(p.rule, child, index) {
		return false
	}
	for _, m := range r.matching {
		if j.matches(m.pattern, j.tree.nodes[child].key) {
			if spoken = true; !j.below(m.rule, child, index) {
				return false
			}
		}
		if j.exhausted() {
			return j.wrong(r, "complexity", "")
		}
	}
	if !spoken && r.additional != nil {
		if r.additional.never {
			return j.wrong(r, "additionalProperties", j.tree.nodes[child].key)
		}
		if spoken = true; !j.below(r.additional, child, index) {
			return false
		}
	}
	if spoken {
		marks.mark(index)
	}
	return j.spend(1) || j.wrong(r, "complexity", "")
}

// below checks a child.
func (j *judge) below(r *rule, child, index int32) bool {
	j.path = append(j.path, step{child, index})
	ok := j.holds(r, child, nil)
	j.path = j.path[:len(j.path)-1]
	return ok
}

// name checks the name of a member as a text of its own.
func (j *judge) name(r *rule, child int32) bool {
	at := int32(len(j.tree.nodes))
	j.tree.nodes = append(j.tree.nodes, node{kind: text, text: j.tree.nodes[child].key})
	ok := j.holds(r.names, at, nil)
	j.tree.nodes = j.tree.nodes[:at]
	if !ok && !j.exhausted() {
		return j.wrong(r, "propertyNames", j.tree.nodes[child].key)
	}
	return ok
}

// missing finds the first required member, by name, that is not there.
func (j *judge) missing(r *rule, i int32) string {
	first := ""
	for name, p := range r.members {
		if p.required && !j.has(i, name) && (first == "" || name < first) {
			first = name
		}
	}
	return first
}

func (j *judge) has(i int32, name string) bool { return j.find(i, name) != 0 }

// find returns the member of that name, 0 for none.
func (j *judge) find(i int32, name string) int32 {
	for child := j.tree.nodes[i].first; child != 0; child = j.tree.nodes[child].next {
		if j.tree.nodes[child].key == name {
			return child
		}
	}
	return 0
}

// companions checks dependentRequired.
func (j *judge) companions(r *rule, i int32) bool {
	for name, others := range r.together {
		if !j.spend(int(j.tree.nodes[i].count) * (1 + len(others))) {
			return j.wrong(r, "complexity", "")
		}
		if !j.has(i, name) {
			continue
		}
		for _, other := range others {
			if !j.has(i, other) {
				return j.wrong(r, "dependentRequired", other)
			}
		}
	}
	return true
}

func (j *judge) array(r *rule, i int32, marks seen) bool {
	n := &j.tree.nodes[i]
	if int(n.count) < r.minItems {
		return j.wrong(r, "minItems", "")
	}
	if r.maxItems >= 0 && int(n.count) > r.maxItems {
		return j.wrong(r, "maxItems", "")
	}
	index := int32(0)
	for child := n.first; child != 0; child, index = j.tree.nodes[child].next, index+1 {
		if !j.spend(1) {
			return j.wrong(r, "complexity", "")
		}
		sub := r.items
		if int(index) < len(r.prefix) {
			sub = r.prefix[index]
		}
		if sub == nil {
			continue
		}
		if marks.mark(index); !j.below(sub, child, index) {
			return false
		}
	}
	if r.unique && !j.unique(i) {
		if j.exhausted() {
			return j.wrong(r, "complexity", "")
		}
		return j.wrong(r, "uniqueItems", "")
	}
	return r.contains == nil || j.contains(r, i, marks)
}

// contains counts the items that are as r.contains says.
func (j *judge) contains(r *rule, i int32, marks seen) bool {
	kept := j.fault
	kept.path = append([]step(nil), kept.path...)
	found, index := 0, int32(0)
	for child := j.tree.nodes[i].first; child != 0; child, index = j.tree.nodes[child].next, index+1 {
		if j.below(r.contains, child, index) {
			found++
			marks.mark(index)
		}
		if j.exhausted() {
			return false
		}
	}
	j.fault = kept
	if found < r.minContains {
		return j.wrong(r, "contains", "")
	}
	if r.maxContains >= 0 && found > r.maxContains {
		return j.wrong(r, "maxContains", "")
	}
	return true
}
