package vet

import (
	"go/ast"
	"go/token"
	"strings"

	"golang.org/x/tools/go/analysis"
)

const marker = "//nature:allow"

// line is a place of a source file.
type line struct {
	file string
	line int
}

// allow is one suppression.
type allow struct {
	at     token.Pos
	reason string
	used   bool
}

// readAllows reads the suppressions of a package, by the line that each is for: its own,
// or the next when it stands alone.
func readAllows(pass *analysis.Pass) map[line]*allow {
	all := map[line]*allow{}
	for _, f := range pass.Files {
		var code map[int]bool
		for _, group := range f.Comments {
			for _, comment := range group.List {
				reason, ok := strings.CutPrefix(comment.Text, marker)
				if !ok || reason != "" && reason[0] != ' ' && reason[0] != '\t' {
					continue
				}
				if code == nil {
					code = codeLines(pass.Fset, f)
				}
				at := pass.Fset.Position(comment.Pos())
				if !code[at.Line] {
					at.Line++
				}
				reason, _, _ = strings.Cut(reason, " //")
				all[line{at.Filename, at.Line}] = &allow{at: comment.Pos(), reason: strings.TrimSpace(reason)}
			}
		}
	}
	return all
}

// codeLines are the lines of a file on which something other than a comment begins or
// ends.
func codeLines(fset *token.FileSet, f *ast.File) map[int]bool {
	lines := map[int]bool{}
	ast.Inspect(f, func(n ast.Node) bool {
		switch n.(type) {
		case nil, *ast.Comment, *ast.CommentGroup, *ast.File:
			return n != nil
		}
		lines[fset.Position(n.Pos()).Line] = true
		lines[fset.Position(n.End()).Line] = true
		return true
	})
	return lines
}

// allowAt returns the suppression for the line of at.
func (c *checker) allowAt(at token.Pos) *allow {
	p := c.Fset.Position(at)
	return c.allows[line{p.Filename, p.Line}]
}

// leftovers reports suppressions that are wrong themselves.
func (c *checker) leftovers() {
	for _, a := range c.allows {
		switch {
		case a.reason == "":
			c.Report(analysis.Diagnostic{Pos: a.at, Category: Allow, Message: "nature:allow gives no reason (write why after it)"})
		case !a.used:
			c.Report(analysis.Diagnostic{Pos: a.at, Category: Allow, Message: "nature:allow allows nothing here (remove it)"})
		}
	}
}
