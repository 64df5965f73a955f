package schema

import (
	"bytes"
	"fmt"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// fewMembers is how many names are compared one by one before a map is made.
const fewMembers = 16

// reader reads JSON strictly (RFC 8259): what two parsers could read differently is an
// error.
type reader struct {
	src  string
	at   int
	tree *tree
}

// readJSON parses the whole of body into t.
func readJSON(body []byte, t *tree) error {
	if bytes.HasPrefix(body, []byte("\xef\xbb\xbf")) {
		return fmt.Errorf("begins with a byte order mark (RFC 8259, Section 8.1)")
	}
	if !utf8.Valid(body) {
		return fmt.Errorf("is not valid UTF-8 (RFC 8259, Section 8.1)")
	}
	r := reader{src: string(body), tree: t}
	if err := r.value("", -1, -1, 0); err != nil {
		return err
	}
	if r.space(); r.at < len(r.src) {
		return r.wrong("has something after its value")
	}
	return nil
}

func (r *reader) wrong(what string) error { return fmt.Errorf("%s, at byte %d", what, r.at) }

func (r *reader) space() {
	for r.at < len(r.src) {
		switch r.src[r.at] {
		case ' ', '\t', '\n', '\r':
			r.at++
		default:
			return
		}
	}
}

// value reads one value and adds it below parent.
func (r *reader) value(key string, parent, before int32, depth int) error {
	if depth > maxDepth {
		return r.wrong(fmt.Sprintf("is nested deeper than %d", maxDepth))
	}
	if r.tree.full() {
		return r.wrong(fmt.Sprintf("has more than %d values", maxValues))
	}
	r.space()
	if r.at >= len(r.src) {
		return r.wrong("ends too early")
	}
	switch c := r.src[r.at]; {
	case c == '{':
		return r.object(r.tree.add(node{kind: object, key: key}, parent, before), depth)
	case c == '[':
		return r.array(r.tree.add(node{kind: array, key: key}, parent, before), depth)
	case c == '"':
		s, err := r.string()
		r.tree.add(node{kind: text, key: key, text: s}, parent, before)
		return err
	case c == '-' || c >= '0' && c <= '9':
		s, err := r.number()
		r.tree.add(node{kind: number, key: key, text: s}, parent, before)
		return err
	}
	for _, w := range [...]struct {
		word string
		node node
	}{{"null", node{kind: null}}, {"true", node{kind: boolean, yes: true}}, {"false", node{kind: boolean}}} {
		if strings.HasPrefix(r.src[r.at:], w.word) {
			r.at += len(w.word)
			w.node.key = key
			r.tree.add(w.node, parent, before)
			return nil
		}
	}
	return r.wrong("has no value where one must stand (RFC 8259, Section 3)")
}

func (r *reader) object(self int32, depth int) error {
	var names map[string]bool
	last := int32(-1)
	for more, err := r.open('}'); ; more, err = r.more('}') {
		if err != nil || !more {
			return err
		}
		if r.space(); r.at >= len(r.src) || r.src[r.at] != '"' {
			return r.wrong("has no member name where one must stand")
		}
		key, err := r.string()
		if err != nil {
			return err
		}
		if r.repeated(self, key, &names) {
			// RFC 8259, Section 4: what a parser makes of it is unpredictable.
			return r.wrong("repeats a member name")
		}
		if r.space(); r.at >= len(r.src) || r.src[r.at] != ':' {
			return r.wrong("has no colon after a member name")
		}
		r.at++
		next := int32(len(r.tree.nodes))
		if err := r.value(key, self, last, depth+1); err != nil {
			return err
		}
		last = next
	}
}

// repeated reports whether the object has a member of that name already.
func (r *reader) repeated(self int32, key string, names *map[string]bool) bool {
	nodes := r.tree.nodes
	if nodes[self].count < fewMembers {
		for i := nodes[self].first; i != 0; i = nodes[i].next {
			if nodes[i].key == key {
				return true
			}
		}
		return false
	}
	if *names == nil {
		*names = make(map[string]bool, 2*fewMembers)
		for i := nodes[self].first; i != 0; i = nodes[i].next {
			(*names)[nodes[i].key] = true
		}
	}
	if (*names)[key] {
		return true
	}
	(*names)[key] = true
	return false
}

func (r *reader) array(self int32, depth int) error {
	last := int32(-1)
	for more, err := r.open(']'); ; more, err = r.more(']') {
		if err != nil || !more {
			return err
		}
		next := int32(len(r.tree.nodes))
		if err := r.value("", self, last, depth+1); err != nil {
			return err
		}
		last = next
	}
}

// open passes the opening sign and reports whether anything is inside.
func (r *reader) open(end byte) (bool, error) {
	r.at++
	if r.space(); r.at < len(r.src) && r.src[r.at] == end {
		r.at++
		return false, nil
	}
	return true, nil
}

// more passes a comma, or the end.
func (r *reader) more(end byte) (bool, error) {
	r.space()
	if r.at >= len(r.src) || r.src[r.at] != ',' && r.src[r.at] != end {
		return false, r.wrong("has neither a comma nor an end after a value")
	}
	r.at++
	return r.src[r.at-1] == ',', nil
}

// number passes a number (RFC 8259, Section 6). Its length and exponent are bounded,
// because some parsers read any and some lose digits.
func (r *reader) number() (string, error) {
	n := numberLength(r.src[r.at:])
	if n == 0 {
		return "", r.wrong("has a number that is none (RFC 8259, Section 6)")
	}
	s := r.src[r.at : r.at+n]
	if !reasonable(s) {
		return "", r.wrong("has a number that is too long or too large")
	}
	r.at += n
	return s, nil
}

// numberLength is the length of the JSON number that s begins with, 0 for none.
func numberLength(s string) int {
	i := 0
	digits := func() bool {
		from := i
		for i < len(s) && s[i] >= '0' && s[i] <= '9' {
			i++
		}
		return i > from
	}
	if i < len(s) && s[i] == '-' {
		i++
	}
	zero := i < len(s) && s[i] == '0'
	from := i
	if !digits() || zero && i > from+1 {
		return 0
	}
	if i < len(s) && s[i] == '.' {
		if i++; !digits() {
			return 0
		}
	}
	if i < len(s) && s[i]|0x20 == 'e' {
		if i++; i < len(s) && (s[i] == '+' || s[i] == '-') {
			i++
		}
		if !digits() {
			return 0
		}
	}
	return i
}

// reasonable reports whether a JSON number is one that every parser holds.
func reasonable(s string) bool {
	if len(s) > maxNumber {
		return false
	}
	if e := strings.IndexAny(s, "eE"); e >= 0 {
		exponent := strings.TrimLeft(strings.TrimLeft(s[e+1:], "+-"), "0")
		return len(exponent) < 3 || len(exponent) == 3 && exponent <= "300"
	}
	return true
}

// string passes a string and returns what it means. Without escapes it is a part of the
// source.
func (r *reader) string() (string, error) {
	r.at++
	from := r.at
	for r.at < len(r.src) {
		switch c := r.src[r.at]; {
		case c == '"':
			r.at++
			return r.src[from : r.at-1], nil
		case c == '\\':
			return r.escaped(from)
		case c < ' ':
			return "", r.wrong("has a control character in a string (RFC 8259, Section 7)")
		}
		r.at++
	}
	return "", r.wrong("ends within a string")
}

func (r *reader) escaped(from int) (string, error) {
	b := append(make([]byte, 0, r.at-from+32), r.src[from:r.at]...)
	for r.at < len(r.src) {
		switch c := r.src[r.at]; {
		case c == '"':
			r.at++
			return string(b), nil
		case c < ' ':
			return "", r.wrong("has a control character in a string (RFC 8259, Section 7)")
		case c != '\\':
			b = append(b, c)
			r.at++
		default:
			var err error
			if b, err = r.escape(b); err != nil {
				return "", err
			}
		}
	}
	return "", r.wrong("ends within a string")
}

// escape appends what the escape at the cursor means.
func (r *reader) escape(b []byte) ([]byte, error) {
	if r.at+1 >= len(r.src) {
		return b, r.wrong("ends within a string")
	}
	c := r.src[r.at+1]
	if i := strings.IndexByte(`"\/bfnrt`, c); i >= 0 {
		r.at += 2
		return append(b, "\"\\/\b\f\n\r\t"[i]), nil
	}
	u, ok := r.unit(r.at)
	if !ok {
		return b, r.wrong("has an escape that is none (RFC 8259, Section 7)")
	}
	r.at += 6
	if !utf16.IsSurrogate(u) {
		return utf8.AppendRune(b, u), nil
	}
	low, ok := r.unit(r.at)
	pair := utf16.DecodeRune(u, low)
	if !ok || pair == utf8.RuneError {
		return b, r.wrong("has half of a surrogate pair, which parsers read differently (RFC 8259, Section 8.2)")
	}
	r.at += 6
	return utf8.AppendRune(b, pair), nil
}

// unit reads \uXXXX.
func (r *reader) unit(at int) (rune, bool) {
	if at+6 > len(r.src) || r.src[at] != '\\' || r.src[at+1] != 'u' {
		return 0, false
	}
	var u rune
	for _, c := range []byte(r.src[at+2 : at+6]) {
		d, ok := unhex(c)
		if !ok {
			return 0, false
		}
		u = u<<4 | rune(d)
	}
	return u, true
}

func unhex(c byte) (byte, bool) {
	switch {
	case c >= '0' && c <= '9':
		return c - '0', true
	case c|0x20 >= 'a' && c|0x20 <= 'f':
		return c | 0x20 - 'a' + 10, true
	}
	return 0, false
}
