package config

import (
	"fmt"
	"slices"
	"strings"
)

// field is a value of the file that the grammar has judged, or its default.
type field struct {
	name  string // full name: "session.idle"
	at    position
	set   bool // it stands in the file
	bad   bool // a fault was reported; value is the zero value
	form  form
	value any               // of a scalar
	items []*field          // of a list
	keys  map[string]*field // of a mapping, by known or chosen name
	order []string          // chosen names in the order of the file
}

// decoder judges values by the grammar. It reports faults and goes on.
type decoder struct{ *report }

// absent is what a key means that does not stand in the file.
func (d decoder) absent(k *key, name string, where position) *field {
	f := &field{name: name, at: where}
	switch {
	case k.later:
	case k.def != "" && k.shape.scalar != nil:
		f.form = text
		f.value, _ = k.shape.scalar.parse(k.def) // every default is tested to be valid
	case k.def != "":
		tree := readTree(&report{}, []byte("x: "+k.def))
		f = d.shape(k, &k.shape, name, tree.entries[0].value)
		f.set, f.at = false, where
		return f
	}
	d.fill(f, k.shape.keys)
	return f
}

// fill gives f the keys that it does not have yet.
func (d decoder) fill(f *field, keys []key) {
	if len(keys) > 0 && f.keys == nil {
		f.keys = make(map[string]*field, len(keys))
	}
	for i := range keys {
		k := &keys[i]
		if f.keys[k.name] == nil {
			f.keys[k.name] = d.absent(k, join(f.name, k.name), f.at)
		}
	}
}

func join(parent, name string) string {
	if parent == "" {
		return name
	}
	return parent + "." + name
}

// shape judges v, which stands for k, by one shape.
func (d decoder) shape(k *key, s *shape, name string, v *value) *field {
	f := &field{name: name, at: v.at, set: true, form: v.form}
	switch {
	case v.form == broken:
		f.bad = true
	case k.later:
		d.later(f, v)
	case v.scalar() && wantsReason(s, v) != "":
		word := wantsReason(s, v)
		f.bad = true
		d.fault(v.at, fmt.Sprintf(`write { %s: "why" }`, word), "%s: %s needs a reason", name, word)
	case v.scalar() && s.scalar != nil:
		d.scalar(k, s.scalar, f, v)
	case v.form == list && s.item != nil:
		for _, item := range v.items {
			one := d.shape(k, s.item, name+"[]", item)
			f.bad = f.bad || one.bad && one.keys == nil
			f.items = append(f.items, one)
		}
	case v.form == mapping && s.named != nil:
		d.named(k, s, f, v)
	case v.form == mapping && len(s.keys) > 0:
		d.mapping(s.keys, f, v)
	default:
		f.bad = true
		d.fault(v.at, wanted(s), "%s is %s", name, v.form)
	}
	d.fill(f, s.keys)
	return f
}

// wanted says how to write a value of a shape.
func wanted(s *shape) string {
	var ways []string
	if s.scalar != nil {
		ways = append(ways, s.scalar.want)
	}
	if s.item != nil {
		ways = append(ways, "write a list: [ … ]")
	}
	if s.named != nil {
		ways = append(ways, "write names with their values: { NAME: … }")
	}
	if len(s.keys) > 0 {
		names := make([]string, len(s.keys))
		for i, k := range s.keys {
			names[i] = k.name
		}
		ways = append(ways, "write a mapping with: "+strings.Join(names, ", "))
	}
	return strings.Join(ways, ", or ")
}

// wantsReason returns the word of v where the shape takes it only with a reason.
func wantsReason(s *shape, v *value) string {
	word, off := v.text, v.form == boolean && v.text == "false"
	for _, k := range s.keys {
		if off && (k.name == "off" || k.name == "exempt") {
			word = k.name
		}
		if k.name == word && k.shape.scalar != nil && k.shape.scalar.name == "reason" && (s.scalar == nil || !contains(s.scalar.values, word)) {
			return word
		}
	}
	return ""
}

// later takes a key of a later version where its value says that it is off.
func (d decoder) later(f *field, v *value) {
	f.set = false
	switch {
	case v.form == list && len(v.items) == 0, v.form == mapping && len(v.entries) == 0:
	case v.form == text && v.text == "off", v.form == boolean && v.text == "false":
	default:
		f.bad = true
		d.fault(v.at, "remove it", "%q is not part of this version", f.name)
		d.literals(v)
	}
}

func (d decoder) named(k *key, s *shape, f *field, v *value) {
	f.keys = make(map[string]*field, len(v.entries))
	for _, e := range v.entries {
		if _, err := s.names.parse(e.name); err != nil {
			d.wrong(e.at, f.name, err)
			f.bad = true
			continue
		}
		f.keys[e.name] = d.shape(k, s.named, join(f.name, e.name), e.value)
		f.order = append(f.order, e.name)
	}
}

func (d decoder) mapping(keys []key, f *field, v *value) {
	f.keys = make(map[string]*field, len(keys))
	for _, e := range v.entries {
		i := slices.IndexFunc(keys, func(k key) bool { return k.name == e.name })
		if i < 0 {
			d.unknown(keys, f, e)
			continue
		}
		f.keys[e.name] = d.shape(&keys[i], &keys[i].shape, join(f.name, e.name), e.value)
	}
	for _, k := range keys {
		if k.required && f.keys[k.name] == nil {
			d.fault(v.at, "add "+k.name+": "+sample(k), "%s is missing", join(f.name, k.name))
			d.fillBad(f, k)
		}
	}
}

// fillBad stands for a required key that is missing, so that nobody complains about
// its consequences.
func (d decoder) fillBad(f *field, k key) {
	missing := d.absent(&k, join(f.name, k.name), f.at)
	missing.bad = true
	f.keys[k.name] = missing
}

func sample(k key) string {
	switch {
	case k.example != "":
		return k.example
	case k.def != "":
		return k.def
	}
	return "…"
}

// unknown reports a key that the grammar does not have, and its likely meaning.
func (d decoder) unknown(keys []key, f *field, e entry) {
	where := ""
	if f.name != "" {
		where = " in " + f.name
	}
	names := make([]string, len(keys))
	for i, k := range keys {
		names[i] = k.name
	}
	remedy := "remove it; known here: " + strings.Join(names, ", ")
	if near := Nearest(e.name, names); near != "" {
		remedy = fmt.Sprintf("did you mean %q?", near)
	}
	if strings.HasPrefix(f.name, "profiles.") && slices.Contains([]string{"id", "match", "boundary", "profile"}, e.name) {
		remedy = "write it on each route: a profile has none"
	}
	d.fault(e.at, remedy, "unknown key %s%s", show(e.name), where)
	d.literals(&value{form: mapping, entries: []entry{e}})
}

// literals finds secrets below a value that nothing else will read.
func (d decoder) literals(v *value) {
	for _, item := range v.items {
		d.literals(item)
	}
	for _, e := range v.entries {
		if secretName(e.name) && e.value.scalar() && e.value.form != boolean && e.value.text != "" && !reference.MatchString(e.value.text) {
			d.fault(e.value.at, "write where it is: env:NAME, file:PATH or cred:NAME", "a secret must not be written in clear")
			continue
		}
		d.literals(e.value)
	}
}
