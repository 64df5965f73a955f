package config

import (
	"fmt"

	"github.com/sanmon-gate/sanmon/web/nature"
)

// maxFields bounds the declared fields of a route.
const maxFields = 1000

func fieldName() scalar {
	return plain("name of a field", `^[^\x00-\x20"'<>&=\x7f]{1,128}$`, "write the name of a form field, or of a JSON member with the ones around it: post.body")
}

// natureWord is the nature of a field, with a policy that exists.
func natureWord() scalar {
	const want = `write text, url, markdown, never, "html(ugc)" or "html(basic)"`
	pattern := fmt.Sprintf(`^(text|url|markdown|never|html\((%s|%s)\))$`, nature.UGC, nature.Basic)
	return scalar{name: "nature", want: want, schema: map[string]any{"pattern": pattern}, parse: func(s string) (any, error) {
		if _, err := nature.NewFields(map[string]string{"field": s}); err != nil {
			return nil, wrong{show(s) + " is not a nature", want}
		}
		return s, nil
	}}
}

// fields reads the declared natures. A route without them judges none.
func (b *builder) fields(r *Route, name string, f, mode *field) {
	r.FieldsMode = Mode(mode.text())
	if mode.set && !f.set {
		b.warn(mode.at, "add fields, or remove it", "%s has input.fields and declares no fields", name)
	}
	if len(f.order) > maxFields {
		b.fault(f.at, "leave out those that are text", "%s declares more than %d fields", name, maxFields)
		return
	}
	if !f.set || f.form != mapping {
		return
	}
	r.Fields = make(map[string]string, len(f.order))
	for _, field := range f.order {
		r.Fields[field] = f.keys[field].text()
	}
}
