package sanmon_test

import (
	"go/ast"
	"go/token"
	"strconv"
	"strings"
	"testing"
)

// TestNothingIsDumped: no value is printed with its fields, and no request as it came: that
// is how Authorization fields, contexts and credentials without a formatter get into logs
// (CVE-2019-11250, CVE-2022-23469, GHSA-xr7q-jx4m-x55m).
func TestNothingIsDumped(t *testing.T) {
	eachFile(t, 0, func(file string, f *ast.File, fset *token.FileSet) {
		if strings.HasSuffix(file, "_test.go") || top(file) == "bench" || top(file) == "e2e" || strings.HasPrefix(file, "internal/storage/storagetest/") {
			return
		}
		ast.Inspect(f, func(n ast.Node) bool {
			if pkg, name, ok := call(n); ok && (pkg == "httputil" && strings.HasPrefix(name, "Dump") || pkg == "spew") {
				t.Errorf("%s: %s.%s writes a message as it came, with its credentials", fset.Position(n.Pos()), pkg, name)
			}
			lit, ok := n.(*ast.BasicLit)
			if !ok || lit.Kind != token.STRING {
				return true
			}
			text, err := strconv.Unquote(lit.Value)
			if err == nil && (strings.Contains(text, "%+v") || strings.Contains(text, "%#v")) {
				t.Errorf("%s: %%+v and %%#v print every field of a value (name the fields that are meant)", fset.Position(n.Pos()))
			}
			return true
		})
	})
}
