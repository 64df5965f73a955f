package nature

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/sanmon-gate/sanmon/refusal"
)

// Fields are the declared natures of a route's fields, for a gate in front of any
// backend. A field that is not declared is text. It is immutable and safe for concurrent
// use.
//
// A name is that of a form field or query parameter, or the way to a member of a JSON
// body: "title", "post.body"; the items of an array have the name of the array.
type Fields struct {
	flat     map[string]*declared
	root     *branch // the same, by the members of a JSON body
	ugc      *Policy
	urls     bool // some field can be wrong without a "<"
	declares []string
}

type declared struct {
	Declaration
	name   string
	policy *Policy // of HTML
}

// branch is one member of a JSON body and what is declared below it.
type branch struct {
	own     *declared
	members map[string]*branch
}

// Finding is one value that is not of the nature of its field. It repeats nothing of the
// request: neither the value nor a name that the client made up, which may be a value
// that went astray.
type Finding struct {
	Field   string      // the declared name; "" when the field is not declared
	Place   string      // where an undeclared field stands: "field 3 of the form"
	Nature  Declaration // what the field is
	Problem string      // "a start tag"
}

// String says it for the operator.
func (f Finding) String() string {
	if f.Field == "" {
		return fmt.Sprintf("%s is not declared, so text, and carries %s", f.Place, f.Problem)
	}
	return fmt.Sprintf("field %q is declared %s and carries %s", f.Field, f.Nature, f.Problem)
}

// maxFindings bounds how many findings a request gives.
const maxFindings = 8

// NewFields compiles declarations as ParseField reads them, by name. It reports every
// mistake at once.
func NewFields(natures map[string]string) (*Fields, error) {
	policies, err := NewPolicies(nil)
	if err != nil {
		return nil, err
	}
	f := &Fields{flat: make(map[string]*declared, len(natures)), root: &branch{}, ugc: policies.named[UGC]}
	var faults []string
	for _, name := range slices.Sorted(maps.Keys(natures)) {
		d := &declared{name: name}
		if d.Declaration, err = ParseField(natures[name]); err == nil && d.Nature == AsHTML {
			d.policy, err = policies.Get(d.Policy)
		}
		if err != nil {
			faults = append(faults, fmt.Sprintf("%s: %v", name, err))
			continue
		}
		f.add(d)
	}
	if len(faults) > 0 {
		return nil, fmt.Errorf("fields: %s", strings.Join(faults, "; "))
	}
	return f, nil
}

func (f *Fields) add(d *declared) {
	f.flat[d.name] = d
	f.urls = f.urls || d.Nature == AsURL
	if d.Nature == AsHTML {
		f.declares = append(f.declares, d.name+" "+d.String())
	}
	b := f.root
	for member := range strings.SplitSeq(d.name, ".") {
		if b.members == nil {
			b.members = map[string]*branch{}
		}
		if b.members[member] == nil {
			b.members[member] = &branch{}
		}
		b = b.members[member]
	}
	b.own = d
}

// HTML lists the fields that may carry markup, as "body html(ugc)", by name.
func (f *Fields) HTML() []string { return f.declares }

// judge says what is wrong with a value of a field; d is nil for one that is not
// declared.
func (f *Fields) judge(d *declared, value string) string {
	if d == nil {
		return FindMarkup(value)
	}
	switch d.Nature {
	case AsNever: // nobody sees it: a password may be anything
		return ""
	case AsURL:
		if value != "" && FilterURL(value) == "" {
			return "what is no absolute address of http, https or mailto"
		}
		return ""
	case AsMarkdown:
		return judgeMarkdown(value, f.ugc)
	case AsHTML:
		return d.policy.Judge(value)
	}
	return FindMarkup(value)
}

// Refuse makes the refusal of findings; nil when there are none.
func Refuse(route string, found []Finding) error {
	if len(found) == 0 {
		return nil
	}
	words := make([]string, len(found))
	for i, f := range found {
		words[i] = f.String()
	}
	no := refusal.New(refusal.InputInvalid, "route %q: %s (if it is meant to hold markup, declare it so in fields; with input.fields: observe this is only reported)", route, strings.Join(words, "; "))
	if name := found[0].Field; name != "" {
		no.Detail = fmt.Sprintf("The field %s is not valid: %s.", name, found[0].advice())
	} else {
		no.Detail = "A field contains markup, and only plain text is taken."
	}
	return no
}

// advice says for the client what the field takes.
func (f Finding) advice() string {
	switch f.Nature.Nature {
	case AsURL:
		return "it takes an address that begins with https://, http:// or mailto:"
	case AsHTML, AsMarkdown:
		return "it contains markup that is not allowed there"
	}
	return "it takes plain text without markup"
}
