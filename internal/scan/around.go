package scan

import (
	"bytes"
	"slices"
	"strings"
)

// The tests of this file look at what stands around a word, to tell files in which no rule
// can find anything from those that are worth being read as a language. They know nothing
// of strings and comments, and so say yes wherever one could make a difference.

const quotes = "\"'`"

// nameEnd is where the name ends that goes on at i.
func nameEnd(b []byte, i int) int {
	for i < len(b) && isWord(b[i]) {
		i++
	}
	return i
}

// blank skips what may stand between two tokens, comments excepted.
func blank(b []byte, i int) int {
	for i < len(b) && (b[i] <= ' ' || b[i] == '\\') {
		i++
	}
	return i
}

// comment reports whether one may begin at i, behind which anything may follow.
func comment(b []byte, i int) bool {
	return i < len(b) && (b[i] == '#' || b[i] == '/' && i+1 < len(b) && (b[i+1] == '/' || b[i+1] == '*'))
}

// value is where the value begins of a name that ends at i: name = value, name: value,
// "name": value, ["name"] = value, name: type = value. sure is false where that cannot be
// told, i is -1 where the name gets no value.
func value(b []byte, i int) (at int, sure bool) {
	for i < len(b) && (b[i] <= ' ' || b[i] == '\\' || b[i] == ']' || strings.IndexByte(quotes, b[i]) >= 0) {
		i++
	}
	if comment(b, i) {
		return i, false
	}
	if i >= len(b) || b[i] != '=' && b[i] != ':' || i+1 < len(b) && b[i] == '=' && (b[i+1] == '=' || b[i+1] == '>') {
		return -1, true
	}
	at = blank(b, i+1)
	return at, !comment(b, at)
}

// typedValue is where the value begins behind a type that begins at i.
func typedValue(b []byte, i int) (at int, sure bool) {
	for ; i < len(b); i++ {
		switch c := b[i]; {
		case c == '=':
			at = blank(b, i+1)
			return at, !comment(b, at)
		case comment(b, i) || strings.IndexByte(quotes, c) >= 0:
			return i, false
		case strings.IndexByte(",{});", c) >= 0:
			return -1, true
		}
	}
	return -1, true
}

// gets reports whether what a name gets that ends at i passes ok; each form of a value is tried.
func gets(b []byte, i int, ok func(rest []byte) bool) bool {
	at, sure := value(b, i)
	if at < 0 || !sure || ok(b[at:]) {
		return at >= 0
	}
	if b[at-1] == '=' {
		return false
	}
	at, sure = typedValue(b, at)
	return at >= 0 && (!sure || ok(b[at:]))
}

// secretFollows: a name with the word in it gets a literal that may be a secret.
func secretFollows(b []byte, from, to int) bool { return named(b, from, to, secretLiteral) }

// named is gets for the name that a word is a part of, once as an identifier and once as the
// text of a string of 80 bytes at most, of which the word need not be near the end.
func named(b []byte, from, to int, ok func(rest []byte, is ...secretClass) bool) bool {
	end := nameEnd(b, to)
	for from > 0 && isWord(b[from-1]) {
		from--
	}
	if class := classify(string(b[from:end])); class != noSecret && gets(b, end, func(rest []byte) bool { return ok(rest, class) }) {
		return true
	}
	n := bytes.IndexAny(b[end:min(len(b), end+81)], quotes)
	if n < 0 || n == 0 && from > 0 && b[from-1] == b[end] {
		return false
	}
	return gets(b, end+n, func(rest []byte) bool { return ok(rest, passwordName, secretName, tokenName) })
}

// secretLiteral reports whether rest begins with a string that may be a secret of one of the
// classes.
func secretLiteral(rest []byte, is ...secretClass) bool {
	n := 0
	for n < len(rest) && n < 3 && strings.IndexByte("rRbBfFuUtT", rest[n]) >= 0 {
		n++
	}
	if n == len(rest) || strings.IndexByte(quotes, rest[n]) < 0 {
		return false
	}
	quote, text := rest[n], rest[n+1:min(len(rest), n+600)]
	if len(text) > 1 && text[0] == quote && text[1] == quote { // three quotes
		return true
	}
	end := 0
	for end < len(text) && text[end] != quote && (text[end] != '\n' || quote == '`') {
		if text[end] == '\\' {
			return true
		}
		end++
	}
	v := string(text[:end])
	return len(v) > 5 && slices.ContainsFunc(is, func(class secretClass) bool { return literalSecret(class, v) })
}

// passwordFollows: behind :// stands a user with a password that may be a secret.
func passwordFollows(b []byte, _, to int) bool {
	authority := b[to:min(len(b), to+1024)]
	if n := bytes.IndexAny(authority, "/?# \t\n"); n >= 0 {
		authority = authority[:n]
	}
	colon := bytes.IndexByte(authority, ':')
	if colon < 0 {
		return false
	}
	for at := colon + 1; at < len(authority); at++ {
		if authority[at] == '@' && literalSecret(passwordName, string(authority[colon+1:at])) {
			return true
		}
	}
	return false
}

// lifeOfToken: a name that speaks of a life, or what is near to it, speaks of a token.
func lifeOfToken(b []byte, from, to int) bool {
	near := bytes.ToLower(b[max(0, from-80):min(len(b), to+80)])
	return bytes.Contains(near, []byte("token")) || bytes.Contains(near, []byte("jwt")) || bytes.Contains(near, []byte("access"))
}

// quoted: the word is the whole of a string.
func quoted(b []byte, from, to int) bool {
	return from > 0 && strings.IndexByte(quotes+"}", b[from-1]) >= 0 && (to == len(b) || strings.IndexByte(quotes+"$\n", b[to]) >= 0)
}

// wholeName: the word is the whole of a name.
func wholeName(b []byte, from, to int) bool {
	return (from == 0 || !isWord(b[from-1])) && nameEnd(b, to) == to
}

// algorithmName: the word begins alg, algorithm or algorithms.
func algorithmName(b []byte, from, to int) bool {
	name := string(b[from:nameEnd(b, to)])
	return wholeName(b, from, from+len(name)) && (name == "alg" || name == "algorithm" || name == "algorithms")
}

// opens: a bracket follows.
func opens(b []byte, from, to int) bool {
	i := blank(b, to)
	return wholeName(b, from, to) && (i < len(b) && b[i] == '(' || comment(b, i))
}

// assigned: = or += follows.
func assigned(b []byte, from, to int) bool {
	i := blank(b, to)
	if !wholeName(b, from, to) || i == len(b) {
		return false
	}
	return comment(b, i) || b[i] == '+' || b[i] == '=' && (i+1 == len(b) || b[i+1] != '=')
}

// jwtCall: the word is what verify, decode, encode or sign are called of.
func jwtCall(b []byte, _, to int) bool {
	i := blank(b, to)
	if comment(b, i) {
		return true
	}
	if i == len(b) || b[i] != '.' {
		return false
	}
	i = blank(b, i+1)
	return comment(b, i) || bytes.HasPrefix(b[i:], []byte("decode")) || bytes.HasPrefix(b[i:], []byte("encode")) || bytes.HasPrefix(b[i:], []byte("sign"))
}

// off: the name gets a value that switches it off.
func off(b []byte, from, to int) bool {
	return wholeName(b, from, to) && gets(b, to, func(rest []byte) bool {
		return begins(rest, "False", "false", "0", "None", `"`, "'", "`", "r", "f", "b", "u", "t", "R", "F", "B", "U", "T")
	})
}

// on: the name gets a value that switches it on.
func on(b []byte, from, to int) bool {
	return wholeName(b, from, to) && gets(b, to, func(rest []byte) bool { return begins(rest, "True", "true") })
}

func begins(b []byte, texts ...string) bool {
	for _, t := range texts {
		if len(b) >= len(t) && string(b[:len(t)]) == t {
			return true
		}
	}
	return false
}
