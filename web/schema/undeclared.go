package schema

// report notes the first member that an open schema does not have.
func (m *Match) report(j *judge, r *rule) {
	j.path = j.path[:0]
	j.rules = append(j.rules[:0], r)
	if j.undeclared(0, 1, 0) {
		m.Undeclared = m.invalid("body" + j.places(j.path) + " is not a declared field (undeclared).")
	}
}

// undeclared finds a member that no schema in place declares, where none says what else
// may be there. j.path then leads to it. The rules of the value are j.rules[from:to].
func (j *judge) undeclared(from, to int, i int32) bool {
	n := &j.tree.nodes[i]
	speaks, settled := j.spokenFor(from, to)
	index := int32(0)
	for child := n.first; child != 0; child, index = j.tree.nodes[child].next, index+1 {
		if !j.spend(to - from) {
			return false
		}
		c := &j.tree.nodes[child]
		declared := j.children(from, to, n.kind, c.key, int(index))
		end := len(j.rules)
		j.path = append(j.path, step{child, index})
		if n.kind == object && speaks && !settled && !declared || end > to && c.first != 0 && j.undeclared(to, end, child) {
			return true
		}
		j.path = j.path[:len(j.path)-1]
		j.rules = j.rules[:to]
	}
	return false
}

// spokenFor reports whether any rule declares members, and whether any says what to make
// of others.
func (j *judge) spokenFor(from, to int) (speaks, settled bool) {
	for _, r := range j.rules[from:to] {
		for _, here := range r.here {
			speaks = speaks || len(here.members) > 0
			settled = settled || here.settles()
		}
	}
	return speaks, settled
}

// settles reports whether a rule says what to make of members that it does not name.
func (r *rule) settles() bool {
	return r.additional != nil || r.restMembers != nil || len(r.matching) > 0
}

// children appends the rules of one child to j.rules.
func (j *judge) children(from, to int, of kind, key string, index int) (declared bool) {
	for at := from; at < to; at++ {
		for _, here := range j.rules[at].here {
			switch {
			case of == array && index < len(here.prefix):
				j.follow(here.prefix[index])
			case of == array:
				j.follow(here.items)
			default:
				p, ok := here.members[key]
				if declared = declared || ok; ok {
					j.follow(p.rule)
				} else {
					j.follow(here.additional)
				}
			}
		}
	}
	return declared
}

func (j *judge) follow(r *rule) {
	if r != nil {
		j.rules = append(j.rules, r)
	}
}

// opens reports whether any schema below r names members and says nothing about others.
func (r *rule) opens(seen map[*rule]bool) bool {
	if r == nil || seen[r] {
		return false
	}
	seen[r] = true
	speaks, settled := false, false
	for _, here := range r.here {
		speaks = speaks || len(here.members) > 0
		settled = settled || here.settles()
	}
	if speaks && !settled {
		return true
	}
	for _, here := range r.here {
		for _, p := range here.members {
			if p.rule.opens(seen) {
				return true
			}
		}
		for _, sub := range here.prefix {
			if sub.opens(seen) {
				return true
			}
		}
		if here.items.opens(seen) || here.additional.opens(seen) {
			return true
		}
	}
	return false
}
