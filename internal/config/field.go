package config

import (
	"fmt"
	"net/netip"
	"time"
)

// get returns the field of a known key, however deep. A name that the grammar does
// not have is a mistake of this package.
func (f *field) get(names ...string) *field {
	for _, name := range names {
		next := f.keys[name]
		if next == nil {
			panic(fmt.Sprintf("config: the grammar has no key %q in %q", name, f.name))
		}
		f = next
	}
	return f
}

// as returns the value of a scalar, or the zero value where there is none.
func as[T any](f *field) T {
	v, _ := f.value.(T)
	return v
}

func (f *field) text() string            { return as[string](f) }
func (f *field) duration() time.Duration { return as[time.Duration](f) }
func (f *field) number() int             { return as[int](f) }
func (f *field) bool() bool              { return as[bool](f) }

// each returns the scalars of a list, or the one that stands for a list.
func each[T any](f *field) []T {
	if f.form != list {
		if v, ok := f.value.(T); ok {
			return []T{v}
		}
		return nil
	}
	var all []T
	for _, item := range f.items {
		if !item.bad {
			all = append(all, as[T](item))
		}
	}
	return all
}

func (f *field) texts() []string          { return each[string](f) }
func (f *field) networks() []netip.Prefix { return each[netip.Prefix](f) }
