package vet

import (
	"go/ast"
	"go/constant"
	"go/token"
	"go/types"

	"github.com/sanmon-gate/sanmon/web/nature"
	"golang.org/x/tools/go/types/typeutil"
)

// output finds HTML that is put together and written to a browser in one expression.
func (c *checker) output(call *ast.CallExpr) {
	fn := typeutil.StaticCallee(c.TypesInfo, call)
	written := c.methodWrite(call)
	if fn != nil && (of(fn, "fmt") && (fn.Name() == "Fprint" || fn.Name() == "Fprintf" || fn.Name() == "Fprintln") || of(fn, "io") && fn.Name() == "WriteString") &&
		len(call.Args) > 1 && c.isResponseWriter(call.Args[0]) {
		written = call.Args[1:]
	}
	var p pieces
	for _, e := range written {
		c.pieces(e, &p)
	}
	if p.markup && p.variable {
		c.found(call.Pos(), Output, "HTML is put together by hand in an answer (use html/template with a view of nature.Output)")
	}
}

// methodWrite returns what w.Write(x) writes where w is an http.ResponseWriter.
func (c *checker) methodWrite(call *ast.CallExpr) []ast.Expr {
	sel, ok := call.Fun.(*ast.SelectorExpr)
	if !ok || sel.Sel.Name != "Write" && sel.Sel.Name != "WriteString" || !c.isResponseWriter(sel.X) {
		return nil
	}
	return call.Args
}

// isResponseWriter reports whether e has the methods of an http.ResponseWriter.
func (c *checker) isResponseWriter(e ast.Expr) bool {
	t := c.TypesInfo.TypeOf(e)
	if t == nil {
		return false
	}
	header, _, _ := types.LookupFieldOrMethod(t, true, c.Pkg, "Header")
	status, _, _ := types.LookupFieldOrMethod(t, true, c.Pkg, "WriteHeader")
	fn, ok := header.(*types.Func)
	if _, isFunc := status.(*types.Func); !ok || !isFunc {
		return false
	}
	results := fn.Signature().Results()
	if results.Len() != 1 {
		return false
	}
	named, ok := types.Unalias(results.At(0).Type()).(*types.Named)
	return ok && named.Obj().Name() == "Header" && of(named.Obj(), "net/http")
}

// pieces says what an expression is made of.
type pieces struct {
	markup   bool // a constant with markup
	variable bool // text that is no constant
}

func (c *checker) pieces(e ast.Expr, p *pieces) {
	e = ast.Unparen(e)
	tv := c.TypesInfo.Types[e]
	if tv.Value != nil {
		if tv.Value.Kind() == constant.String {
			p.markup = p.markup || markup(constant.StringVal(tv.Value))
		}
		return
	}
	switch x := e.(type) {
	case *ast.BinaryExpr:
		if x.Op == token.ADD {
			c.pieces(x.X, p)
			c.pieces(x.Y, p)
			return
		}
	case *ast.CallExpr:
		fn := typeutil.StaticCallee(c.TypesInfo, x)
		formats := fn != nil && of(fn, "fmt") && (fn.Name() == "Sprint" || fn.Name() == "Sprintf" || fn.Name() == "Sprintln" || fn.Name() == "Append" || fn.Name() == "Appendf" || fn.Name() == "Appendln")
		if formats || c.TypesInfo.Types[x.Fun].IsType() {
			for _, arg := range x.Args {
				c.pieces(arg, p)
			}
			return
		}
	}
	p.variable = p.variable || texty(tv.Type)
}

// markup reports whether a piece of a page holds a tag, which may go on in the next piece.
func markup(s string) bool { return nature.FindMarkup(s) != "" || nature.FindMarkup(s+" x=''>") != "" }

// texty reports whether a value of the type can print as text of somebody's choice.
// Numbers and booleans cannot.
func texty(t types.Type) bool {
	if t == nil {
		return false
	}
	b, ok := t.Underlying().(*types.Basic)
	if !ok {
		return t != types.Typ[types.UntypedNil]
	}
	return b.Info()&(types.IsNumeric|types.IsBoolean) == 0 && b.Kind() != types.UntypedNil || types.NewMethodSet(t).Len() > 0
}
