package nature

import (
	"cmp"
	"errors"
	"fmt"
	"reflect"
	"slices"
)

// Entry is one place where markup may go out (M7).
type Entry struct {
	Type   string // "blog.Comment"
	Field  string
	Nature Nature // AsHTML, or AsMarkdown where there is a renderer
	Policy string
	Reason string
}

// Inventory lists every field of the given types, and of those they contain, that may go
// out as HTML: for a test that counts them, for a metric, for a review. Pass a value of
// each type. It also reports what is wrong with the declarations.
func (o *Output) Inventory(values ...any) ([]Entry, error) {
	var all []Entry
	err := o.each(values, func(t reflect.Type, m *member) {
		d := m.plan.markup()
		switch {
		case d.Nature == AsHTML:
			all = append(all, Entry{t.String(), m.goName, AsHTML, d.Policy, d.Reason})
		case d.Nature == AsMarkdown && o.render != nil:
			all = append(all, Entry{t.String(), m.goName, AsMarkdown, UGC, "a renderer makes HTML of it"})
		}
	})
	slices.SortFunc(all, func(a, b Entry) int { return cmp.Or(cmp.Compare(a.Type, b.Type), cmp.Compare(a.Field, b.Field)) })
	return slices.Compact(all), err
}

// Check reports what is wrong with the declarations of the given types: unknown words and
// policies, html without a reason, and fields without any declaration, which are never.
// Call it in a test, with a value of each type.
func (o *Output) Check(values ...any) error {
	var faults []error
	for _, v := range values {
		if _, err := o.outermost(v); err != nil {
			faults = append(faults, err)
			continue
		}
		c := compiler{policies: o.policies, made: map[planKey]*plan{}}
		c.plan(reflect.TypeOf(v), Declaration{Nature: AsText})
		slices.Sort(c.missing)
		for _, field := range slices.Compact(c.missing) {
			faults = append(faults, fmt.Errorf(`%s: no nature is declared, so it never goes out (add out:"never", or what it is)`, field))
		}
	}
	return errors.Join(faults...)
}

// each visits the fields of all structs that the values contain.
func (o *Output) each(values []any, visit func(reflect.Type, *member)) error {
	var faults []error
	seen := map[*plan]bool{}
	var walk func(p *plan)
	walk = func(p *plan) {
		if p == nil || seen[p] {
			return
		}
		seen[p] = true
		walk(p.elem)
		for i := range p.fields {
			visit(p.typ, &p.fields[i])
			walk(p.fields[i].plan)
		}
	}
	for _, v := range values {
		p, err := o.outermost(v)
		if err != nil {
			faults = append(faults, err)
		}
		walk(p)
	}
	return errors.Join(faults...)
}

// markup is the declaration of the data below p that are no structs.
func (p *plan) markup() Declaration {
	for p.elem != nil {
		p = p.elem
	}
	if p.form == asStruct {
		return Declaration{}
	}
	return p.decl
}
