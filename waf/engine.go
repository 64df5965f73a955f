package waf

import (
	"fmt"

	coreruleset "github.com/corazawaf/coraza-coreruleset/v4"
	"github.com/corazawaf/coraza/v3"
	"github.com/corazawaf/coraza/v3/debuglog"
	"github.com/corazawaf/coraza/v3/types"
)

// Engine is a compiled set of rules. It is safe for concurrent use, holds nothing of a
// request that is over, and writes no log.
type Engine struct {
	rules rules
	body  int
	lane  *Lane
}

// rules is what the engine needs of Coraza.
type rules interface {
	NewTransactionWithID(id string) types.Transaction
}

// New compiles the rules, which takes some tenths of a second: make one Engine for each
// set of options and keep it.
func New(o Options) (*Engine, error) {
	o, err := o.settled()
	if err != nil {
		return nil, fmt.Errorf("web application firewall: %w", err)
	}
	exclusions := make([]Exclusion, len(o.Exclude))
	for i, s := range o.Exclude {
		if exclusions[i], err = ParseExclusion(s); err != nil {
			return nil, fmt.Errorf("web application firewall: %w", err)
		}
	}
	compiled, err := coraza.NewWAF(coraza.NewWAFConfig().
		WithRootFS(coreruleset.FS).
		WithDebugLogger(debuglog.Noop()).
		WithDirectives(directives(o, exclusions)))
	if err != nil {
		return nil, fmt.Errorf("web application firewall: compile the rules: %w", err)
	}
	return &Engine{rules: compiled, body: o.Body, lane: o.Lane}, nil
}

// Window is how many bytes of a body Inspect looks at. It wants one more of a longer one,
// to know.
func (e *Engine) Window() int { return e.body }
