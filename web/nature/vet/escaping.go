package vet

import (
	"go/ast"
	"go/types"
	"reflect"
	"strings"
)

// trusted returns the name of a type that html/template does not escape (its package
// documentation, "Typed Strings"), "" for any other.
func trusted(t types.Type) string {
	named, ok := types.Unalias(t).(*types.Named)
	if !ok || !of(named.Obj(), "html/template") {
		return ""
	}
	switch name := named.Obj().Name(); name {
	case "CSS", "HTML", "HTMLAttr", "JS", "JSStr", "Srcset", "URL":
		return "template." + name
	}
	return ""
}

// of reports whether an object belongs to a package.
func of(o types.Object, path string) bool { return o.Pkg() != nil && o.Pkg().Path() == path }

// conversion finds template.HTML(x) where x is no constant.
func (c *checker) conversion(call *ast.CallExpr) {
	fun := c.TypesInfo.Types[call.Fun]
	if !fun.IsType() || len(call.Args) != 1 {
		return
	}
	name := trusted(fun.Type)
	arg := c.TypesInfo.Types[call.Args[0]]
	if name == "" || arg.Value != nil || trusted(arg.Type) == name {
		return
	}
	c.found(call.Pos(), Escaping, name+" of what is no constant switches escaping off (declare the nature of the datum, and let nature.Output make it)")
}

// trustedField finds a field of such a type that a decoder fills: no conversion is
// seen there.
func (c *checker) trustedField(f *ast.Field, tag reflect.StructTag) {
	name := trusted(c.TypesInfo.TypeOf(f.Type))
	rest := strings.TrimSpace(string(tag))
	if name == "" || rest == "" || strings.HasPrefix(rest, "out:") && strings.Count(rest, `:"`) == 1 {
		return
	}
	c.found(f.Pos(), Escaping, "a decoder fills a field of type "+name+", which is not escaped (use nature.HTML, or string)")
}
