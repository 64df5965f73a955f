package nature

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"unicode"
)

// member is one field of a struct that goes out.
type member struct {
	goName    string
	name      string // in JSON
	quotedKey string // `"name":` escaped
	index     []int
	depth     int
	tagged    bool // its JSON name stands in a tag
	omitEmpty bool
	omitZero  bool
	quoted    bool // json:",string"
	inJSON    bool // no other field hides it there
	inView    bool // the same by its Go name
	plan      *plan
}

// declares reports whether a struct type has a field with an `out` tag.
func declares(t reflect.Type) bool {
	if t.Kind() != reflect.Struct {
		return false
	}
	for i := range t.NumField() {
		if _, ok := t.Field(i).Tag.Lookup("out"); ok {
			return true
		}
	}
	return false
}

// members plans the fields of a struct, those of embedded structs among them, by the
// rules of encoding/json: of two fields with one name the less deep one counts, then the
// tagged one, then none.
func (c *compiler) members(t reflect.Type) []member {
	var all []member
	c.collect(&all, t, nil, map[reflect.Type]bool{})
	for i := range all {
		m := &all[i]
		m.inJSON, m.inView = m.name != "", true
		for j := range all {
			o := &all[j]
			m.inJSON = m.inJSON && (i == j || o.name != m.name || o.depth > m.depth || o.depth == m.depth && m.tagged && !o.tagged)
			m.inView = m.inView && (i == j || o.goName != m.goName || o.depth > m.depth)
		}
	}
	return slices.DeleteFunc(all, func(m member) bool { return m.plan.form == asNothing })
}

func (c *compiler) collect(all *[]member, t reflect.Type, index []int, within map[reflect.Type]bool) {
	if within[t] {
		return
	}
	within[t] = true
	defer delete(within, t)
	for i := range t.NumField() {
		f := t.Field(i)
		at := append(slices.Clone(index), i)
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		if inner := embedded(f); inner != nil && name == "" && f.Tag.Get("out") != "never" {
			c.collect(all, inner, at, within)
			continue
		}
		if !f.IsExported() {
			continue
		}
		m := member{goName: f.Name, name: name, index: at, depth: len(at), tagged: name != ""}
		if !validKey(name) {
			m.name, m.tagged = f.Name, false
		}
		if f.Tag.Get("json") == "-" {
			m.name = "" // a view has it, JSON has not
		}
		c.member(&m, t, f, options)
		*all = append(*all, m)
	}
}

// validKey reports whether encoding/json takes name from a tag.
func validKey(name string) bool {
	return name != "" && !strings.ContainsFunc(name, func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune("!#$%&()*+-./:;<=>?@[]^_{|}~ ", r)
	})
}

// embedded returns the struct type of an embedded field, nil when it is none.
func embedded(f reflect.StructField) reflect.Type {
	t := f.Type
	if f.Anonymous && t.Kind() == reflect.Pointer && f.IsExported() {
		t = t.Elem()
	}
	if f.Anonymous && t.Kind() == reflect.Struct && formOf(t) == asStruct {
		return t
	}
	return nil
}

func (c *compiler) member(m *member, t reflect.Type, f reflect.StructField, options string) {
	tag, declared := f.Tag.Lookup("out")
	var d Declaration
	if declared {
		var err error
		if d, err = ParseTag(tag); err != nil {
			c.fail(t, "field %s: %w", f.Name, err)
		}
	}
	if declared && d.Nature == AsNever {
		m.plan = &plan{typ: f.Type}
	} else {
		m.plan = c.plan(f.Type, d)
	}
	if !declared && m.plan.form == asNothing {
		c.missing = append(c.missing, fmt.Sprintf("%s.%s", t, f.Name))
	}
	for option := range strings.SplitSeq(options, ",") {
		m.omitEmpty = m.omitEmpty || option == "omitempty"
		m.omitZero = m.omitZero || option == "omitzero"
		m.quoted = m.quoted || option == "string" && quotable(m.plan)
	}
	m.quotedKey = string(appendString(nil, m.name)) + ":"
}

// quotable reports whether json:",string" means something for a plan.
func quotable(p *plan) bool {
	if p.form == asPointer {
		p = p.elem
	}
	return p.form == asBool || p.form == asInt || p.form == asUint || p.form == asFloat || p.form == asString
}

// of returns the field's value; false below an embedded pointer that is nil.
func (m *member) of(v reflect.Value) (reflect.Value, bool) {
	for i, at := range m.index {
		if i > 0 && v.Kind() == reflect.Pointer {
			if v.IsNil() {
				return v, false
			}
			v = v.Elem()
		}
		v = v.Field(at)
	}
	return v, true
}

// empty is what json:",omitempty" leaves out.
func empty(v reflect.Value) bool {
	switch v.Kind() {
	case reflect.Array, reflect.Map, reflect.Slice, reflect.String:
		return v.Len() == 0
	case reflect.Bool, reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr,
		reflect.Float32, reflect.Float64, reflect.Interface, reflect.Pointer:
		return v.IsZero()
	}
	return false
}

// zero is what json:",omitzero" leaves out.
func zero(v reflect.Value) bool {
	if z, ok := v.Interface().(interface{ IsZero() bool }); ok && (v.Kind() != reflect.Pointer || !v.IsNil()) {
		return z.IsZero()
	}
	return v.IsZero()
}
