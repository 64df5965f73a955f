package scan

import (
	"bytes"
	"strings"
)

// goSecretFollows: a name with the word in it gets a literal that may be a secret: in a key
// and its value, in an assignment, in a declaration with a type or of several names.
func goSecretFollows(b []byte, from, to int) bool {
	if named(b, from, to, goLiteral) {
		return true
	}
	for i := nameEnd(b, to); i < len(b); i++ {
		switch c := b[i]; {
		case c == '=':
			return i+1 < len(b) && b[i+1] != '=' && literalInList(b[i+1:])
		case begins(b[i:], "/*"):
			return true
		case c == '\n' || begins(b[i:], "//"):
			if last(b[:i]) != ',' {
				return false
			}
			i += max(0, bytes.IndexByte(b[i:], '\n'))
		case !isWord(c) && strings.IndexByte(" \t\r.,*[]:", c) < 0:
			return false
		}
	}
	return false
}

// goLifeOfToken is lifeOfToken for names alone: Go has them in many comments.
func goLifeOfToken(b []byte, from, to int) bool {
	end := nameEnd(b, to)
	for from > 0 && isWord(b[from-1]) {
		from--
	}
	name := bytes.ToLower(b[from:end])
	if bytes.Contains(name, []byte("token")) || bytes.Contains(name, []byte("jwt")) {
		return true
	}
	n := bytes.IndexAny(b[end:min(len(b), end+81)], quotes)
	return n >= 0 && lifeOfToken(b, from, to) && gets(b, end+n, func([]byte) bool { return true })
}

// goLiteral reports whether rest begins with a literal that may be a secret.
func goLiteral(rest []byte, is ...secretClass) bool {
	if len(rest) > 0 && rest[0] == '=' { // name := value
		rest = rest[blank(rest, 1):]
	}
	return comment(rest, 0) || begins(rest, `"`, "`") && secretLiteral(rest, is...)
}

// maxList is how much of a list of values is looked at, in bytes: many names may stand
// before the same long one.
const maxList = 2000

// literalInList reports whether a list of values may have a secret for an element, up to the
// end of the statement. Arguments of calls and parts of composite literals are no elements.
func literalInList(b []byte) bool {
	depth, before := 0, byte('=') // the last byte that is neither blank nor of a comment
	for i := 0; i < len(b); i++ {
		c := b[i]
		switch {
		case i > maxList || begins(b[i:], "/*"):
			return true
		case begins(b[i:], "//"):
			i += max(0, bytes.IndexByte(b[i:], '\n')-1)
			continue
		case c == '"' || c == '`' || c == '\'':
			if depth == 0 && c != '\'' && (before == '=' || before == ',') && secretLiteral(b[i:], passwordName, secretName, tokenName) {
				return true
			}
			i = literalEnd(b, i)
		case c == '(' || c == '[' || c == '{':
			depth++
		case c == ')' || c == ']' || c == '}':
			if depth--; depth < 0 {
				return false
			}
		case depth == 0 && (c == ';' || c == '\n' && strings.IndexByte(",=+-*/%|&^<>!.", before) < 0):
			return false
		}
		if c > ' ' {
			before = c
		}
	}
	return false
}

// literalEnd is the last byte of the literal that begins at i.
func literalEnd(b []byte, i int) int {
	quote := b[i]
	for i++; i < len(b) && b[i] != quote; i++ {
		if b[i] == '\\' && quote != '`' {
			i++
		}
	}
	return i
}

// last is the last byte of b that is no blank.
func last(b []byte) byte {
	for i := len(b) - 1; i >= 0; i-- {
		if b[i] > ' ' {
			return b[i]
		}
	}
	return ' '
}
