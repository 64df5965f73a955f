package markup

import "bytes"

// isSpace tells ASCII white space. A CR counts: the input stream turns it into LF (WHATWG
// HTML, Section 13.2.3.5).
func isSpace(c byte) bool { return c == ' ' || c == '\n' || c == '\t' || c == '\r' || c == '\f' }

func isAlpha(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' }

func endsName(c byte) bool { return c == '>' || c == '/' || isSpace(c) }

func endsAttrName(c byte) bool { return c == '=' || endsName(c) }

func lower(c byte) byte {
	if c >= 'A' && c <= 'Z' {
		return c | 0x20
	}
	return c
}

func skipSpace(b []byte, i int) int {
	for i < len(b) && isSpace(b[i]) {
		i++
	}
	return i
}

// skim skips white space and attributes of the form name="value" in state beforeAttr, as
// far as they are whole. It stops where that state continues.
func skim(b []byte, i int) int {
	for {
		i = skipSpace(b, i)
		at := i
		for at < len(b) && (isAlpha(b[at]) || b[at] == '-') {
			at++
		}
		if at == i || at+2 >= len(b) || b[at] != '=' || b[at+1] != '"' {
			return i
		}
		end := bytes.IndexByte(b[at+2:], '"')
		if end < 0 {
			return i
		}
		i = at + 2 + end + 1
	}
}

// hasFold reports whether b is s, which is in lower case, in any case.
func hasFold(b []byte, s string) bool {
	if len(b) != len(s) {
		return false
	}
	for i := range b {
		if lower(b[i]) != s[i] {
			return false
		}
	}
	return true
}
