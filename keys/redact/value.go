package redact

import (
	"bytes"

	"github.com/sanmon-gate/sanmon/keys/apikey"
	"github.com/sanmon-gate/sanmon/secret"
)

// colon finds passwords in addresses, members of JSON objects and header fields.
func colon(b []byte, at int) cut {
	if bytes.HasPrefix(b[at:], []byte("://")) {
		return userinfo(b, at+3)
	}
	name, level := member(b, at)
	if level < 0 {
		return field(b, at)
	}
	if !telling(name) {
		return none()
	}
	return memberValue(b, blanks(b, at+1), level)
}

// userinfo finds what stands before the last '@' of an authority
// (RFC 3986, Section 3.2.1): the password, or all of it where there is no user.
func userinfo(b []byte, start int) cut {
	end, mark := start, -1
	for ; end < len(b) && bytes.IndexByte([]byte("/?#\"\\ \t\n<>"), b[end]) < 0; end++ {
		if b[end] == '@' {
			mark = end
		}
	}
	if mark < 0 || string(b[start:mark]) == "USER" { // what our own remedies write for a name
		return none()
	}
	if i := bytes.IndexByte(b[start:mark], ':'); i >= 0 {
		if user := b[start : start+i]; bytes.Equal(Line(user), user) { // else all of it goes
			start += i + 1
		}
	}
	return whole(b, start, mark)
}

// member returns the name of a JSON member whose colon is at b[at], and how many
// backslashes stand before its quotation marks; -1 when it is none.
func member(b []byte, at int) (name []byte, level int) {
	end := at
	for end > 0 && b[end-1] == ' ' {
		end--
	}
	if end < 2 || b[end-1] != '"' {
		return nil, -1
	}
	end--
	level = slashes(b, end)
	end -= level
	name = nameBefore(b, end)
	open := end - len(name) - 1
	if len(name) == 0 || open < 0 || b[open] != '"' || slashes(b, open) != level {
		return nil, -1
	}
	return name, level
}

// memberValue cuts a string, a number, or the strings of a list.
func memberValue(b []byte, at, level int) cut {
	if at < len(b) && b[at] == '[' {
		return listValue(b, blanks(b, at+1), level)
	}
	if start, end, ok := quoted(b, at, level); ok {
		return whole(b, start, end)
	}
	end := at
	for end < len(b) && (b[end] == '-' || b[end] == '+' || b[end] == '.' || isAlnum(b[end]) && b[end]|0x20 != 'n' && b[end]|0x20 != 't') {
		end++
	}
	if end == at || b[at] != '-' && (b[at] < '0' || b[at] > '9') {
		return none()
	}
	quote := string(bytes.Repeat([]byte(`\`), level)) + `"`
	return cut{at, end, quote + secret.Redacted + quote}
}

// listValue cuts everything from the first string of a list to its last, and leaves
// a list of one string.
func listValue(b []byte, at, level int) cut {
	first, end, ok := quoted(b, at, level)
	if !ok {
		return none()
	}
	for {
		next := blanks(b, end+level+1)
		if next >= len(b) || b[next] != ',' {
			return whole(b, first, end)
		}
		_, e, ok := quoted(b, blanks(b, next+1), level)
		if !ok {
			return whole(b, first, end)
		}
		end = e
	}
}

// field finds a header field, "X-Api-Key: value", and cuts to the end of its line.
func field(b []byte, at int) cut {
	if !isHeader(nameBefore(b, at)) {
		return none()
	}
	start := blanks(b, at+1)
	if start < len(b) && b[start] == '[' && !bytes.HasPrefix(b[start:], []byte(secret.Redacted)) {
		start++ // a map, as fmt prints it
	}
	if scheme(b[start:]) || bytes.HasPrefix(b[start:], []byte(secret.Redacted)) {
		return none() // what follows a scheme is found by the scheme
	}
	end := start
	for end < len(b) && b[end] != '"' && b[end] != ']' && b[end] >= ' ' {
		n := 1
		if b[end] == '\\' {
			if n = escapeLen(b, end); n == 0 {
				break
			}
		}
		end += n
	}
	return whole(b, start, end)
}

// scheme reports whether b begins with a scheme that credential knows.
func scheme(b []byte) bool {
	for _, s := range [...]string{"bearer ", "basic ", "dpop "} {
		if len(b) >= len(s) && bytes.EqualFold(b[:len(s)], []byte(s)) {
			return true
		}
	}
	return false
}

// assigned finds name=value, as in addresses, forms, cookies and text logs. The
// equals sign is b[at:value], longer than a byte where it is percent-encoded.
func assigned(b []byte, at, value int, encoded bool) cut {
	name := nameBefore(b, at)
	if len(name) == 0 || !telling(name) && !(parameter(name) && inQuery(b[:at-len(name)])) {
		return none()
	}
	if start, end, ok := quoted(b, value, slashesAt(b, value)); ok && !closes(b, start) {
		return whole(b, start, end)
	}
	end := value
	for end < len(b) {
		n := valueChar(b, end, encoded)
		if n == 0 {
			break
		}
		end += n
	}
	return whole(b, value, end)
}

// valueChar is how long the character of a value at b[at] is, 0 where it ends.
func valueChar(b []byte, at int, encoded bool) int {
	switch c := b[at]; {
	case c <= ' ' || bytes.IndexByte([]byte(`&;"'<>#`), c) >= 0:
		return 0
	case c == '%' && encoded && at+2 < len(b):
		switch string(bytes.ToUpper(b[at+1 : at+3])) {
		case "26", "23", "22", "3B", "20":
			return 0
		}
	case c == '\\':
		return escapeLen(b, at)
	}
	return 1
}

// escapeLen is how long the backslashes at b[at] and the JSON escape that they may
// begin are; 0 for an escape that ends a value: a quotation mark, the end of a line,
// an ampersand.
func escapeLen(b []byte, at int) int {
	n := slashesAt(b, at)
	if at+n == len(b) || b[at+n] == '"' {
		return 0
	}
	if n%2 == 0 {
		return n
	}
	switch rest := b[at+n:]; {
	case rest[0] == 'u' && len(rest) >= 5:
		if bytes.EqualFold(rest[:5], []byte("u0026")) {
			return n - 1
		}
		return n + 5
	case rest[0] == 'n' || rest[0] == 'r' || rest[0] == 't':
		return n - 1
	}
	return n + 1
}

// whole cuts a value, but leaves what is redacted already, and of a Sanmon key the
// id.
func whole(b []byte, start, end int) cut {
	if start >= end || string(b[start:end]) == secret.Redacted {
		return none()
	}
	if s, ok := apikey.At(b, start); ok && s.End == end {
		return found(s.Secret, s.End)
	}
	if redactedKey(b[start:end]) {
		return none()
	}
	return found(start, end)
}

// redactedKey reports whether b is a key whose secret was cut out before.
func redactedKey(b []byte) bool {
	const id = len("smk_live_000000000000_")
	return len(b) == id+len(secret.Redacted) && string(b[:4]) == "smk_" && string(b[id:]) == secret.Redacted
}
