package markup

import "bytes"

// Attribute returns the value of the first attribute of a name, which is in lower case, as
// it is written: character references are not decoded. attrs is Tag.Attrs.
func Attribute(attrs []byte, name string) (value []byte, ok bool) {
	for i := 0; ; {
		var n, v []byte
		if n, v, i = nextAttribute(attrs, i); n == nil {
			return nil, false
		}
		if hasFold(n, name) {
			return v, true
		}
	}
}

// nextAttribute reads as WHATWG HTML, Sections 13.2.5.32 to 13.2.5.40 say. The name is nil
// when there is none.
func nextAttribute(b []byte, i int) (name, value []byte, next int) {
	for i < len(b) && (isSpace(b[i]) || b[i] == '/' || b[i] == '>') {
		i++
	}
	if i >= len(b) {
		return nil, nil, i
	}
	from := i
	for i++; i < len(b) && !endsAttrName(b[i]); i++ {
	}
	name = b[from:i]
	i = skipSpace(b, i)
	if i >= len(b) || b[i] != '=' {
		return name, nil, i
	}
	if i = skipSpace(b, i+1); i >= len(b) {
		return name, nil, i
	}
	if q := b[i]; q == '"' || q == '\'' {
		j := bytes.IndexByte(b[i+1:], q)
		if j < 0 {
			return name, b[i+1:], len(b)
		}
		return name, b[i+1 : i+1+j], i + j + 2
	}
	from = i
	for i < len(b) && b[i] != '>' && !isSpace(b[i]) {
		i++
	}
	return name, b[from:i], i
}
