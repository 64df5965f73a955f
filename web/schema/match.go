package schema

import (
	"strings"

	"github.com/sanmon-gate/sanmon/exchange"
	"github.com/sanmon-gate/sanmon/refusal"
)

// Match is a request whose operation was found. It is for one goroutine.
type Match struct {
	*Operation

	// Undeclared names the first member of a body that an open schema does not have, as
	// a refusal to report. Body fills it in; nil: there is none.
	Undeclared *refusal.Refusal

	document *Document
	values   []string // decoded segments of the path
}

// Find returns the operation of a request: method, and path as it came, still encoded. A
// request that the document does not have, or that cannot be judged, is refused as
// input_invalid.
func (d *Document) Find(method, path string) (Match, error) {
	o, values, known := d.router.find(method, path)
	switch {
	case o == nil && known:
		return Match{}, unknown("the OpenAPI document has this path, but not with the method %s (add it there, or set input.openapi: off)", method)
	case o == nil:
		return Match{}, unknown("the OpenAPI document has no operation for this %s request (add it there, or set input.openapi: off)", method)
	case o.Unjudged != nil:
		return Match{}, unknown("%s %s cannot be judged: %v (change the document, or set input.openapi: observe)", o.Method, o.Path, o.Unjudged)
	}
	return Match{Operation: o, document: d, values: values}, nil
}

func unknown(format string, args ...any) error {
	no := refusal.New(refusal.InputInvalid, format, args...)
	no.Detail = "The interface of this application has no such request."
	return no
}

// HasBody reports whether the operation declares a body at all.
func (m *Match) HasBody() bool { return m.body != nil }

// judge takes a judge out of the pool.
func (d *Document) judge() *judge {
	j, _ := d.judges.Get().(*judge)
	if j == nil {
		j = &judge{}
	}
	j.reset()
	return j
}

// maxKept is how large a judge may be that is kept for another request, in values.
const maxKept = 4096

func (d *Document) give(j *judge) {
	if cap(j.tree.nodes) <= maxKept {
		j.tree.reset()
		d.judges.Put(j)
	}
}

// Parameters judges path, query, header and cookie parameters. query is what will be
// forwarded. The error is a refusal.
func (m *Match) Parameters(query string, f exchange.Fields) error {
	if len(m.parameters) == 0 && query == "" {
		return nil
	}
	pairs, err := readPairs(query)
	if err != nil {
		return m.invalid("query " + err.Error() + ".")
	}
	j := m.document.judge()
	defer m.document.give(j)
	for i := range m.parameters {
		if err := m.parameter(j, &m.parameters[i], pairs, f); err != nil {
			return err
		}
	}
	for _, p := range pairs {
		if !p.used && !m.scheme(p.name) {
			return m.invalid("query " + strings.TrimPrefix(member("", p.name), ".") + " is not a known parameter (unknown).")
		}
	}
	return nil
}

func (m *Match) scheme(name string) bool {
	for _, s := range m.schemes {
		if s == name {
			return true
		}
	}
	return false
}

// parameter judges one declared parameter.
func (m *Match) parameter(j *judge, p *parameter, pairs []pair, f exchange.Fields) error {
	root := p.in + " " + p.shown()
	if p.object {
		return m.objectParameter(j, p, pairs, root)
	}
	texts, err := m.texts(p, pairs, f)
	switch {
	case err != nil:
		return err
	case len(texts) == 0 && p.required:
		return m.invalid(root + " is missing (required).")
	case len(texts) == 0:
		return nil
	}
	if len(texts) > 1 && !p.list {
		return m.invalid(root + " is sent more than once (single).")
	}
	j.reset()
	ok := true
	switch {
	case p.json:
		if err := readJSON([]byte(texts[0]), &j.tree); err != nil {
			return m.invalid(root + " " + err.Error() + " (json).")
		}
		ok = j.holds(p.rule, 0, nil)
	case p.list:
		j.tree.add(node{kind: array}, -1, -1)
		j.items(p.rule, 0, texts)
		ok = j.holds(p.rule, 0, nil)
		if !ok && len(texts) == 1 { // a list or a single value
			j.reset()
			j.tree.add(j.pick(p.rule, texts[0]), -1, -1)
			ok = j.holds(p.rule, 0, nil)
		}
	default:
		j.tree.add(j.pick(p.rule, texts[0]), -1, -1)
		ok = j.holds(p.rule, 0, nil)
	}
	if !ok {
		return m.invalid(j.tell(root))
	}
	return nil
}

// shown is the name of a parameter, which the document chose.
func (p *parameter) shown() string { return clip(p.name) }

// texts collects what the request has for a parameter.
func (m *Match) texts(p *parameter, pairs []pair, f exchange.Fields) ([]string, error) {
	var found []string
	switch p.in {
	case "path":
		if v, ok := m.value(m.values, p.name); ok {
			found = append(found, v)
		}
	case "header":
		found = append(found, f.Values(p.name)...)
	case "cookie":
		found = cookies(f.Values("Cookie"), p.name)
	default:
		for i := range pairs {
			if pairs[i].name == p.name {
				pairs[i].used = true
				found = append(found, pairs[i].value)
			}
		}
	}
	for _, s := range found {
		if !readable(s) {
			return nil, m.invalid(p.in + " " + p.shown() + " is not valid UTF-8 (encoding).")
		}
	}
	if p.list && p.between != "" {
		return split(found, p.between), nil
	}
	return found, nil
}

// split cuts lists that stand in one text.
func split(texts []string, between string) []string {
	var all []string
	for _, s := range texts {
		for item := range strings.SplitSeq(s, between) {
			all = append(all, strings.Trim(item, " \t"))
		}
	}
	return all
}

// objectParameter judges an object whose members are parameters: name[member]=value, or
// each under its own name.
func (m *Match) objectParameter(j *judge, p *parameter, pairs []pair, root string) error {
	var fields []entry
	for i := range pairs {
		name := pairs[i].name
		if p.deep {
			inner, ok := strings.CutPrefix(name, p.name+"[")
			inner, closed := strings.CutSuffix(inner, "]")
			if !ok || !closed || strings.ContainsAny(inner, "[]") {
				continue
			}
			name = inner
		} else if pairs[i].used || !p.rule.speaks(name) {
			continue
		}
		pairs[i].used = true
		fields = append(fields, entry{name: name, value: pairs[i].value})
	}
	if len(fields) == 0 && !p.required {
		return nil
	}
	j.reset()
	j.tree.add(node{kind: object}, -1, -1)
	if err := j.members(p.rule, fields); err != nil {
		return m.invalid(root + err.Error() + ".")
	}
	if !j.holds(p.rule, 0, nil) {
		return m.invalid(j.tell(root))
	}
	return nil
}
