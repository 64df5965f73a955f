package schema

import (
	"bytes"
	"mime"
	"strings"
	"unicode/utf8"

	"github.com/sanmon-gate/sanmon/exchange"
	"github.com/sanmon-gate/sanmon/refusal"
)

// MaxBody is the size of the largest body that can be judged, in bytes: it has to be
// read as a whole.
const MaxBody = 1 << 20

// Body judges a body, all of it and as it will be forwarded; empty is none. The error is
// a refusal: input_invalid, type_not_allowed or body_too_large.
func (m *Match) Body(f exchange.Fields, content []byte) error {
	switch {
	case len(content) == 0 && m.body != nil && m.body.required:
		return m.invalid("body is missing (required).")
	case len(content) == 0:
		return nil
	case m.body == nil:
		return m.invalid("body must not be there: the interface declares none (unknown).")
	case len(content) > MaxBody:
		return refusal.New(refusal.BodyTooLarge, "%s %s: the body has %d bytes, more than the %d that can be judged (set input.openapi: off for uploads)", m.Method, m.Path, len(content), MaxBody)
	}
	media, params, err := m.media(f)
	if err != nil {
		return err
	}
	if media.rule == nil && media.form != jsonForm {
		return nil // only the type is declared
	}
	j := m.document.judge()
	defer m.document.give(j)
	if err := m.read(j, media, params, content); err != nil {
		return err
	}
	if !j.holds(media.rule, 0, nil) {
		return m.invalid(j.tell("body"))
	}
	m.Undeclared = nil
	if media.open {
		m.report(j, media.rule)
	}
	return nil
}

// media finds the declared type of a body.
func (m *Match) media(f exchange.Fields) (*media, map[string]string, error) {
	if coding := exchange.First(f, "Content-Encoding"); coding != "" && !strings.EqualFold(coding, "identity") {
		return nil, nil, m.unlike("a compressed body cannot be judged (send it as it is)")
	}
	values := f.Values("Content-Type")
	if len(values) != 1 {
		return nil, nil, m.unlike("the request has no Content-Type, or several (send one)")
	}
	if strings.Contains(values[0], "*") { // RFC 2231 spellings are read differently by different backends
		return nil, nil, m.unlike("the Content-Type cannot be read in one way only")
	}
	name, params, err := mime.ParseMediaType(values[0])
	if err != nil {
		return nil, nil, m.unlike("the Content-Type cannot be read (RFC 9110, Section 8.3.1)")
	}
	for i := range m.body.types {
		t := &m.body.types[i]
		prefix, wild := strings.CutSuffix(t.name, "*")
		if t.name != name && (!wild || t.name != "*/*" && !strings.HasPrefix(name, prefix)) {
			continue
		}
		if wild {
			t = &media{name: name, form: formOf(name), rule: t.rule}
			if t.rule == nil && (t.form == urlencoded || t.form == multipartForm) {
				return nil, nil, m.unlike("the document declares no form here (declare the form's own type)")
			}
		}
		if set := params["charset"]; set != "" && !strings.EqualFold(set, "utf-8") && t.form != opaque && t.form != multipartForm {
			return nil, nil, m.unlike("a charset other than UTF-8 cannot be judged (send UTF-8)")
		}
		return t, params, nil
	}
	return nil, nil, m.unlike("the body's type is none of: " + m.body.names() + " (extend the document)")
}

func (b *body) names() string {
	var all []string
	for _, t := range b.types {
		all = append(all, t.name)
	}
	return strings.Join(all, ", ")
}

func (m *Match) unlike(why string) error {
	return refusal.New(refusal.TypeNotAllowed, "%s %s: %s", m.Method, m.Path, why)
}

// read makes a tree of a body.
func (m *Match) read(j *judge, t *media, params map[string]string, content []byte) error {
	switch t.form {
	case jsonForm:
		if err := readJSON(content, &j.tree); err != nil {
			return m.invalid("body " + err.Error() + " (json).")
		}
		return nil
	case urlencoded:
		pairs, err := readPairs(string(content))
		if err != nil {
			return m.invalid("body " + err.Error() + ".")
		}
		fields := make([]entry, len(pairs))
		for i, p := range pairs {
			fields[i] = entry{name: p.name, value: p.value}
		}
		return m.form(j, t, fields)
	case multipartForm:
		fields, err := readParts(params["boundary"], content)
		if err != nil {
			return m.invalid("body " + err.Error() + " (multipart).")
		}
		return m.form(j, t, fields)
	case plainText:
		if !utf8.Valid(content) {
			return m.invalid("body is not valid UTF-8 (encoding).")
		}
		j.tree.add(j.pick(t.rule, string(content)), -1, -1)
		return nil
	}
	j.tree.add(node{kind: text, text: string(content), bytes: true}, -1, -1)
	return nil
}

func (m *Match) form(j *judge, t *media, fields []entry) error {
	j.tree.add(node{kind: object}, -1, -1)
	if err := j.members(t.rule, fields); err != nil {
		return m.invalid("body" + err.Error() + ".")
	}
	return nil
}

// clean reports whether a delimiter may be one (RFC 2046, Section 5.1.1).
func clean(boundary string) bool {
	if boundary == "" || len(boundary) > 70 || strings.HasSuffix(boundary, " ") {
		return false
	}
	return !bytes.ContainsFunc([]byte(boundary), func(c rune) bool { return c < ' ' || c > '~' })
}
