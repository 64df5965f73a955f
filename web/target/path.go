package target

import (
	"strings"
	"unicode/utf8"
)

// keptSlash stands in Decoded for an encoded slash.
const keptSlash = "%2F"

// readPath sets Path, Query and what is known of the path, or refuses. The loop runs
// once over the raw bytes; only a path with an escape is decoded, by decode.
func (t *Target) readPath() error {
	raw, end, escaped := t.Raw, len(t.Raw), false
scan:
	for i := 1; i < len(raw); i++ {
		switch class[raw[i]] {
		case plain:
		case query:
			end = i
			break scan
		case escape:
			escaped = true
		case semicolon:
			t.Semicolon = true
		default:
			return ambiguous("byte %d of the path is %#02x, which must be percent-encoded", i, raw[i])
		}
	}
	t.Path = raw[:end]
	if end < len(raw) {
		t.HasQuery, t.Query = true, raw[end+1:]
	}
	if !escaped {
		t.Decoded = t.Path
		return checkSegments(t.Path)
	}
	return t.decode()
}

// decode sets Decoded. It refuses escapes that are not escapes, that hide a byte which
// some parsers act on, or that yield another escape.
func (t *Target) decode() error {
	p := t.Path
	out := make([]byte, 0, len(p))
	for i := 0; i < len(p); i++ {
		c := p[i]
		if c == '%' {
			if i+2 >= len(p) || !isHex(p[i+1]) || !isHex(p[i+2]) {
				return ambiguous("byte %d of the path is a %% without two hexadecimal digits (write %%25)", i)
			}
			c = unhex(p[i+1])<<4 | unhex(p[i+2])
			i += 2
			switch {
			case c == '/':
				t.EncodedSlash = true
				out = append(out, keptSlash...)
				continue
			case c == ';':
				t.Semicolon = true
			case c == '\\':
				return ambiguous("byte %d of the path ends an encoded backslash, which some servers read as a slash", i)
			case c < 0x20 || c == 0x7f:
				return ambiguous("byte %d of the path ends an encoded control character", i)
			}
		}
		out = append(out, c)
		if n := len(out); n >= 3 && out[n-3] == '%' && isHex(out[n-2]) && isHex(out[n-1]) {
			return ambiguous("byte %d of the path ends a double encoding (encode once)", i)
		}
	}
	if !utf8.Valid(out) {
		return ambiguous("the decoded path is not UTF-8 (encode the text as UTF-8)")
	}
	t.Decoded = string(out)
	return checkSegments(t.Decoded)
}

// checkSegments refuses dot segments and empty segments of a decoded path, which some
// servers remove and others do not (RFC 3986, Section 5.2.4; CVE-2026-33494 of Oathkeeper,
// CVE-2026-2880 of middie). Only the last segment may be empty. The rule holds as well for
// servers that decode "%2F" to a separator and for those that cut a segment at ";".
func checkSegments(p string) error {
	for start := 1; ; {
		end, next := segment(p, start)
		name, _, cut := strings.Cut(p[start:end], ";")
		switch {
		case name == "." || name == "..":
			return ambiguous("the path has a dot segment (send the path it leads to)")
		case name == "" && (cut || end < len(p)):
			return ambiguous("the path has an empty segment (send single slashes)")
		}
		if end == len(p) {
			return nil
		}
		start = next
	}
}

// segment returns where the segment that starts at start ends, and where the next starts.
func segment(p string, start int) (end, next int) {
	for i := start; i < len(p); i++ {
		switch p[i] {
		case '/':
			return i, i + 1
		case '%':
			if strings.HasPrefix(p[i:], keptSlash) {
				return i, i + len(keptSlash)
			}
		}
	}
	return len(p), len(p)
}
