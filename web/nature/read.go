package nature

import (
	"database/sql/driver"
	"encoding"
	"fmt"
	"reflect"
)

// textOf reads a datum of form asString or asMarsh.
func textOf(p *plan, v reflect.Value) (string, error) {
	if p.form == asMarsh {
		b, err := addressed(v).(encoding.TextMarshaler).MarshalText()
		if err != nil {
			return "", fmt.Errorf("%s: %w", p.typ, err)
		}
		return string(b), nil
	}
	if v.Kind() == reflect.Struct { // one of the data types of this package
		return v.Field(0).String(), nil
	}
	return v.String(), nil
}

// valueOf reads a datum of form asValuer as the database would get it: nil, or one of
// the types of driver.Value.
func valueOf(p *plan, v reflect.Value) (any, error) {
	var value any = addressed(v)
	for range 4 { // sql.Null of a Valuer is one twice
		again, ok := value.(driver.Valuer)
		if !ok {
			break
		}
		var err error
		if value, err = again.Value(); err != nil {
			return nil, fmt.Errorf("%s: %w", p.typ, err)
		}
	}
	return value, nil
}

// keyOf reads the key of a map.
func keyOf(p *plan, k reflect.Value) (string, error) {
	switch p.key {
	case asInt, asUint:
		return fmt.Sprint(k.Interface()), nil
	}
	return textOf(&plan{form: p.key, typ: p.typ.Key()}, k)
}

// dynamic returns the plan of what stands in an interface. What has no nature of its own
// is of that of the field.
func (o *Output) dynamic(p *plan, v reflect.Value) (*plan, error) {
	q, err := o.plan(v.Type(), p.decl)
	if err == nil && q.form == asNothing {
		err = fmt.Errorf("%s: a value of this type is of no nature", v.Type())
	}
	return q, err
}
