package nature

import (
	"database/sql/driver"
	"encoding"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"time"
)

// form is how a Go value is read.
type form uint8

const (
	asNothing form = iota // never: it is not even looked at
	asStruct
	asPointer
	asList
	asMap
	asAny
	asBool
	asInt
	asUint
	asFloat
	asString
	asBytes
	asTime
	asJSON   // json.Marshaler
	asMarsh  // encoding.TextMarshaler
	asValuer // driver.Valuer
)

// plan is how values of one type go out under one declaration. It is made once.
type plan struct {
	form   form
	key    form // of a map: how its keys are read
	decl   Declaration
	policy *Policy // of html
	elem   *plan   // of a pointer, list or map
	fields []member
	typ    reflect.Type
	err    error // what is wrong with the declarations; of the outermost plan
}

type planKey struct {
	t reflect.Type
	d Declaration
}

// compiler makes the plans of a type and of all that it contains.
type compiler struct {
	policies *Policies
	made     map[planKey]*plan // also those under way: types may be recursive
	failed   error
	missing  []string // fields without a declaration
}

func (c *compiler) fail(t reflect.Type, format string, args ...any) {
	c.failed = errors.Join(c.failed, fmt.Errorf("%s: %w", t, fmt.Errorf(format, args...)))
}

func (c *compiler) plan(t reflect.Type, d Declaration) *plan {
	key := planKey{t, d}
	if p := c.made[key]; p != nil {
		return p
	}
	p := &plan{typ: t, decl: d}
	c.made[key] = p
	if own, ok := carried(t); ok && d.Nature == AsNever && own != AsHTML {
		p.decl.Nature = own
	}
	p.form = formOf(t)
	switch p.form {
	case asPointer, asList, asMap:
		c.composite(p, d)
	case asStruct:
		c.structure(p)
	default:
		c.leaf(p)
	}
	return p
}

// composite plans what contains values of one type.
func (c *compiler) composite(p *plan, d Declaration) {
	if p.form == asMap {
		if d.Nature == AsNever { // its keys are data too, and nobody said of which nature
			p.form = asNothing
			return
		}
		switch p.key = formOf(p.typ.Key()); p.key {
		case asString, asInt, asUint, asMarsh:
		default:
			c.fail(p.typ, "its keys are no text (use strings or numbers)")
		}
	}
	p.elem = c.plan(p.typ.Elem(), d)
	if p.elem.form == asNothing {
		p.form = asNothing
	}
}

func (c *compiler) structure(p *plan) {
	if n := p.decl.Nature; n != AsNever && n != AsText {
		c.fail(p.typ, "declared %s, but its own fields have declarations (remove that of the whole)", p.decl)
	}
	p.fields = c.members(p.typ)
}

// leaf plans a single datum.
func (c *compiler) leaf(p *plan) {
	n := p.decl.Nature
	if n == AsNever {
		p.form = asNothing
		return
	}
	if own, ok := carried(p.typ); ok && own != n {
		c.fail(p.typ, "is of nature %s and declared %s (declare it as it is)", own, n)
	}
	if n != AsText && p.form != asString && p.form != asMarsh && p.form != asValuer {
		c.fail(p.typ, "declared %s, which only text can be (declare it text)", p.decl)
	}
	if n == AsHTML {
		var err error
		if p.policy, err = c.policies.Get(p.decl.Policy); err != nil {
			c.fail(p.typ, "%w", err)
		}
	}
}

// carried is the nature that a data type of this package has by itself.
func carried(t reflect.Type) (Nature, bool) {
	switch t {
	case reflect.TypeFor[Text]():
		return AsText, true
	case reflect.TypeFor[URL]():
		return AsURL, true
	case reflect.TypeFor[Markdown]():
		return AsMarkdown, true
	case reflect.TypeFor[HTML]():
		return AsHTML, true
	}
	return AsNever, false
}

func formOf(t reflect.Type) form {
	if _, ok := carried(t); ok {
		return asString
	}
	if t == reflect.TypeFor[time.Time]() {
		return asTime
	}
	if k := t.Kind(); k == reflect.Pointer {
		return asPointer
	} else if k == reflect.Interface {
		return asAny
	}
	// A type whose fields are declared is read by them, whatever methods it has: a
	// MarshalJSON of its own would put out what is never.
	if !declares(t) {
		switch {
		case implements[json.Marshaler](t):
			return asJSON
		case implements[encoding.TextMarshaler](t):
			return asMarsh
		case implements[driver.Valuer](t):
			return asValuer
		}
	}
	return formOfKind(t)
}

func formOfKind(t reflect.Type) form {
	switch t.Kind() {
	case reflect.Struct:
		return asStruct
	case reflect.Slice:
		if t.Elem().Kind() == reflect.Uint8 {
			return asBytes
		}
		return asList
	case reflect.Array:
		return asList
	case reflect.Map:
		return asMap
	case reflect.Bool:
		return asBool
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return asInt
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		return asUint
	case reflect.Float32, reflect.Float64:
		return asFloat
	case reflect.String:
		return asString
	}
	return asNothing // channels, functions, complex numbers: nothing to put out
}

func implements[I any](t reflect.Type) bool {
	i := reflect.TypeFor[I]()
	return t.Implements(i) || reflect.PointerTo(t).Implements(i)
}

// addressed returns v so that methods of its pointer can be called.
func addressed(v reflect.Value) any {
	p := reflect.New(v.Type())
	p.Elem().Set(v)
	return p.Interface()
}
