package vet

import (
	"go/ast"
	"go/constant"
	"regexp"

	"golang.org/x/tools/go/types/typeutil"
)

// textTemplate finds text/template, which escapes nothing, where a browser reads.
func (c *checker) textTemplate(call *ast.CallExpr) {
	fn := typeutil.StaticCallee(c.TypesInfo, call)
	if fn == nil || !of(fn, "text/template") || fn.Signature().Recv() == nil || len(call.Args) == 0 {
		return
	}
	const remedy = " (use html/template)"
	switch fn.Name() {
	case "Execute", "ExecuteTemplate":
		if c.isResponseWriter(call.Args[0]) {
			c.found(call.Pos(), Template, "text/template escapes nothing, and writes to a browser"+remedy)
		}
	case "Parse":
		v := c.TypesInfo.Types[call.Args[0]].Value
		if v != nil && v.Kind() == constant.String && isPage(constant.StringVal(v)) {
			c.found(call.Pos(), Template, "text/template escapes nothing, and the template is HTML"+remedy)
		}
	}
}

// isPage reports whether a template is HTML, and no text with a "<name>" in it.
func isPage(s string) bool {
	return regexp.MustCompile(`(?i)<(!doctype|/?(html|head|body|div|p|a|span|table|tr|td|ul|li|h[1-6]|form|input|img|script|style))[\s/>]`).MatchString(s)
}
