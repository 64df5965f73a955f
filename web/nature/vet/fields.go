package vet

import (
	"fmt"
	"go/ast"
	"go/token"
	"go/types"
	"reflect"
	"strconv"

	"github.com/sanmon-gate/sanmon/web/nature"
	"golang.org/x/tools/go/types/typeutil"
)

const natures = "github.com/sanmon-gate/sanmon/web/nature"

// structure finds wrong tags, and missing ones in a struct that has some.
func (c *checker) structure(s *ast.StructType) {
	t, ok := c.TypesInfo.TypeOf(s).(*types.Struct)
	if !ok {
		return
	}
	declares := false
	for _, f := range s.Fields.List {
		tag := tagOf(f)
		c.trustedField(f, tag)
		if word, ok := tag.Lookup("out"); ok {
			declares = true
			c.tag(f.Pos(), c.TypesInfo.TypeOf(f.Type), word)
		}
	}
	if declares {
		c.undeclared(t, s.Pos(), map[types.Type]bool{})
	}
}

func tagOf(f *ast.Field) reflect.StructTag {
	if f.Tag == nil {
		return ""
	}
	tag, err := strconv.Unquote(f.Tag.Value)
	if err != nil {
		return ""
	}
	return reflect.StructTag(tag)
}

// tag judges one `out` tag.
func (c *checker) tag(at token.Pos, t types.Type, word string) {
	d, err := nature.ParseTag(word)
	if err != nil {
		c.found(at, Field, "the nature is wrong: "+err.Error())
		return
	}
	if own := carried(t); own != "" && own != d.Nature.String() && d.Nature != nature.AsNever {
		c.found(at, Field, fmt.Sprintf("a datum of nature %s is declared %s (declare it as it is)", own, d.Nature))
	}
}

// carried is the nature of a data type of web/nature.
func carried(t types.Type) string {
	named, ok := types.Unalias(t).(*types.Named)
	if !ok || !of(named.Obj(), natures) {
		return ""
	}
	switch named.Obj().Name() {
	case "Text":
		return "text"
	case "URL":
		return "url"
	case "Markdown":
		return "markdown"
	case "HTML":
		return "html"
	}
	return ""
}

// putOut finds undeclared fields of what is passed to an Output.
func (c *checker) putOut(call *ast.CallExpr) {
	fn := typeutil.StaticCallee(c.TypesInfo, call)
	if fn == nil || !of(fn, natures) || fn.Signature().Recv() == nil {
		return
	}
	switch fn.Name() {
	case "View", "Marshal", "AppendJSON", "WriteJSON", "Inventory", "Check":
	default:
		return
	}
	for _, arg := range call.Args {
		c.walk(c.TypesInfo.TypeOf(arg), arg.Pos(), map[types.Type]bool{})
	}
}

// walk looks for structs in a type.
func (c *checker) walk(t types.Type, at token.Pos, seen map[types.Type]bool) {
	if t == nil || seen[t] || carried(t) != "" {
		return
	}
	seen[t] = true
	switch u := t.Underlying().(type) {
	case *types.Pointer:
		c.walk(u.Elem(), at, seen)
	case *types.Slice:
		c.walk(u.Elem(), at, seen)
	case *types.Array:
		c.walk(u.Elem(), at, seen)
	case *types.Map:
		c.walk(u.Elem(), at, seen)
	case *types.Struct:
		if !opaque(t, u) {
			c.undeclared(u, at, seen)
		}
	}
}

// undeclared reports exported fields without a nature: at the field where this package
// has it, else at the place that puts it out.
func (c *checker) undeclared(s *types.Struct, at token.Pos, seen map[types.Type]bool) {
	for i := range s.NumFields() {
		f := s.Field(i)
		word, declared := reflect.StructTag(s.Tag(i)).Lookup("out")
		if declared && word == "never" || !f.Exported() && !(f.Embedded() && composite(f.Type())) {
			continue
		}
		if declared || composite(f.Type()) {
			c.walk(f.Type(), at, seen)
			continue
		}
		if own := carried(f.Type()); own != "" && own != "html" {
			continue
		}
		where := at
		if f.Pkg() == c.Pkg {
			where = f.Pos()
		}
		c.found(where, Field, fmt.Sprintf(`field %s has no nature, so it never goes out (add out:"never", or what it is)`, f.Name()))
	}
}

// composite reports whether a type goes out through declarations of its own: a struct
// that has some, or a pointer to such or list of such.
func composite(t types.Type) bool {
	switch u := t.Underlying().(type) {
	case *types.Pointer:
		return composite(u.Elem())
	case *types.Slice:
		return composite(u.Elem())
	case *types.Array:
		return composite(u.Elem())
	case *types.Struct:
		return carried(t) == "" && !opaque(t, u)
	}
	return false
}

// opaque reports whether a struct is one datum: it has a text of its own and declares
// nothing.
func opaque(t types.Type, s *types.Struct) bool {
	for i := range s.NumFields() {
		if _, ok := reflect.StructTag(s.Tag(i)).Lookup("out"); ok {
			return false
		}
	}
	methods := types.NewMethodSet(types.NewPointer(t))
	for _, name := range []string{"MarshalJSON", "MarshalText", "Value"} {
		if methods.Lookup(nil, name) != nil {
			return true
		}
	}
	return false
}
