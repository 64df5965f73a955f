package vet

import (
	"go/ast"
	"go/token"

	"golang.org/x/tools/go/analysis"
	"golang.org/x/tools/go/analysis/passes/inspect"
	"golang.org/x/tools/go/ast/inspector"
)

// The categories of findings.
const (
	Escaping = "escaping" // a conversion that switches escaping off
	Template = "template" // text/template where html/template belongs
	Output   = "output"   // HTML written by hand
	Field    = "field"    // a field without a nature, or with a wrong one
	Allow    = "allow"    // a suppression that has no reason, or suppresses nothing
)

// New returns the analyzer.
func New() *analysis.Analyzer {
	a := &analysis.Analyzer{
		Name:     "nature",
		Doc:      "find data that could become HTML by accident\n\nConversions that switch escaping off, text/template and hand-written HTML in answers, and fields that go out without a declared nature.",
		URL:      "https://github.com/sanmon-gate/sanmon/blob/main/docs/nature.md",
		Requires: []*analysis.Analyzer{inspect.Analyzer},
	}
	allowed := a.Flags.Bool("allowed", false, "report the places that //nature:allow permits, too")
	a.Run = func(pass *analysis.Pass) (any, error) {
		c := &checker{Pass: pass, allowed: *allowed, reported: map[token.Pos]bool{}}
		c.allows = readAllows(pass)
		c.run(pass.ResultOf[inspect.Analyzer].(*inspector.Inspector))
		return nil, nil
	}
	return a
}

// checker looks at one package.
type checker struct {
	*analysis.Pass
	allowed  bool
	allows   map[line]*allow
	reported map[token.Pos]bool
}

func (c *checker) run(in *inspector.Inspector) {
	in.Preorder([]ast.Node{(*ast.CallExpr)(nil), (*ast.StructType)(nil)}, func(n ast.Node) {
		switch n := n.(type) {
		case *ast.CallExpr:
			c.conversion(n)
			c.textTemplate(n)
			c.output(n)
			c.putOut(n)
		case *ast.StructType:
			c.structure(n)
		}
	})
	c.leftovers()
}

// found reports a finding once, unless it is allowed.
func (c *checker) found(at token.Pos, category, message string) {
	if c.reported[at] {
		return
	}
	c.reported[at] = true
	if a := c.allowAt(at); a != nil {
		a.used = true
		if !c.allowed || a.reason == "" {
			return
		}
		category, message = Allow, "allowed ("+a.reason+"): "+message
	}
	c.Report(analysis.Diagnostic{Pos: at, Category: category, Message: message})
}
