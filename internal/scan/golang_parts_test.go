package scan

import (
	"fmt"
	"go/parser"
	"go/token"
	"testing"
)

// goPlaces are files in which a declaration is hard to tell from what only looks like one.
var goPlaces = map[string]string{
	"a raw string":           "package p\n\nvar page = `\nfunc a() {\n\tpassword := \"hunter2-hunter2\"\n}\nfunc b() {}\n`\n\nvar password = \"correct-horse-1\"\n",
	"a comment":              "package p\n\n/*\nfunc a() { password := \"hunter2-hunter2\" }\nvar x = `\n*/\nvar password = \"correct-horse-1\"\n\n// `\nfunc b() {}\n",
	"a line goes on":         "package p\n\nvar f =\n// as it is\nfunc (n int) { password := \"hunter2-hunter2\"; _ = password }\n\nfunc b() {}\n",
	"a body at the margin":   "package p\n\nfunc a() {\nvar password = \"hunter2-hunter2\"\nvar n = 1\n_ = n\n}\n\nfunc b() {}\n",
	"quotes of all kinds":    "package p\n\nfunc a() { _, _, _ = '\"', '`', \"\\\"`'\" }\n\nvar secret = \"correct-horse-1\" // it's\n\nfunc b() { _ = '\\'' }\n\nvar password = \"correct-horse-2\"\n",
	"blocks and long ones":   "package p\n\nconst(\nn = 1\n)\n\nvar (\n\ta int\n\n\tpassword = \"hunter2-hunter2\"\n)\n\ntype(\nt int\n)\n",
	"html":                   "package p\n\nimport \"html/template\"\n\nfunc a() {}\n\nfunc b(s string) template.HTML { return template.HTML(s) }\n",
	"the end in another one": "package p\n\nfunc a() { c[\"exp\"] = 1 }\n\nfunc b() { _ = jwt.MapClaims{\"sub\": \"x\"} }\n",
	"no end":                 "package p\n\nfunc a() {}\n\nfunc b() { _ = jwt.MapClaims{\"sub\": \"x\"} }\n",
	"carriage returns":       "package p\r\n\r\nfunc a() {}\r\n\r\nvar password = \"hunter2-hunter2\"\r\n",
	"a shebang, no package":  "func a() {}\n\nvar password = \"hunter2-hunter2\"\n\nfunc b() {\n",
}

// TestGoParts: what is found in some declarations of a file is what is found in all, at the
// same places, and the declarations in between are not read.
func TestGoParts(t *testing.T) {
	s := New(true)
	for what, text := range goPlaces {
		if why := differs(s, "a.go", []byte(text)); why != "" {
			t.Errorf("%s: %s", what, why)
		}
		if why := misplaced(text, true); why != "" {
			t.Errorf("%s: %s", what, why)
		}
	}
	b := []byte("package p\n\nimport \"fmt\"\n\nfunc a() {}\n\nvar x = 1\n\nfunc b() { fmt.Print(x) }\n")
	p := cutGo(b, func(from, to int) bool { return begins(b[from:to], "var x") })
	if got, want := string(p.src), "package p\n\nimport \"fmt\"\n\nvar x = 1\n\n"; got != want {
		t.Errorf("kept %q, want %q", got, want)
	}
	for at := range p.src {
		if p.src[at] != b[p.offset(at)] {
			t.Fatalf("%d is at %d in the file", at, p.offset(at))
		}
	}
}

// misplaced compares where declarations begin with what the parser says: no others, and all
// that begin a line where the file is written as people do.
func misplaced(text string, all bool) string {
	fset := token.NewFileSet()
	f, err := parser.ParseFile(fset, "a.go", text, parser.SkipObjectResolution)
	if err != nil {
		return ""
	}
	want, got := map[int]bool{}, map[int]bool{}
	for _, d := range f.Decls {
		if at := fset.Position(d.Pos()); at.Column == 1 {
			want[at.Offset] = true
		}
	}
	eachGoDecl([]byte(text), func(at int) { got[at] = true })
	for at := range got {
		if !want[at] {
			return fmt.Sprintf("%.20q, at %d, begins no declaration", text[at:], at)
		}
	}
	if all && len(got) != len(want) {
		return fmt.Sprintf("%d declarations were found, want %d", len(got), len(want))
	}
	return ""
}

// FuzzGoParts: in every file that is Go, the same.
func FuzzGoParts(f *testing.F) {
	for _, text := range goPlaces {
		f.Add(text)
	}
	s := New(true)
	f.Fuzz(func(t *testing.T, text string) {
		if _, err := parser.ParseFile(token.NewFileSet(), "a.go", text, parser.SkipObjectResolution); err != nil {
			return
		}
		if why := differs(s, "a.go", []byte(text)) + misplaced(text, false); why != "" {
			t.Error(why)
		}
	})
}
