package scan

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/token"
	"strconv"
)

// readGo runs the rules for Go, on the syntax tree, as far as the file can be parsed.
func readGo(name string, b []byte, report func(hit)) {
	fset := token.NewFileSet()
	f, _ := parser.ParseFile(fset, name, b, parser.SkipObjectResolution)
	if f == nil {
		return
	}
	html := false
	for _, i := range f.Imports {
		html = html || i.Path.Value == `"html/template"`
	}
	setsEnd := bytes.Contains(b, []byte(`["exp"]`)) || bytes.Contains(b, []byte(".ExpiresAt ="))
	at := func(n ast.Node) int { return fset.Position(n.Pos()).Offset }
	pair := func(name string, n, v ast.Expr) {
		lit, ok := v.(*ast.BasicLit)
		switch {
		case name == "InsecureSkipVerify" && isIdent(v, "true"):
			report(hit{rule: tlsOff, at: at(n), label: name})
		case name == "HttpOnly" && isIdent(v, "false"):
			report(hit{rule: cookieWeak, at: at(n), label: "HttpOnly: false"})
		case goLifetime(name, v):
			report(hit{rule: tokenLong, at: at(n), label: name})
		case ok && lit.Kind == token.STRING:
			if s, err := strconv.Unquote(lit.Value); err == nil && literalSecret(classify(name), s) {
				report(hit{rule: hardcoded, at: at(n), mask: [2]int{at(lit) + 1, at(lit) + len(lit.Value) - 1}, label: name})
			}
		}
	}
	ast.Inspect(f, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.ValueSpec:
			for i := range min(len(n.Names), len(n.Values)) {
				pair(n.Names[i].Name, n.Names[i], n.Values[i])
			}
		case *ast.AssignStmt:
			for i := range min(len(n.Lhs), len(n.Rhs)) {
				pair(exprName(n.Lhs[i]), n.Lhs[i], n.Rhs[i])
			}
		case *ast.KeyValueExpr:
			pair(exprName(n.Key), n.Key, n.Value)
		case *ast.CompositeLit:
			switch {
			case corsForAll(n):
				report(hit{rule: corsAny, at: at(n)})
			case !setsEnd && claimsWithoutEnd(n):
				report(hit{rule: tokenForever, at: at(n)})
			}
		case *ast.CallExpr:
			s, ok := n.Fun.(*ast.SelectorExpr)
			if !ok || len(n.Args) == 0 {
				return true
			}
			switch s.Sel.Name {
			case "HTML", "HTMLAttr", "JS", "JSStr", "CSS", "URL", "Srcset":
				if html && isIdent(s.X, "template") && !isLiteral(n.Args[0]) {
					report(hit{rule: goHTML, at: at(n)})
				}
			case "ParseUnverified":
				report(hit{rule: jwtUnverified, at: at(n)})
			}
		case *ast.SelectorExpr:
			if isIdent(n.X, "jwt") && (n.Sel.Name == "SigningMethodNone" || n.Sel.Name == "UnsafeAllowNoneSignatureType") {
				report(hit{rule: jwtNone, at: at(n)})
			}
		}
		return true
	})
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
