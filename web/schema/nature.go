package schema

import "slices"

// Nature is what a field of a body is when it is put out: text, url, markdown, html or
// never.
type Nature struct {
	Field  string // the way to it: "items[].title"
	Nature string
	Said   bool // by x-sanmon-out in the document; else a proposal from type and format
}

// maxNatures bounds the proposals of one operation.
const maxNatures = 500

// naturesOf lists the fields of an operation's bodies with what the document says about
// their nature, or lets one propose. The same field in several media types counts once.
func naturesOf(o *Operation) []Nature {
	if o.body == nil {
		return nil
	}
	var all []Nature
	add := func(n Nature) {
		if len(all) < maxNatures && !slices.ContainsFunc(all, func(x Nature) bool { return x.Field == n.Field }) {
			all = append(all, n)
		}
	}
	for _, m := range o.body.types {
		if m.rule != nil {
			m.rule.natures("", map[*rule]bool{}, add)
		}
	}
	slices.SortFunc(all, func(a, b Nature) int { return compare(a.Field, b.Field) })
	return all
}

func compare(a, b string) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

func (r *rule) natures(at string, open map[*rule]bool, add func(Nature)) {
	if open[r] {
		return // a schema within itself says nothing new
	}
	open[r] = true
	defer delete(open, r)
	said := ""
	inner := false
	for _, here := range r.here {
		if here.nature != "" && said == "" {
			said = here.nature
		}
		for name, p := range here.members {
			if p.rule != nil {
				inner = true
				p.rule.natures(join(at, name), open, add)
			}
		}
		if here.items != nil {
			inner = true
			here.items.natures(at+"[]", open, add)
		}
	}
	switch {
	case said != "":
		add(Nature{at, said, true})
	case !inner && at != "":
		add(Nature{at, r.proposal(), false})
	}
}

func join(at, name string) string {
	if at == "" {
		return name
	}
	return at + "." + name
}

// proposal is what a field is most likely: an address where the format says so, else
// text. Nothing is ever proposed to be html.
func (r *rule) proposal() string {
	for _, here := range r.here {
		if f := here.format; f != nil && (f.name == "uri" || f.name == "iri" || f.name == "uri-reference" || f.name == "iri-reference") {
			return "url"
		}
	}
	return "text"
}
