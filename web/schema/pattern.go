package schema

import (
	"fmt"
	"regexp"
	"regexp/syntax"
)

// compilePattern reads a pattern (JSON Schema Validation, Section 6.3.3: ECMA-262, not
// anchored) with Go's linear-time engine. What only backtracking engines know is an
// error, not ignored.
func compilePattern(s string) (*pattern, error) {
	parsed, err := syntax.Parse(s, syntax.Perl)
	if err != nil {
		return nil, fmt.Errorf("pattern: %w", err)
	}
	program, err := syntax.Compile(parsed.Simplify())
	if err != nil {
		return nil, fmt.Errorf("pattern: %w", err)
	}
	expr, err := regexp.Compile(s)
	if err != nil {
		return nil, fmt.Errorf("pattern: %w", err)
	}
	return &pattern{expr, len(program.Inst)}, nil
}

// work is what matching s may cost, in steps.
func (p *pattern) work(s string) int { return 1 + len(s)*p.size/4 }
