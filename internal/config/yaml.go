package config

import (
	"errors"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// readTree parses src into a mapping. It returns nil when there is none to go on
// with; the reason is in the report then.
func readTree(r *report, src []byte) (root *value) {
	// The parser reads what people write by hand; should it ever panic on a file, the
	// old configuration must stay in force and say so.
	defer func() {
		if recover() != nil {
			r.fault(position{1, 1}, "write plain YAML: key: value", "the file cannot be read as YAML")
			root = nil
		}
	}()
	tokens := lexer.Tokenize(string(src))
	if !checkTokens(r, tokens) {
		return nil
	}
	file, err := parser.Parse(tokens, 0, parser.AllowDuplicateMapKey())
	if err != nil {
		syntax(r, err)
		return nil
	}
	if len(file.Docs) == 0 || file.Docs[0].Body == nil {
		r.fault(position{1, 1}, "write one with: sanmon init", "the configuration is empty")
		return nil
	}
	if len(file.Docs) > 1 {
		r.fault(place(file.Docs[1]), "write one", "the file has several YAML documents")
		return nil
	}
	g := &grower{report: r}
	root = g.value(file.Docs[0].Body, 0)
	if n := countScalars(tokens); len(r.errors) == 0 && n != g.scalars {
		// What the parser skipped, a person would still read as being in force.
		r.fault(position{1, 1}, "put values in quotes", "the file cannot be read in one way only")
	}
	if root.form != mapping {
		r.fault(root.at, "begin with: version: 1", "the configuration is not a mapping")
		return nil
	}
	return root
}

func syntax(r *report, err error) {
	where, message := position{1, 1}, "not valid YAML"
	if y, ok := errors.AsType[yaml.Error](err); ok {
		message = "not valid YAML: " + y.GetMessage()
		if t := y.GetToken(); t != nil {
			where = at(t)
		}
	}
	r.fault(where, "check the indentation, quotes and brackets here", "%s", message)
}

func countScalars(tokens token.Tokens) (n int) {
	for _, t := range tokens {
		switch t.Type {
		case token.StringType, token.SingleQuoteType, token.DoubleQuoteType, token.BoolType, token.NullType,
			token.IntegerType, token.FloatType, token.BinaryIntegerType, token.OctetIntegerType, token.HexIntegerType,
			token.InfinityType, token.NanType:
			n++
		}
	}
	return n
}

// leaf reads a scalar that stands on one line and means what it looks like.
func (g *grower) leaf(t *token.Token, f form) *value {
	g.scalars++
	v := &value{at: at(t), form: f, text: t.Value}
	v.quoted = t.Type == token.DoubleQuoteType || t.Type == token.SingleQuoteType
	written := strings.TrimSpace(t.Origin)
	switch {
	case strings.ContainsAny(written, "\r\n"):
		g.fault(v.at, "write it on one line", "the value runs over several lines")
	case t.Type == token.DoubleQuoteType && strings.Contains(strings.NewReplacer(`\\`, "", `\"`, "").Replace(written), `\`):
		g.fault(v.at, "write the character itself, or use single quotes", `the only escapes of this file are \\ and \"`)
	case f == text && strings.ContainsFunc(v.text, unprintable):
		g.fault(v.at, "remove it", "the value contains a control character")
	default:
		return v
	}
	v.form = broken
	return v
}
