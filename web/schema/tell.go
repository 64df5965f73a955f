package schema

import (
	"fmt"
	"strings"

	"github.com/sanmon-gate/sanmon/refusal"
)

// tell says what is wrong, for the client: the field and the rule, never the value. root
// names where the value stands ("body", "query page").
func (j *judge) tell(root string) string {
	f := &j.fault
	field := root + j.places(f.path)
	if f.keyword == "required" || f.keyword == "dependentRequired" {
		return fmt.Sprintf("%s is missing (%s).", member(field, f.name), f.keyword)
	}
	if f.keyword == "additionalProperties" || f.keyword == "unevaluatedProperties" {
		return fmt.Sprintf("%s is not a known field (%s).", member(field, f.name), f.keyword)
	}
	if f.keyword == "complexity" {
		return fmt.Sprintf("%s is too complex to be checked.", root)
	}
	return fmt.Sprintf("%s %s (%s).", field, f.rule.demand(f.keyword), f.keyword)
}

// places writes the way to a value. Names that a client could have made up into a text
// are not repeated.
func (j *judge) places(path []step) string {
	var b strings.Builder
	for _, s := range path {
		if key := j.tree.nodes[s.node].key; key != "" {
			b.WriteString(member("", key))
		} else {
			fmt.Fprintf(&b, "[%d]", s.index)
		}
	}
	return b.String()
}

func member(of, name string) string {
	if !plain(name) {
		name = "…"
	}
	return of + "." + name
}

// maxName is the longest name that is repeated to the client.
const maxName = 40

// plain reports whether a name is an identifier, as fields of applications are.
func plain(name string) bool {
	for _, c := range []byte(name) {
		if c != '_' && c != '-' && c != '.' && (c < '0' || c > '9') && (c|0x20 < 'a' || c|0x20 > 'z') {
			return false
		}
	}
	return name != "" && len(name) <= maxName
}

// demand is what a keyword asks for, as the rest of a sentence about a field.
func (r *rule) demand(keyword string) string {
	switch keyword {
	case "type":
		return "has to be " + r.types.String()
	case "minLength":
		return fmt.Sprintf("has to have at least %d characters", r.minLength)
	case "maxLength":
		return fmt.Sprintf("has to have at most %d characters", r.maxLength)
	case "minItems":
		return fmt.Sprintf("has to have at least %d items", r.minItems)
	case "maxItems":
		return fmt.Sprintf("has to have at most %d items", r.maxItems)
	case "minProperties":
		return fmt.Sprintf("has to have at least %d fields", r.minMembers)
	case "maxProperties":
		return fmt.Sprintf("has to have at most %d fields", r.maxMembers)
	case "minimum":
		return "has to be at least " + r.min.String()
	case "maximum":
		return "has to be at most " + r.max.String()
	case "exclusiveMinimum":
		return "has to be greater than " + r.above.String()
	case "exclusiveMaximum":
		return "has to be less than " + r.below.String()
	case "multipleOf":
		return "has to be a multiple of " + r.multiple.String()
	case "format":
		return "has to be in the form " + r.format.name
	case "anyOf", "oneOf":
		return "has to be one of the declared forms" + r.forms()
	}
	if said := sentences(keyword); said != "" {
		return said
	}
	return "is not as the interface says"
}

func sentences(keyword string) string {
	switch keyword {
	case "pattern":
		return "does not have the declared pattern"
	case "enum", "const":
		return "is none of the declared values"
	case "uniqueItems":
		return "has an item twice"
	case "contains", "maxContains":
		return "does not have the declared items"
	case "propertyNames":
		return "has a field with a name that is not allowed"
	case "false", "unevaluatedItems":
		return "must not be there"
	}
	return ""
}

// forms lists the types of alternatives, "" when there are none.
func (r *rule) forms() string {
	if words := r.shapes.String(); words != "" {
		return ": " + words
	}
	return ""
}

// String writes the number for people.
func (d *decimal) String() string {
	if d.rat.IsInt() {
		return d.rat.Num().String()
	}
	return strings.TrimRight(d.rat.FloatString(12), "0")
}

// invalid is the refusal of a request that is not as the document says. detail is for
// the client and contains no value.
func (o *Operation) invalid(detail string) *refusal.Refusal {
	no := refusal.New(refusal.InputInvalid, "%s %s: %s (if the document is wrong, set input.openapi: observe until it is not)", o.Method, o.Path, strings.TrimSuffix(detail, "."))
	no.Detail = detail
	return no
}
