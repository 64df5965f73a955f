package config

import "github.com/goccy/go-yaml/token"

// maxKeys is how many keys one mapping may have.
const maxKeys = 2000

// checkTokens refuses what must not reach the recursive parser.
func checkTokens(r *report, tokens token.Tokens) bool {
	depth, entries, line := 0, 0, 0
	var keys keyCounter
	for _, t := range tokens {
		where := at(t)
		if where.line != line {
			line, entries = where.line, 0
		}
		switch t.Type {
		case token.MappingStartType, token.SequenceStartType:
			depth++
		case token.MappingEndType, token.SequenceEndType:
			depth--
		case token.SequenceEntryType:
			entries++
		case token.DirectiveType:
			r.fault(where, "remove it, or put text in quotes", "YAML directives (%%) are not used in this file")
			return false
		case token.DocumentHeaderType, token.DocumentEndType:
			if t.Type == token.DocumentHeaderType && onlyComments(tokens, t) {
				continue
			}
			r.fault(where, "remove the line", "the file has several YAML documents")
			return false
		}
		if tightColon(t) {
			r.fault(where, "put the text in quotes, or write a space behind the colon", "a colon without a space behind it can be read in two ways here")
			return false
		}
		if keys.count(t, depth) > maxKeys {
			r.fault(where, "is this the right file?", "a mapping has more than %d keys", maxKeys)
			return false
		}
		if depth > maxNesting || entries > maxNesting {
			r.fault(where, "", "the file is nested more than %d levels deep", maxNesting)
			return false
		}
	}
	return true
}

// tightColon reports a colon that this parser takes for the end of a key, and YAML
// 1.2.2 (Section 7.3.3) for a part of a plain word: [notes:1] is a word.
func tightColon(t *token.Token) bool {
	if t.Type != token.MappingValueType || t.Next == nil || t.Prev == nil {
		return false
	}
	if t.Prev.Type == token.DoubleQuoteType || t.Prev.Type == token.SingleQuoteType || t.Prev.Type == token.MappingEndType {
		return false
	}
	here, next := at(t), at(t.Next)
	return next.line == here.line && next.column == here.column+1
}

// onlyComments reports whether nothing but comments stands before t.
func onlyComments(tokens token.Tokens, t *token.Token) bool {
	for _, before := range tokens {
		if before == t {
			return true
		}
		if before.Type != token.CommentType {
			return false
		}
	}
	return false
}

// keyCounter counts the keys of the mappings that are open. The parser takes time
// that grows with the square of their number.
type keyCounter struct {
	block []column            // of the open block mappings, by rising column
	flow  [maxNesting + 1]int // of the open flow mappings, by depth
}

type column struct{ column, keys int }

// count takes the next token and returns how many keys its mapping has so far.
func (c *keyCounter) count(t *token.Token, depth int) int {
	switch t.Type {
	case token.MappingStartType:
		if depth <= maxNesting {
			c.flow[depth] = 0
		}
	case token.SequenceEntryType:
		c.leave(at(t).column)
	case token.MappingValueType:
		if depth > 0 {
			c.flow[depth]++
			return c.flow[depth]
		}
		where := at(t).column
		if t.Prev != nil && at(t.Prev).line == at(t).line {
			where = at(t.Prev).column
		}
		c.leave(where)
		if n := len(c.block); n == 0 || c.block[n-1].column < where {
			c.block = append(c.block, column{column: where})
		}
		last := &c.block[len(c.block)-1]
		last.keys++
		return last.keys
	}
	return 0
}

// leave closes the block mappings that are deeper than a column.
func (c *keyCounter) leave(where int) {
	for n := len(c.block); n > 0 && c.block[n-1].column > where; n-- {
		c.block = c.block[:n-1]
	}
}
