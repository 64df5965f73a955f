package nature

import (
	"fmt"
	"html/template"
	"reflect"
	"sync"
	"sync/atomic"
)

// Options configure an Output. The zero value is ready to use.
type Options struct {
	// Policies are a program's own policies for HTML by name, beside ugc and basic.
	Policies map[string]Sanitizer
	// Render makes HTML of Markdown; ugc sanitises what it returns. Nil: Markdown is
	// put out as the text that it is, because this module brings no renderer along.
	Render func(source string) (markup string, err error)
}

// Output puts values out by the natures that their types declare. Make one per program.
// It is safe for concurrent use.
type Output struct {
	policies *Policies
	render   func(string) (string, error)
	plans    atomic.Pointer[map[planKey]*plan] // copied when a type is added
	adding   sync.Mutex                        // guards adding, not reading
}

// maxPlans bounds the plans that are kept; a program has as many as it has types that it
// puts out. Beyond it a plan is made for each call.
const maxPlans = 4096

// maxNesting bounds how deep a value may nest, so that a cycle is an error.
const maxNesting = 100

// New returns an Output.
func New(o Options) (*Output, error) {
	policies, err := NewPolicies(o.Policies)
	if err != nil {
		return nil, err
	}
	out := &Output{policies: policies, render: o.Render}
	out.plans.Store(&map[planKey]*plan{})
	return out, nil
}

// Must returns an Output, and panics if the options are wrong. It is for declarations
// at the top of a program.
func Must(o Options) *Output {
	out, err := New(o)
	if err != nil {
		panic(err)
	}
	return out
}

// plan returns the plan of a type under a declaration.
func (o *Output) plan(t reflect.Type, d Declaration) (*plan, error) {
	key := planKey{t, d}
	if p := (*o.plans.Load())[key]; p != nil {
		return p, p.err
	}
	c := compiler{policies: o.policies, made: map[planKey]*plan{}}
	p := c.plan(t, d)
	p.err = c.failed
	o.keep(key, p)
	return p, p.err
}

func (o *Output) keep(key planKey, p *plan) {
	o.adding.Lock()
	defer o.adding.Unlock()
	old := *o.plans.Load()
	if len(old) >= maxPlans {
		return
	}
	next := make(map[planKey]*plan, len(old)+1)
	for k, v := range old {
		next[k] = v
	}
	next[key] = p
	o.plans.Store(&next)
}

// text is a datum of a nature as it goes out: a string, or what a policy made of it.
func (o *Output) text(p *plan, s string) (any, error) {
	switch p.decl.Nature {
	case AsURL:
		return FilterURL(s), nil
	case AsHTML:
		return p.policy.trusted(s), nil
	case AsMarkdown:
		return o.markdown(s)
	case AsText:
		return s, nil
	}
	return nil, fmt.Errorf("a datum without a nature")
}

func (o *Output) markdown(source string) (any, error) {
	if o.render == nil {
		return source, nil
	}
	markup, err := o.render(source)
	if err != nil {
		return nil, fmt.Errorf("render Markdown: %w", err)
	}
	return o.policies.named[UGC].trusted(markup), nil
}

// plain is text for an encoder of bytes.
func (o *Output) plain(p *plan, s string) (string, error) {
	v, err := o.text(p, s)
	if markup, ok := v.(template.HTML); ok {
		return string(markup), err
	}
	text, _ := v.(string)
	return text, err
}
