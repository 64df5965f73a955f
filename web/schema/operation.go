package schema

import (
	"errors"
	"fmt"
	"maps"
	"mime"
	"slices"
	"strings"
)

// body is what an operation takes as body.
type body struct {
	required bool
	types    []media // the most exact first
}

// media is one media type of a body.
type media struct {
	name string // "application/json", "text/*", "*/*"
	form form
	rule *rule
	open bool // a schema in it names members and says nothing about others
}

// form is how a body is read.
type form uint8

const (
	opaque     form = iota // not read: only its type is declared
	jsonForm               // application/json and +json
	urlencoded             // application/x-www-form-urlencoded
	multipartForm
	plainText
)

func (b *builder) fillOperation(o *Operation, item map[string]any, at string, about map[string]any, place string) error {
	declared, err := b.parameterObjects(item, at, about, place)
	if err != nil {
		return err
	}
	for _, d := range declared {
		p, err := b.parameter(d.object, d.at)
		if err != nil {
			return err
		}
		if p.in != "" {
			o.parameters = append(o.parameters, p)
		}
	}
	o.schemes = b.querySchemes()
	if about["requestBody"] == nil {
		return nil
	}
	object, bodyAt, err := deref(b.root, about["requestBody"], place+"/requestBody")
	if err != nil {
		return err
	}
	o.body, err = b.requestBody(object, bodyAt)
	return err
}

type located struct {
	object map[string]any
	at     string
}

// parameterObjects lists the parameters of an operation and of its path; the
// operation's own count where both name one (OAS 3.1.1, Section 4.8.10).
func (b *builder) parameterObjects(item map[string]any, at string, about map[string]any, place string) ([]located, error) {
	var all []located
	taken := map[string]bool{}
	for _, from := range []located{{about, place}, {item, at}} {
		list, ok := from.object["parameters"].([]any)
		if !ok && from.object["parameters"] != nil {
			return nil, errors.New("parameters is no list")
		}
		for i, raw := range list {
			object, where, err := deref(b.root, raw, from.at+pointerOf("parameters", fmt.Sprint(i)))
			if err != nil {
				return nil, err
			}
			key := fmt.Sprintf("%v %v", object["in"], object["name"])
			if !taken[key] {
				taken[key] = true
				all = append(all, located{object, where})
			}
		}
	}
	return all, nil
}

// querySchemes are query parameters that carry credentials of the backend's own.
func (b *builder) querySchemes() []string {
	components, _ := b.root["components"].(map[string]any)
	schemes, _ := components["securitySchemes"].(map[string]any)
	var all []string
	for _, name := range slices.Sorted(maps.Keys(schemes)) {
		s, _ := schemes[name].(map[string]any)
		if key, _ := s["name"].(string); s["in"] == "query" && key != "" {
			all = append(all, key)
		}
	}
	return all
}

func (b *builder) requestBody(object map[string]any, at string) (*body, error) {
	content, _ := object["content"].(map[string]any)
	if len(content) == 0 {
		return nil, fmt.Errorf("%s has no content", at)
	}
	out := &body{}
	out.required, _ = object["required"].(bool)
	for _, name := range slices.Sorted(maps.Keys(content)) {
		about, ok := content[name].(map[string]any)
		if !ok {
			return nil, fmt.Errorf("%s: content of %s is no object", at, clip(name))
		}
		m, err := b.media(name, about, at+pointerOf("content", name))
		if err != nil {
			return nil, err
		}
		out.types = append(out.types, m)
	}
	slices.SortStableFunc(out.types, func(x, y media) int { return exactness(y.name) - exactness(x.name) })
	return out, nil
}

func exactness(name string) int {
	switch {
	case name == "*/*":
		return 0
	case strings.HasSuffix(name, "/*"):
		return 1
	}
	return 2
}

func (b *builder) media(name string, about map[string]any, at string) (media, error) {
	plain, _, err := mime.ParseMediaType(name)
	if err != nil {
		return media{}, fmt.Errorf("%s: %s is no media type", at, clip(name))
	}
	m := media{name: plain, form: formOf(plain)}
	if schema, ok := about["schema"]; ok && m.form != opaque {
		if m.rule, err = b.compile(schema, at+"/schema"); err != nil {
			return media{}, err
		}
	}
	if m.rule == nil && (m.form == urlencoded || m.form == multipartForm) {
		m.rule = newRule()
		b.made = append(b.made, m.rule)
	}
	return m, nil
}

func formOf(name string) form {
	switch {
	case name == "application/json" || strings.HasSuffix(name, "+json"):
		return jsonForm
	case name == "application/x-www-form-urlencoded":
		return urlencoded
	case name == "multipart/form-data":
		return multipartForm
	case strings.HasPrefix(name, "text/"):
		return plainText
	}
	return opaque
}

// settle fills in what depends on all rules being compiled.
func (o *Operation) settle() {
	for i := range o.parameters {
		p := &o.parameters[i]
		if p.settle(); p.unclear && o.Unjudged == nil {
			o.Unjudged = fmt.Errorf("parameter %s: an object in %s, in this style, is not understood", clip(p.name), p.in)
		}
	}
	if o.body != nil {
		for i := range o.body.types {
			m := &o.body.types[i]
			m.open = m.rule.opens(map[*rule]bool{})
		}
	}
}
