package nature

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strconv"
)

// Marshal returns v as JSON: what encoding/json makes of it with `json` tags, without
// what is never, addresses filtered, markup sanitised. "<", ">", "&", U+2028 and U+2029
// are escaped in every string, so that the result is inert where somebody takes it for
// HTML or puts it into a script.
func (o *Output) Marshal(v any) ([]byte, error) { return o.AppendJSON(nil, v) }

// AppendJSON appends what Marshal returns to b.
func (o *Output) AppendJSON(b []byte, v any) ([]byte, error) {
	p, err := o.outermost(v)
	if err != nil {
		return b, fmt.Errorf("marshal: %w", err)
	}
	out, err := o.json(b, p, reflect.ValueOf(v), 0)
	if err != nil {
		return b, fmt.Errorf("marshal %T: %w", v, err)
	}
	return out, nil
}

func (o *Output) json(b []byte, p *plan, v reflect.Value, depth int) ([]byte, error) {
	if depth > maxNesting {
		return b, fmt.Errorf("the value nests deeper than %d (it may contain itself)", maxNesting)
	}
	switch p.form {
	case asStruct:
		return o.jsonStruct(b, p, v, depth)
	case asPointer:
		if v.IsNil() {
			return append(b, "null"...), nil
		}
		return o.json(b, p.elem, v.Elem(), depth+1)
	case asList:
		return o.jsonList(b, p, v, depth)
	case asMap:
		return o.jsonMap(b, p, v, depth)
	case asAny:
		if v.IsNil() {
			return append(b, "null"...), nil
		}
		q, err := o.dynamic(p, v.Elem())
		if err != nil {
			return b, err
		}
		return o.json(b, q, v.Elem(), depth+1)
	}
	return o.jsonDatum(b, p, v)
}

func (o *Output) jsonStruct(b []byte, p *plan, v reflect.Value, depth int) ([]byte, error) {
	b = append(b, '{')
	first := true
	for i := range p.fields {
		m := &p.fields[i]
		field, ok := m.of(v)
		if !ok || !m.inJSON || m.omitEmpty && empty(field) || m.omitZero && zero(field) {
			continue
		}
		if !first {
			b = append(b, ',')
		}
		first = false
		b = append(b, m.quotedKey...)
		from := len(b)
		var err error
		if b, err = o.json(b, m.plan, field, depth+1); err != nil {
			return b, fmt.Errorf("field %s: %w", m.goName, err)
		}
		if m.quoted && !bytes.Equal(b[from:], []byte("null")) {
			b = appendString(b[:from], string(b[from:]))
		}
	}
	return append(b, '}'), nil
}

func (o *Output) jsonList(b []byte, p *plan, v reflect.Value, depth int) ([]byte, error) {
	if v.Kind() == reflect.Slice && v.IsNil() {
		return append(b, "null"...), nil
	}
	b = append(b, '[')
	for i := range v.Len() {
		if i > 0 {
			b = append(b, ',')
		}
		var err error
		if b, err = o.json(b, p.elem, v.Index(i), depth+1); err != nil {
			return b, err
		}
	}
	return append(b, ']'), nil
}

func (o *Output) jsonMap(b []byte, p *plan, v reflect.Value, depth int) ([]byte, error) {
	if v.IsNil() {
		return append(b, "null"...), nil
	}
	type entry struct {
		key   string
		value reflect.Value
	}
	entries := make([]entry, 0, v.Len())
	for e := v.MapRange(); e.Next(); {
		key, err := keyOf(p, e.Key())
		if err != nil {
			return b, err
		}
		entries = append(entries, entry{key, e.Value()})
	}
	slices.SortFunc(entries, func(a, b entry) int { return bytes.Compare([]byte(a.key), []byte(b.key)) })
	b = append(b, '{')
	for i, e := range entries {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(appendString(b, e.key), ':')
		var err error
		if b, err = o.json(b, p.elem, e.value, depth+1); err != nil {
			return b, err
		}
	}
	return append(b, '}'), nil
}

func (o *Output) jsonDatum(b []byte, p *plan, v reflect.Value) ([]byte, error) {
	switch p.form {
	case asBool:
		return strconv.AppendBool(b, v.Bool()), nil
	case asInt:
		return strconv.AppendInt(b, v.Int(), 10), nil
	case asUint:
		return strconv.AppendUint(b, v.Uint(), 10), nil
	case asFloat:
		return appendFloat(b, v.Float(), v.Type().Bits())
	case asTime, asJSON:
		return appendOwn(b, p, addressed(v))
	case asBytes:
		if v.IsNil() {
			return append(b, "null"...), nil
		}
		b = append(b, '"')
		b = base64.StdEncoding.AppendEncode(b, v.Bytes())
		return append(b, '"'), nil
	case asValuer:
		value, err := valueOf(p, v)
		if err == nil {
			value, err = o.viewValue(p, value)
		}
		if err != nil {
			return b, err
		}
		return appendOwn(b, p, value)
	}
	s, err := textOf(p, v)
	if err == nil {
		s, err = o.plain(p, s)
	}
	if err != nil {
		return b, err
	}
	return appendString(b, s), nil
}

// appendOwn appends what encoding/json makes of a datum: compact, and escaped as here.
func appendOwn(b []byte, p *plan, v any) ([]byte, error) {
	own, err := json.Marshal(v)
	if err != nil {
		return b, fmt.Errorf("%s: %w", p.typ, err)
	}
	return append(b, own...), nil
}
