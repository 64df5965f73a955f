package schema

import (
	"errors"
	"net/url"
	"strings"
	"unicode/utf8"
)

// maxPairs bounds the parameters of one query or form.
const maxPairs = 1000

// pair is one parameter of a query, decoded.
type pair struct {
	name, value string
	used        bool
}

// readPairs splits a query or an urlencoded body at "&" and decodes it once (WHATWG URL,
// Section 5.1). What parsers repair in different ways is an error.
func readPairs(s string) ([]pair, error) {
	if s == "" {
		return nil, nil
	}
	if strings.Count(s, "&") >= maxPairs {
		return nil, errors.New("has more than a thousand parameters (size)")
	}
	pairs := make([]pair, 0, strings.Count(s, "&")+1)
	for part := range strings.SplitSeq(s, "&") {
		if part == "" {
			continue
		}
		name, value, _ := strings.Cut(part, "=")
		name, err := url.QueryUnescape(name)
		if err == nil {
			value, err = url.QueryUnescape(value)
		}
		if err != nil {
			return nil, errors.New("has a % without two hexadecimal digits (encoding)")
		}
		if !readable(name) || !readable(value) {
			return nil, errors.New("is not valid UTF-8 (encoding)")
		}
		pairs = append(pairs, pair{name: name, value: value})
	}
	return pairs, nil
}

func readable(s string) bool { return utf8.ValidString(s) }

// cookies returns the values of a cookie, each once.
func cookies(lines []string, name string) []string {
	var all []string
	for _, line := range lines {
		for piece := range strings.SplitSeq(line, ";") {
			n, v, _ := strings.Cut(piece, "=")
			v = strings.Trim(v, " \t")
			if strings.Trim(n, " \t") == name && (len(all) == 0 || all[0] != v) {
				all = append(all, v)
			}
		}
	}
	return all
}

// isFlag reports whether a text stands for a boolean where all values are texts: as JSON
// writes it, as HTML checkboxes do (on), and as FastAPI reads it.
func isFlag(s string) (yes, ok bool) {
	switch strings.ToLower(s) {
	case "true", "1", "on", "yes", "y", "t":
		return true, true
	case "false", "0", "off", "no", "n", "f":
		return false, true
	}
	return false, false
}

// pick reads a text as the value that the rule wants: the first of a number, a boolean
// and the text itself that holds. Where none does, it is what could have been meant, so
// that the fault is about that.
func (j *judge) pick(r *rule, s string) node {
	plain := node{kind: text, text: s}
	if r == nil {
		return plain
	}
	best := plain
	if n := numberLength(s); n > 0 && n == len(s) && reasonable(s) && (r.shapes == 0 || r.shapes.has(number) || r.shapes&integers != 0) {
		c := node{kind: number, text: s}
		if j.tries(r, c) {
			return c
		}
		best = c
	}
	if yes, ok := isFlag(s); ok && (r.shapes == 0 || r.shapes.has(boolean)) {
		if c := (node{kind: boolean, yes: yes}); j.tries(r, c) {
			return c
		}
	}
	if r.shapes == 0 || r.shapes.has(text) {
		return plain
	}
	return best
}

// tries reports whether a value that is not in the tree holds.
func (j *judge) tries(r *rule, n node) bool {
	at := int32(len(j.tree.nodes))
	j.tree.nodes = append(j.tree.nodes, n)
	ok := j.holds(r, at, nil)
	j.tree.nodes = j.tree.nodes[:at]
	return ok
}

// items adds texts to an array.
func (j *judge) items(r *rule, self int32, texts []string) {
	last := int32(-1)
	for i, s := range texts {
		if j.tree.full() {
			j.work = -1
			return
		}
		n := j.pick(r.item(i), s)
		last = j.tree.add(n, self, last)
	}
}

// item is the rule of an item, of whichever schema in place has one.
func (r *rule) item(i int) *rule {
	for _, sub := range r.here {
		if i < len(sub.prefix) {
			return sub.prefix[i]
		}
		if sub.items != nil {
			return sub.items
		}
	}
	return nil
}

// of is the rule of a member, of whichever schema in place declares it.
func (r *rule) of(name string) (sub *rule, required bool) {
	for _, here := range r.here {
		p := here.members[name]
		if required = required || p.required; p.declared && sub == nil {
			sub = p.rule
		}
	}
	return sub, required
}

// speaks reports whether a schema in place has something to say about a member.
func (r *rule) speaks(name string) bool {
	for _, here := range r.here {
		if p := here.members[name]; p.declared || p.required {
			return true
		}
	}
	return false
}

// entry is one field of a form.
type entry struct {
	name, value string
	file, json  bool
	used        bool
}

// members adds the fields of a form to the object at node 0, each name once: as a list
// where one is declared.
func (j *judge) members(r *rule, fields []entry) error {
	last := int32(-1)
	for i := range fields {
		f := &fields[i]
		if f.used {
			continue
		}
		sub, required := r.of(f.name)
		same := j.alike(fields[i:], f.name)
		var err error
		if last, err = j.field(sub, required, f, same, last); err != nil {
			return err
		}
	}
	return nil
}

// alike collects the fields of one name.
func (j *judge) alike(fields []entry, name string) []string {
	var all []string
	for i := range fields {
		if fields[i].name == name {
			fields[i].used = true
			all = append(all, fields[i].value)
		}
	}
	return all
}

func (j *judge) field(r *rule, required bool, f *entry, values []string, last int32) (int32, error) {
	if j.tree.full() || !j.spend(1) {
		return last, errors.New(" has too many fields (size)")
	}
	list := r != nil && r.shapes.has(array)
	switch {
	case list && f.file:
		self := j.tree.add(node{kind: array, key: f.name}, 0, last)
		before := int32(-1)
		for _, v := range values {
			before = j.tree.add(node{kind: text, text: v, bytes: true}, self, before)
		}
		return self, nil
	case list && !f.json:
		self := j.tree.add(node{kind: array, key: f.name}, 0, last)
		j.items(r, self, values)
		return self, nil
	case len(values) > 1:
		return last, errors.New(member("", f.name) + " is sent more than once (single)")
	case f.file:
		return j.tree.add(node{kind: text, key: f.name, text: f.value, bytes: true}, 0, last), nil
	case f.json:
		next := int32(len(j.tree.nodes))
		in := reader{src: f.value, tree: &j.tree}
		if err := in.value(f.name, 0, last, 1); err != nil {
			return last, errors.New(member("", f.name) + " " + err.Error() + " (json)")
		}
		if in.space(); in.at < len(in.src) {
			return last, errors.New(member("", f.name) + " has something after its value (json)")
		}
		return next, nil
	}
	n := j.pick(r, f.value)
	if f.value == "" && !required && r != nil && !j.tries(r, n) {
		return last, nil // browsers send every field of a form
	}
	n.key = f.name
	return j.tree.add(n, 0, last), nil
}
