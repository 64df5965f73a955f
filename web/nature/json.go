package nature

import (
	"bytes"
	"fmt"
	"unicode/utf8"
)

// maxDepth bounds how deep a JSON body may nest.
const maxDepth = 128

// json judges every string of a JSON body (RFC 8259), keys too. A body that cannot be
// wrong is not read at all.
func (s *sink) json(body []byte) error {
	if !s.fields.urls && bytes.IndexByte(body, '<') < 0 && bytes.IndexByte(body, 0) < 0 && !bytes.Contains(body, []byte(`\u003`)) {
		return nil
	}
	w := walker{sink: s, src: body}
	w.space()
	w.value(s.fields.root, nil, 0)
	if w.space(); !w.bad && w.at < len(w.src) {
		w.bad = true
	}
	if w.bad && !s.full() {
		return malformed(fmt.Sprintf("the body is no JSON from byte %d on", w.at))
	}
	return nil
}

// walker reads a JSON text once.
type walker struct {
	*sink
	src []byte
	at  int
	bad bool
}

func (w *walker) space() {
	for w.at < len(w.src) && (w.src[w.at] == ' ' || w.src[w.at] == '\n' || w.src[w.at] == '\t' || w.src[w.at] == '\r') {
		w.at++
	}
}

// peek is the next byte, 0 at the end.
func (w *walker) peek() byte {
	if w.bad || w.at >= len(w.src) {
		return 0
	}
	return w.src[w.at]
}

// take steps over c and the space around it.
func (w *walker) take(c byte) bool {
	w.space()
	if w.peek() != c {
		return false
	}
	w.at++
	w.space()
	return true
}

// value reads one value. b is what is declared of it and below, nil for nothing; above
// is the declaration of a member around it that is not put out at all.
func (w *walker) value(b *branch, above *declared, depth int) {
	if depth > maxDepth || w.full() {
		w.bad = true
		return
	}
	own := above
	if b != nil && above == nil {
		own = b.own
	}
	switch c := w.peek(); {
	case c == '"':
		w.text(own)
	case c == '{':
		w.object(b, never(own), depth)
	case c == '[':
		w.array(b, above, depth)
	case c == '-' || c >= '0' && c <= '9' || c == 't' || c == 'f' || c == 'n':
		w.literal()
	default:
		w.bad = true
	}
}

// never returns d when nothing below it is put out either.
func never(d *declared) *declared {
	if d != nil && d.Nature == AsNever {
		return d
	}
	return nil
}

func (w *walker) object(b *branch, above *declared, depth int) {
	w.take('{')
	for !w.take('}') {
		at := w.at
		key, ok := w.string()
		if !ok || !w.take(':') {
			w.bad = true
			return
		}
		if kind := FindMarkup(key); kind != "" {
			w.report(nil, kind+" in its name", func() string { return place(at) })
		}
		var below *branch
		if b != nil {
			below = b.members[key]
		}
		w.value(below, above, depth+1)
		if !w.bad && !w.take(',') && w.peek() != '}' || w.bad {
			w.bad = true
			return
		}
	}
}

func (w *walker) array(b *branch, above *declared, depth int) {
	w.take('[')
	for !w.take(']') {
		w.value(b, above, depth+1)
		if !w.bad && !w.take(',') && w.peek() != ']' || w.bad {
			w.bad = true
			return
		}
	}
}

func (w *walker) text(own *declared) {
	at := w.at
	value, ok := w.string()
	if !ok {
		w.bad = true
		return
	}
	w.sink.value(own, value, func() string { return place(at) })
}

func place(at int) string { return fmt.Sprintf("the member at byte %d of the JSON body", at) }

// literal steps over a number, true, false or null.
func (w *walker) literal() {
	for w.at < len(w.src) {
		c := w.src[w.at]
		if c != '-' && c != '+' && c != '.' && (c < '0' || c > '9') && (c|0x20 < 'a' || c|0x20 > 'z') {
			return
		}
		w.at++
	}
}

// string reads a string with its escapes resolved.
func (w *walker) string() (string, bool) {
	if w.peek() != '"' {
		return "", false
	}
	rest := w.src[w.at+1:]
	end := bytes.IndexByte(rest, '"')
	if end < 0 {
		return "", false
	}
	if bytes.IndexByte(rest[:end], '\\') < 0 {
		if control(rest[:end]) {
			return "", false
		}
		w.at += end + 2
		return string(rest[:end]), true
	}
	return w.escaped(rest)
}

func control(b []byte) bool {
	for _, c := range b {
		if c < ' ' {
			return true
		}
	}
	return false
}

// escaped reads a string that has escapes (RFC 8259, Section 7).
func (w *walker) escaped(rest []byte) (string, bool) {
	out := make([]byte, 0, 64)
	for i := 0; i < len(rest); i++ {
		switch c := rest[i]; {
		case c == '"':
			w.at += i + 2
			return string(out), true
		case c < ' ':
			return "", false
		case c != '\\':
			out = append(out, c)
		case i+5 < len(rest) && rest[i+1] == 'u':
			r, ok := codeUnit(rest[i+2 : i+6])
			if !ok {
				return "", false
			}
			out = utf8.AppendRune(out, r) // half a pair becomes U+FFFD, which is no markup either
			i += 5
		case i+1 < len(rest) && short(rest[i+1]) != 0:
			out = append(out, short(rest[i+1]))
			i++
		default:
			return "", false
		}
	}
	return "", false
}

func codeUnit(hex []byte) (rune, bool) {
	var r rune
	for _, c := range hex {
		v := unhex(c)
		if v < 0 {
			return 0, false
		}
		r = r<<4 | rune(v)
	}
	return r, true
}

// short is what a one-letter escape stands for, 0 when there is none.
func short(c byte) byte {
	switch c {
	case '"', '\\', '/':
		return c
	case 'b':
		return '\b'
	case 'f':
		return '\f'
	case 'n':
		return '\n'
	case 'r':
		return '\r'
	case 't':
		return '\t'
	}
	return 0
}
