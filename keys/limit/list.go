package limit

import "strings"

// maxList bounds what is read of a backend's list.
const maxList = 4 << 10

// wellFormed reports whether s is a structured-field List (RFC 9651, Section 4.2.1) of
// Strings or Tokens, each with the Integer parameter needs.
func wellFormed(s, needs string) bool {
	if len(s) > maxList {
		return false
	}
	l := list{strings.Trim(s, " ")}
	for {
		if !l.item(needs) {
			return false
		}
		l.blank()
		if l.rest == "" {
			return true
		}
		if !l.next(',') {
			return false
		}
		l.blank()
		if l.rest == "" { // a comma at the end
			return false
		}
	}
}

// list is what is left of a list.
type list struct{ rest string }

func (l *list) blank() { l.rest = strings.TrimLeft(l.rest, " \t") }

func (l *list) next(c byte) bool {
	if l.rest == "" || l.rest[0] != c {
		return false
	}
	l.rest = l.rest[1:]
	return true
}

// item reads a name and its parameters.
func (l *list) item(needs string) bool {
	if kind := l.bare(); kind != 's' && kind != 't' {
		return false
	}
	found := false
	for l.next(';') {
		l.rest = strings.TrimLeft(l.rest, " ")
		key := l.while(isKey)
		if key == "" || !(key[0] >= 'a' && key[0] <= 'z' || key[0] == '*') {
			return false
		}
		kind := byte('b') // a parameter without a value is true
		if l.next('=') {
			if kind = l.bare(); kind == 0 {
				return false
			}
		}
		if key == needs {
			found = kind == 'i'
		}
	}
	return found
}

// bare reads a bare item (Section 4.2.3.1) and says of which kind it is: s a String, t a
// Token, i an Integer that is not negative, n another number, y a Byte Sequence, b a
// Boolean; 0: none.
func (l *list) bare() byte {
	if l.rest == "" {
		return 0
	}
	switch c := l.rest[0]; {
	case c == '"':
		return l.text()
	case c == '-' || c >= '0' && c <= '9':
		return l.number()
	case c == ':':
		end := strings.IndexByte(l.rest[1:], ':')
		if end < 0 || strings.Trim(l.rest[1:1+end], "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=") != "" {
			return 0
		}
		l.rest = l.rest[end+2:]
		return 'y'
	case c == '?':
		if len(l.rest) < 2 || l.rest[1] != '0' && l.rest[1] != '1' {
			return 0
		}
		l.rest = l.rest[2:]
		return 'b'
	case c == '*' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z':
		l.while(isToken)
		return 't'
	}
	return 0
}

func (l *list) text() byte {
	for i := 1; i < len(l.rest); i++ {
		switch c := l.rest[i]; {
		case c == '"':
			l.rest = l.rest[i+1:]
			return 's'
		case c == '\\':
			if i++; i == len(l.rest) || l.rest[i] != '"' && l.rest[i] != '\\' {
				return 0
			}
		case c < 0x20 || c > 0x7e:
			return 0
		}
	}
	return 0
}

func (l *list) number() byte {
	negative := l.next('-')
	whole := l.while(isDigit)
	if whole == "" || len(whole) > 15 {
		return 0
	}
	if l.next('.') {
		if part := l.while(isDigit); part == "" || len(part) > 3 || len(whole) > 12 {
			return 0
		}
		return 'n'
	}
	if negative {
		return 'n'
	}
	return 'i'
}

func (l *list) while(is func(byte) bool) string {
	n := 0
	for n < len(l.rest) && is(l.rest[n]) {
		n++
	}
	got := l.rest[:n]
	l.rest = l.rest[n:]
	return got
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

func isKey(c byte) bool {
	return c >= 'a' && c <= 'z' || isDigit(c) || strings.IndexByte("_-.*", c) >= 0
}

func isToken(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || isDigit(c) || strings.IndexByte("!#$%&'*+-.^_`|~:/", c) >= 0
}
