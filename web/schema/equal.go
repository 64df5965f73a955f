package schema

import (
	"cmp"
	"encoding/json"
	"slices"
	"strconv"
)

// among reports whether a value is one of the constants.
func (j *judge) among(constants []any, n *node) bool {
	for _, c := range constants {
		if !j.spend(1) {
			return false
		}
		if j.equal(n, c) {
			return true
		}
	}
	return false
}

// equal compares as JSON Schema 2020-12, Section 4.2.2: numbers by value, objects
// whatever their order.
func (j *judge) equal(n *node, constant any) bool {
	switch c := constant.(type) {
	case nil:
		return n.kind == null
	case bool:
		return n.kind == boolean && n.yes == c
	case string:
		return n.kind == text && n.text == c
	case json.Number:
		return n.kind == number && (n.text == c.String() || ratOf(n.text).Cmp(ratOf(c.String())) == 0)
	case []any:
		return n.kind == array && j.equalItems(n, c)
	case map[string]any:
		return n.kind == object && j.equalMembers(n, c)
	}
	return false
}

func (j *judge) equalItems(n *node, c []any) bool {
	if int(n.count) != len(c) {
		return false
	}
	child := n.first
	for _, item := range c {
		if !j.spend(1) || !j.equal(&j.tree.nodes[child], item) {
			return false
		}
		child = j.tree.nodes[child].next
	}
	return true
}

func (j *judge) equalMembers(n *node, c map[string]any) bool {
	if int(n.count) != len(c) {
		return false
	}
	for child := n.first; child != 0; child = j.tree.nodes[child].next {
		m := &j.tree.nodes[child]
		want, ok := c[m.key]
		if !ok || !j.spend(1) || !j.equal(m, want) {
			return false
		}
	}
	return true
}

// unique reports whether no two items of an array are equal.
func (j *judge) unique(i int32) bool {
	n := &j.tree.nodes[i]
	if n.count < 2 {
		return true
	}
	known := make(map[string]bool, n.count)
	var b []byte
	for child := n.first; child != 0; child = j.tree.nodes[child].next {
		b = j.canonical(b[:0], child)
		if !j.spend(2 + len(b)/16) {
			return false
		}
		if known[string(b)] {
			return false
		}
		known[string(b)] = true
	}
	return true
}

// canonical appends a text that is the same for equal values and for no others.
func (j *judge) canonical(b []byte, i int32) []byte {
	n := &j.tree.nodes[i]
	switch n.kind {
	case null:
		return append(b, 'n')
	case boolean:
		return strconv.AppendBool(b, n.yes)
	case text:
		return strconv.AppendQuote(b, n.text)
	case number:
		if _, ok := whole(n.text); ok && n.text != "-0" {
			return append(b, n.text...)
		}
		return append(b, ratOf(n.text).RatString()...)
	case array:
		b = append(b, '[')
		for child := n.first; child != 0; child = j.tree.nodes[child].next {
			b = append(j.canonical(b, child), ',')
		}
		return append(b, ']')
	}
	b = append(b, '{')
	for _, child := range j.sorted(i) {
		b = append(strconv.AppendQuote(b, j.tree.nodes[child].key), ':')
		b = append(j.canonical(b, child), ',')
	}
	return append(b, '}')
}

// sorted returns the members of an object by name.
func (j *judge) sorted(i int32) []int32 {
	var all []int32
	for child := j.tree.nodes[i].first; child != 0; child = j.tree.nodes[child].next {
		all = append(all, child)
	}
	slices.SortFunc(all, func(a, b int32) int { return cmp.Compare(j.tree.nodes[a].key, j.tree.nodes[b].key) })
	return all
}
