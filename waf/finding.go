package waf

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/corazawaf/coraza/v3/types"
	"github.com/sanmon-gate/sanmon/refusal"
)

// How much a reason names.
const (
	maxPlaces = 6
	maxRules  = 6 // at each place
)

// finding is one place of a request and the rules that matched there.
type finding struct {
	place string
	rules []int
	more  int
}

func (f finding) String() string {
	var b strings.Builder
	b.WriteString(f.place)
	b.WriteString(" (")
	for i, id := range f.rules {
		if i > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(strconv.Itoa(id))
	}
	if f.more > 0 {
		fmt.Fprintf(&b, " and %d more", f.more)
	}
	b.WriteByte(')')
	return b.String()
}

// refused is the refusal for what the rules matched. The client learns nothing of it. The
// operator learns numbers of rules and names of fields, and no value: values are what an
// attacker wrote, or what a user typed.
func refused(matched []types.MatchedRule) *refusal.Refusal {
	found, more := findings(matched)
	if len(found) == 0 {
		return refusal.New(refusal.InputInvalid, "the web application firewall refuses the request and names no rule")
	}
	text := make([]string, len(found))
	for i, f := range found {
		text[i] = f.String()
	}
	tail := ""
	if more > 0 {
		tail = fmt.Sprintf(", and %d more places", more)
	}
	return refusal.New(refusal.InputInvalid, "rules of the web application firewall matched in %s%s (exclude the field if it is meant to take this; docs/waf.md)", strings.Join(text, ", "), tail)
}

// findings sorts what matched by place, in the order of matching.
func findings(matched []types.MatchedRule) (found []finding, more int) {
	for _, m := range matched {
		id := m.Rule().ID()
		if !tells(id, m.Message()) {
			continue
		}
		for _, d := range m.MatchedDatas() {
			name := place(d)
			i := slices.IndexFunc(found, func(f finding) bool { return f.place == name })
			switch {
			case name == "":
			case i < 0 && len(found) == maxPlaces:
				more++
			case i < 0:
				found = append(found, finding{place: name, rules: []int{id}})
			case slices.Contains(found[i].rules, id):
			case len(found[i].rules) == maxRules:
				found[i].more++
			default:
				found[i].rules = append(found[i].rules, id)
			}
		}
	}
	return found, more
}

// tells reports whether a rule says something about the request: those of ours and of the
// Core Rule Set that look at it, not those that initialise, steer and count.
func tells(id int, message string) bool {
	return message != "" && (id < 100000 || id >= 911000 && id < 949000)
}

// place names what a rule matched; "" for a note of the rules themselves.
func place(d types.MatchData) string {
	name := d.Variable().Name()
	if name == "TX" || strings.HasPrefix(name, "MATCHED_") {
		return ""
	}
	if key := d.Key(); isName(key) {
		return name + ":" + key
	}
	return name
}

// isName reports whether a key is a field's name as programs write them. A client may
// make keys up; what is longer or stranger is not repeated.
func isName(key string) bool {
	if key == "" || len(key) > 40 {
		return false
	}
	for i := range len(key) {
		switch c := key[i]; {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '_', c == '-', c == '.':
		default:
			return false
		}
	}
	return true
}
