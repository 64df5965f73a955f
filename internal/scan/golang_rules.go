package scan

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/token"
	"strconv"
)

// readGo runs the rules for Go, on the syntax tree, as far as the file can be parsed. Of the
// declarations it reads those that wanted says yes to; nil: all.
func readGo(name string, b []byte, wanted func(from, to int) bool, report func(hit)) {
	parts := goParts{src: b}
	if wanted != nil {
		parts = cutGo(b, wanted)
	}
	fset := token.NewFileSet()
	f, err := parser.ParseFile(fset, name, parts.src, parser.SkipObjectResolution)
	if err != nil && len(parts.cuts) > 0 { // then it may have been cut in the wrong places
		parts, fset = goParts{src: b}, token.NewFileSet()
		f, _ = parser.ParseFile(fset, name, b, parser.SkipObjectResolution)
	}
	if f == nil {
		return
	}
	g := goFile{parts: parts, fset: fset, report: report, setsEnd: bytes.Contains(b, []byte(`["exp"]`)) || bytes.Contains(b, []byte(".ExpiresAt ="))}
	for _, i := range f.Imports {
		g.html = g.html || i.Path.Value == `"html/template"`
	}
	ast.Inspect(f, g.node)
}

// goFile is a file whose syntax tree is walked.
type goFile struct {
	parts   goParts
	fset    *token.FileSet
	report  func(hit)
	html    bool // it imports html/template
	setsEnd bool // it sets the end of a token somewhere
}

func (g *goFile) at(n ast.Node) int { return g.parts.offset(g.fset.Position(n.Pos()).Offset) }

func (g *goFile) node(n ast.Node) bool {
	switch n := n.(type) {
	case *ast.ValueSpec:
		for i := range min(len(n.Names), len(n.Values)) {
			g.pair(n.Names[i].Name, n.Names[i], n.Values[i])
		}
	case *ast.AssignStmt:
		for i := range min(len(n.Lhs), len(n.Rhs)) {
			g.pair(exprName(n.Lhs[i]), n.Lhs[i], n.Rhs[i])
		}
	case *ast.KeyValueExpr:
		g.pair(exprName(n.Key), n.Key, n.Value)
	case *ast.CompositeLit:
		switch {
		case corsForAll(n):
			g.report(hit{rule: corsAny, at: g.at(n)})
		case !g.setsEnd && claimsWithoutEnd(n):
			g.report(hit{rule: tokenForever, at: g.at(n)})
		}
	case *ast.CallExpr:
		g.call(n)
	case *ast.SelectorExpr:
		if isIdent(n.X, "jwt") && (n.Sel.Name == "SigningMethodNone" || n.Sel.Name == "UnsafeAllowNoneSignatureType") {
			g.report(hit{rule: jwtNone, at: g.at(n)})
		}
	}
	return true
}

// pair judges a value that is given to a name.
func (g *goFile) pair(name string, n, v ast.Expr) {
	lit, ok := v.(*ast.BasicLit)
	switch {
	case name == "InsecureSkipVerify" && isIdent(v, "true"):
		g.report(hit{rule: tlsOff, at: g.at(n), label: name})
	case name == "HttpOnly" && isIdent(v, "false"):
		g.report(hit{rule: cookieWeak, at: g.at(n), label: "HttpOnly: false"})
	case goLifetime(name, v):
		g.report(hit{rule: tokenLong, at: g.at(n), label: name})
	case ok && lit.Kind == token.STRING:
		if s, err := strconv.Unquote(lit.Value); err == nil && literalSecret(classify(name), s) {
			g.report(hit{rule: hardcoded, at: g.at(n), mask: [2]int{g.at(lit) + 1, g.at(lit) + len(lit.Value) - 1}, label: name})
		}
	}
}

func (g *goFile) call(n *ast.CallExpr) {
	s, ok := n.Fun.(*ast.SelectorExpr)
	if !ok || len(n.Args) == 0 {
		return
	}
	switch s.Sel.Name {
	case "HTML", "HTMLAttr", "JS", "JSStr", "CSS", "URL", "Srcset":
		if g.html && isIdent(s.X, "template") && !isLiteral(n.Args[0]) {
			g.report(hit{rule: goHTML, at: g.at(n)})
		}
	case "ParseUnverified":
		g.report(hit{rule: jwtUnverified, at: g.at(n)})
	}
}

func isIdent(e ast.Expr, name string) bool {
	id, ok := e.(*ast.Ident)
	return ok && id.Name == name
}

// exprName is the last name of a variable, field or key.
func exprName(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.Ident:
		return e.Name
	case *ast.SelectorExpr:
		return e.Sel.Name
	case *ast.BasicLit:
		if s, err := strconv.Unquote(e.Value); err == nil && e.Kind == token.STRING {
			return s
		}
	}
	return ""
}

// isLiteral reports whether e is constant text as it stands.
func isLiteral(e ast.Expr) bool {
	switch e := e.(type) {
	case *ast.BasicLit:
		return true
	case *ast.BinaryExpr:
		return isLiteral(e.X) && isLiteral(e.Y)
	case *ast.ParenExpr:
		return isLiteral(e.X)
	}
	return false
}
