package config

import (
	"fmt"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/token"
)

// form is what a value looks like in the file.
type form string

const (
	text    form = "text"
	number  form = "a number"
	boolean form = "true or false"
	list    form = "a list"
	mapping form = "a mapping"
	broken  form = "broken" // its fault is already reported
)

// value is one value of the file, in its place. It is the whole of YAML that this
// file may use: no anchors, tags, merge keys, null or block text.
type value struct {
	at      position
	form    form
	text    string // of text, number and boolean, as written
	quoted  bool
	items   []*value
	entries []entry
}

type entry struct {
	at    position
	name  string
	value *value
}

// scalar reports whether v is text, a number or a boolean.
func (v *value) scalar() bool { return v.form == text || v.form == number || v.form == boolean }

// grower turns the parser's tree into values and counts the scalars that it saw.
type grower struct {
	*report
	scalars int
}

func place(n ast.Node) position {
	if t := n.GetToken(); t != nil {
		return at(t)
	}
	return position{1, 1}
}

func at(t *token.Token) position {
	if t.Position == nil {
		return position{1, 1}
	}
	return position{t.Position.Line, t.Position.Column}
}

func (g *grower) value(n ast.Node, depth int) *value {
	if depth > maxNesting {
		g.fault(place(n), "", "the file is nested more than %d levels deep", maxNesting)
		return &value{at: place(n), form: broken}
	}
	switch n := n.(type) {
	case *ast.MappingNode:
		return g.mapping(place(n), n.Values, depth)
	case *ast.MappingValueNode:
		return g.mapping(place(n.Key), []*ast.MappingValueNode{n}, depth)
	case *ast.SequenceNode:
		v := &value{at: place(n), form: list}
		for _, item := range n.Values {
			v.items = append(v.items, g.value(item, depth+1))
		}
		return v
	case *ast.StringNode:
		return g.leaf(n.Token, text)
	case *ast.IntegerNode, *ast.FloatNode, *ast.InfinityNode, *ast.NanNode:
		return g.leaf(n.GetToken(), number)
	case *ast.BoolNode:
		return g.leaf(n.Token, boolean)
	case *ast.NullNode:
		if n.Token != nil && n.Token.Type != token.ImplicitNullType {
			g.scalars++
		}
		return g.null(place(n), "an entry")
	}
	return g.foreign(n)
}

// mapping reads a mapping. Its place is that of its first key, or of its brace.
func (g *grower) mapping(where position, nodes []*ast.MappingValueNode, depth int) *value {
	v := &value{at: where, form: mapping}
	seen := make(map[string]position, len(nodes))
	for i, node := range nodes {
		name, ok := g.key(node.Key)
		e := entry{place(node.Key), name, g.valueOf(node, depth+1)}
		if i == 0 && (e.at.line < where.line || e.at.line == where.line && e.at.column < where.column) {
			v.at = e.at
		}
		if !ok {
			continue
		}
		if first, twice := seen[name]; twice {
			g.fault(e.at, fmt.Sprintf("remove one of them; the first is on line %d", first.line), "duplicate key %s", show(name))
			continue
		}
		seen[name] = e.at
		v.entries = append(v.entries, e)
	}
	return v
}

// valueOf reads what stands behind a key. Nothing is reported at the key.
func (g *grower) valueOf(node *ast.MappingValueNode, depth int) *value {
	if n, ok := node.Value.(*ast.NullNode); ok && n.Token != nil && n.Token.Type == token.ImplicitNullType {
		return g.null(place(node.Key), "the key "+show(node.Key.GetToken().Value))
	}
	if n, ok := node.Value.(*ast.NullNode); ok {
		g.scalars++
		return g.null(place(n), "the key "+show(node.Key.GetToken().Value))
	}
	return g.value(node.Value, depth)
}

func (g *grower) key(n ast.MapKeyNode) (string, bool) {
	switch n := n.(type) {
	case *ast.StringNode:
		g.scalars++
		if n.Token.Value == "" {
			g.fault(place(n), "name it", "empty key")
			return "", false
		}
		return n.Token.Value, true
	case *ast.MergeKeyNode:
		g.fault(place(n), "write the keys out", "merge keys (<<) are not used in this file")
		return "", false
	case *ast.AnchorNode, *ast.AliasNode, *ast.TagNode, *ast.MappingKeyNode:
		g.foreign(n)
		return "", false
	}
	g.scalars++
	g.fault(place(n), "put it in quotes", "the key %s is not text", show(n.GetToken().Value))
	return "", false
}

// null is what has no value: most often, what belongs below it is not indented.
func (g *grower) null(where position, what string) *value {
	g.fault(where, "give it one, indent what belongs to it, or remove it", "%s has no value", what)
	return &value{at: where, form: broken}
}

func (g *grower) foreign(n ast.Node) *value {
	if n == nil {
		return &value{at: position{1, 1}, form: broken}
	}
	what, remedy := "this kind of value is not used in this file", "write it on one line"
	switch n.(type) {
	case *ast.AnchorNode, *ast.AliasNode:
		what, remedy = "anchors and aliases (& and *) are not used in this file", "write the value out, or put text in quotes"
	case *ast.TagNode:
		what, remedy = "tags (!) are not used in this file", "remove it, or put text in quotes"
	case *ast.LiteralNode:
		what = "block text (| and >) is not used in this file"
	case *ast.MappingKeyNode:
		what, remedy = "complex keys (?) are not used in this file", "write key: value"
	}
	g.fault(place(n), remedy, "%s", what)
	return &value{at: place(n), form: broken}
}
