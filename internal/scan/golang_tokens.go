package scan

import (
	"go/ast"
	"go/constant"
	"go/token"
	"strings"
)

// goLife evaluates a length of time in seconds: 30 * 24 * time.Hour, time.Duration(3600) *
// time.Second, 720 * time.Hour.
func goLife(e ast.Expr) (seconds float64, ok bool) {
	switch e := e.(type) {
	case *ast.ParenExpr:
		return goLife(e.X)
	case *ast.SelectorExpr:
		if !isIdent(e.X, "time") {
			return 0, false
		}
		unit, known := map[string]float64{"Nanosecond": 1e-9, "Microsecond": 1e-6, "Millisecond": 1e-3, "Second": 1, "Minute": 60, "Hour": 3600}[e.Sel.Name]
		return unit, known
	case *ast.BinaryExpr:
		x, xok := goFactor(e.X)
		y, yok := goFactor(e.Y)
		switch e.Op {
		case token.MUL:
			return x * y, xok && yok
		case token.ADD:
			return x + y, xok && yok
		}
	}
	return 0, false
}

// goFactor is a number or a length of time.
func goFactor(e ast.Expr) (float64, bool) {
	switch e := e.(type) {
	case *ast.BasicLit:
		v, _ := constant.Float64Val(constant.ToFloat(constant.MakeFromLiteral(e.Value, e.Kind, 0)))
		return v, e.Kind == token.INT || e.Kind == token.FLOAT
	case *ast.CallExpr: // time.Duration(30)
		if s, ok := e.Fun.(*ast.SelectorExpr); ok && s.Sel.Name == "Duration" && len(e.Args) == 1 {
			return goFactor(e.Args[0])
		}
		return 0, false
	}
	return goLife(e)
}

// fromNow is the argument of time.Now().Add(…) anywhere in e.
func fromNow(e ast.Expr) (seconds float64, ok bool) {
	ast.Inspect(e, func(n ast.Node) bool {
		call, is := n.(*ast.CallExpr)
		if !is || len(call.Args) != 1 {
			return !ok
		}
		if s, is := call.Fun.(*ast.SelectorExpr); is && s.Sel.Name == "Add" && strings.HasSuffix(callee(s.X), "Now") {
			seconds, ok = goLife(call.Args[0])
		}
		return !ok
	})
	return seconds, ok
}

// callee is the name of the function that e calls.
func callee(e ast.Expr) string {
	if call, ok := e.(*ast.CallExpr); ok {
		return exprName(call.Fun)
	}
	return ""
}

// goLifetime reports lifetimes of tokens of more than a day: in a claim, and in a constant
// or setting that is named for it. Refresh tokens and sessions live longer.
func goLifetime(name string, v ast.Expr) bool {
	low := strings.ToLower(name)
	seconds, ok := fromNow(v)
	if low == "exp" || low == "expiresat" {
		return ok && seconds > day
	}
	if ok || !strings.Contains(low, "token") && !strings.Contains(low, "jwt") || strings.Contains(low, "refresh") {
		return false
	}
	for _, w := range []string{"ttl", "life", "expir", "duration", "maxage", "validity"} {
		if strings.Contains(low, w) {
			seconds, ok = goLife(v)
			return ok && seconds > day
		}
	}
	return false
}

// claimsWithoutEnd reports a literal of JWT claims that says nothing about their end.
func claimsWithoutEnd(lit *ast.CompositeLit) bool {
	switch exprName(lit.Type) {
	case "MapClaims", "RegisteredClaims", "StandardClaims":
	default:
		return false
	}
	for _, e := range lit.Elts {
		kv, ok := e.(*ast.KeyValueExpr)
		if !ok {
			return false
		}
		if name := exprName(kv.Key); name == "exp" || name == "ExpiresAt" {
			return false
		}
	}
	return len(lit.Elts) > 0
}

// corsForAll reports a literal of CORS options that let every origin in with credentials.
func corsForAll(lit *ast.CompositeLit) bool {
	every, credentials := false, false
	for _, e := range lit.Elts {
		kv, ok := e.(*ast.KeyValueExpr)
		if !ok {
			return false
		}
		switch exprName(kv.Key) {
		case "AllowCredentials":
			credentials = isIdent(kv.Value, "true")
		case "AllowAllOrigins":
			every = every || isIdent(kv.Value, "true")
		case "AllowedOrigins", "AllowOrigins":
			if list, ok := kv.Value.(*ast.CompositeLit); ok {
				for _, o := range list.Elts {
					if b, ok := o.(*ast.BasicLit); ok && (b.Value == `"*"` || b.Value == "`*`") {
						every = true
					}
				}
			}
			if b, ok := kv.Value.(*ast.BasicLit); ok && b.Value == `"*"` {
				every = true
			}
		}
	}
	return every && credentials
}
