package nature

import (
	"encoding/base64"
	"fmt"
	"reflect"
	"strconv"
	"time"
)

// View is a struct in a view: its fields by their Go names.
type View = map[string]any

// View returns v for html/template: structs as View, lists as []any, maps as
// map[string]any, and in them strings, numbers, booleans and times, which the template
// escapes for the place where they stand. Only what a policy has sanitised is
// template.HTML. What is never is not there: give the template the option
// "missingkey=error", and using it is an error.
//
// v is a struct whose fields are declared, or a pointer, list or map of such.
func (o *Output) View(v any) (any, error) {
	p, err := o.outermost(v)
	if err != nil {
		return nil, fmt.Errorf("view: %w", err)
	}
	out, err := o.view(p, reflect.ValueOf(v), 0)
	if err != nil {
		return nil, fmt.Errorf("view %T: %w", v, err)
	}
	return out, nil
}

// outermost returns the plan of a whole value.
func (o *Output) outermost(v any) (*plan, error) {
	t := reflect.TypeOf(v)
	if t == nil {
		return nil, fmt.Errorf("nil has no type, so no nature (pass a struct whose fields are declared)")
	}
	d := Declaration{}
	for e := t; ; e = e.Elem() { // the keys of an outermost map are text
		if e.Kind() == reflect.Map {
			d.Nature = AsText
		} else if e.Kind() != reflect.Pointer && e.Kind() != reflect.Slice && e.Kind() != reflect.Array {
			if d.Nature == AsText && formOf(e) != asStruct {
				d.Nature = AsNever
			}
			break
		}
	}
	p, err := o.plan(t, d)
	if err == nil && p.form == asNothing {
		err = fmt.Errorf("%s has no nature (pass a struct whose fields are declared)", t)
	}
	return p, err
}

func (o *Output) view(p *plan, v reflect.Value, depth int) (any, error) {
	if depth > maxNesting {
		return nil, fmt.Errorf("the value nests deeper than %d (it may contain itself)", maxNesting)
	}
	switch p.form {
	case asStruct:
		return o.viewStruct(p, v, depth)
	case asPointer:
		if v.IsNil() {
			return nil, nil
		}
		return o.view(p.elem, v.Elem(), depth+1)
	case asList:
		return o.viewList(p, v, depth)
	case asMap:
		return o.viewMap(p, v, depth)
	case asAny:
		if v.IsNil() {
			return nil, nil
		}
		q, err := o.dynamic(p, v.Elem())
		if err != nil {
			return nil, err
		}
		return o.view(q, v.Elem(), depth+1)
	}
	return o.viewDatum(p, v)
}

func (o *Output) viewStruct(p *plan, v reflect.Value, depth int) (any, error) {
	out := make(View, len(p.fields))
	for i := range p.fields {
		m := &p.fields[i]
		field, ok := m.of(v)
		if !ok || !m.inView {
			continue
		}
		value, err := o.view(m.plan, field, depth+1)
		if err != nil {
			return nil, fmt.Errorf("field %s: %w", m.goName, err)
		}
		out[m.goName] = value
	}
	return out, nil
}

func (o *Output) viewList(p *plan, v reflect.Value, depth int) (any, error) {
	out := make([]any, v.Len())
	for i := range out {
		var err error
		if out[i], err = o.view(p.elem, v.Index(i), depth+1); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func (o *Output) viewMap(p *plan, v reflect.Value, depth int) (any, error) {
	out := make(map[string]any, v.Len())
	for entry := v.MapRange(); entry.Next(); {
		key, err := keyOf(p, entry.Key())
		if err != nil {
			return nil, err
		}
		if out[key], err = o.view(p.elem, entry.Value(), depth+1); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// viewDatum gives a datum as a plain Go type, so that no type of the program's own can
// tell html/template that it is safe.
func (o *Output) viewDatum(p *plan, v reflect.Value) (any, error) {
	switch p.form {
	case asBool:
		return v.Bool(), nil
	case asInt:
		return v.Int(), nil
	case asUint:
		return v.Uint(), nil
	case asFloat:
		if v.Kind() == reflect.Float32 { // 0.1 stays 0.1
			return float32(v.Float()), nil
		}
		return v.Float(), nil
	case asTime:
		return v.Interface(), nil
	case asBytes:
		return base64.StdEncoding.EncodeToString(v.Bytes()), nil
	case asString, asMarsh:
		s, err := textOf(p, v)
		if err != nil {
			return nil, err
		}
		return o.text(p, s)
	case asValuer:
		value, err := valueOf(p, v)
		if err != nil {
			return nil, err
		}
		return o.viewValue(p, value)
	case asJSON:
		if s, ok := addressed(v).(fmt.Stringer); ok {
			return s.String(), nil
		}
	}
	return nil, fmt.Errorf("%s: has no text for a page (give it MarshalText or String, or declare it never)", p.typ)
}

// viewValue gives what a database would get.
func (o *Output) viewValue(p *plan, value any) (any, error) {
	switch v := value.(type) {
	case nil:
		return nil, nil
	case string:
		return o.text(p, v)
	case []byte:
		return o.text(p, string(v))
	case int64, float64, bool, time.Time:
		if p.decl.Nature != AsText {
			return nil, fmt.Errorf("%s: declared %s, and holds %T", p.typ, p.decl, v)
		}
		return v, nil
	}
	return nil, fmt.Errorf("%s: its database value is %s, which is no datum", p.typ, strconv.Quote(fmt.Sprintf("%T", value)))
}
