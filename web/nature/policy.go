package nature

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/microcosm-cc/bluemonday"
)

// Sanitizer removes from markup what it does not know to be harmless; every
// *bluemonday.Policy is one. It must be safe for concurrent use.
type Sanitizer interface{ Sanitize(markup string) string }

// The names of the policies that are always there.
const (
	UGC   = "ugc"   // what people write in an editor: links, images, lists, tables; bluemonday.UGCPolicy
	Basic = "basic" // paragraphs, emphasis, lists, quotations and code; no attribute at all
)

// Policy is a named rule of what markup may stay.
type Policy struct {
	name string
	all  []func() Sanitizer // applied in this order
}

// Name is the name that declarations use.
func (p *Policy) Name() string { return p.name }

// Sanitize returns what the policy leaves of markup.
func (p *Policy) Sanitize(markup string) string {
	for _, s := range p.all {
		markup = s().Sanitize(markup)
	}
	return markup
}

// Policies are the named policies of a program. The zero value is not usable; use
// NewPolicies. It is safe for concurrent use.
type Policies struct{ named map[string]*Policy }

// NewPolicies returns ugc, basic and a program's own. An own policy can only narrow:
// what it leaves passes through ugc, which is the widest there is. Sanitizers are made
// when they are first used.
func NewPolicies(own map[string]Sanitizer) (*Policies, error) {
	widest := sync.OnceValue(func() Sanitizer { return bluemonday.UGCPolicy() })
	all := &Policies{named: map[string]*Policy{
		UGC:   {name: UGC, all: []func() Sanitizer{widest}},
		Basic: {name: Basic, all: []func() Sanitizer{sync.OnceValue(basic)}},
	}}
	for name, s := range own {
		switch {
		case all.named[name] != nil:
			return nil, fmt.Errorf("policy %q is there already (choose another name)", name)
		case !validName(name):
			return nil, fmt.Errorf("%q cannot be the name of a policy (use letters, digits, '-' and '_')", name)
		}
		all.named[name] = &Policy{name: name, all: []func() Sanitizer{func() Sanitizer { return s }, widest}}
	}
	return all, nil
}

func validName(name string) bool {
	return name != "" && !strings.ContainsFunc(name, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '-' && r != '_'
	})
}

// Get returns the policy of a name.
func (p *Policies) Get(name string) (*Policy, error) {
	if policy := p.named[name]; policy != nil {
		return policy, nil
	}
	return nil, fmt.Errorf("there is no policy %q for HTML (known: %s)", name, strings.Join(slices.Sorted(maps.Keys(p.named)), ", "))
}

func basic() Sanitizer {
	p := bluemonday.NewPolicy()
	p.AllowElements("p", "br", "b", "i", "u", "s", "em", "strong", "small", "sub", "sup", "mark",
		"ul", "ol", "li", "blockquote", "code", "pre", "h1", "h2", "h3", "h4", "h5", "h6", "hr")
	return p
}
