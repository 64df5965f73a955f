package config

import (
	"errors"
	"slices"
	"strings"
)

// scalar judges a single value.
func (d decoder) scalar(k *key, s *scalar, f *field, v *value) {
	f.bad = true
	written := v.text
	if v.form == boolean && v.text == "false" && slices.Contains(s.values, "off") {
		written = "off" // people who write false mean off
	}
	want := s.form
	if want == "" {
		want = text
	}
	if strings.Contains(written, "${") && !k.secret {
		d.fault(v.at, "write the value out; secrets go in as env:NAME", "%s: variables are not expanded in this file", f.name)
		return
	}
	parsed, err := s.parse(written)
	if slices.Contains(s.later, written) {
		err = later{s.off}
	}
	switch {
	case err != nil:
		d.wrongScalar(k, f, v, err)
	case want == text && v.form != text && written == v.text:
		d.fault(v.at, "put it in quotes", "%s is %s, not text", f.name, v.form)
	case want != text && v.quoted:
		d.fault(v.at, "write it without quotes", "%s is text, not %s", f.name, want)
	case ambiguousWord(v) && parsed == any(v.text) && !slices.Contains(s.values, v.text):
		d.fault(v.at, "put it in quotes, or write true or false", "%s: %q is a boolean in some versions of YAML and a word in others", f.name, v.text)
	default:
		f.bad, f.value = false, parsed
	}
}

func (d decoder) wrongScalar(k *key, f *field, v *value, err error) {
	l, ok := errors.AsType[later](err)
	if !ok {
		d.wrong(v.at, f.name, err)
		return
	}
	what := f.name + ": " + strings.Trim(show(v.text), `"`)
	if k.secret {
		scheme, _, _ := strings.Cut(v.text, "://")
		what = f.name + ": " + scheme + "://…"
	}
	d.fault(v.at, "remove it, or set it to "+l.instead, `"%s" is not part of this version`, what)
}

// wrong reports a fault of a scalar at its place.
func (d decoder) wrong(where position, name string, err error) {
	remedy := ""
	if w, ok := errors.AsType[wrong](err); ok {
		remedy = w.remedy
	}
	d.fault(where, remedy, "%s: %s", name, err.Error())
}

// ambiguousWord reports an unquoted word that YAML 1.1 reads as a boolean.
func ambiguousWord(v *value) bool {
	if v.quoted || v.form != text {
		return false
	}
	switch strings.ToLower(v.text) {
	case "yes", "no", "on", "off", "y", "n":
		return true
	}
	return false
}
