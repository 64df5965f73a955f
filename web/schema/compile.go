package schema

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
)

// maxRules bounds the compiled document.
const maxRules = 200_000

// compiler turns schemas of one document into rules. The same place is compiled once, so
// that recursive schemas end.
type compiler struct {
	root  map[string]any
	v30   bool // OpenAPI 3.0: its own dialect (OAS 3.0.4, Section 4.7.24)
	rules map[string]*rule
	made  []*rule
	bad   map[string]error
}

// at compiles the schema at a JSON pointer of the document.
func (c *compiler) at(pointer string) (*rule, error) {
	if r, ok := c.rules[pointer]; ok {
		return r, c.bad[pointer]
	}
	schema, err := lookup(c.root, pointer)
	if err != nil {
		return nil, err
	}
	return c.compile(schema, pointer)
}

// compile compiles a schema that stands at a pointer.
func (c *compiler) compile(schema any, at string) (*rule, error) {
	if r, ok := c.rules[at]; ok {
		return r, c.bad[at]
	}
	if len(c.made) >= maxRules {
		return nil, fmt.Errorf("the document has more than %d schemas", maxRules)
	}
	r := newRule()
	c.rules[at] = r
	c.made = append(c.made, r)
	err := c.fill(r, schema, at)
	if err != nil {
		err = fmt.Errorf("%s: %w", at, err)
		c.bad[at] = err
	}
	return r, err
}

// unjudged are keywords that change what is valid and that are not understood here. They
// are refused, because leaving one out would let through what the document forbids.
var unjudged = [...]string{"$dynamicRef", "$dynamicAnchor", "$recursiveRef", "$id", "$anchor", "$vocabulary"}

func (c *compiler) fill(r *rule, schema any, at string) error {
	if b, ok := schema.(bool); ok { // in 3.0 as additionalProperties only, where it means the same
		r.never = !b
		return nil
	}
	s, ok := schema.(map[string]any)
	if !ok {
		return fmt.Errorf("a schema has to be an object")
	}
	k := keywords{c, s, at, nil}
	if c.v30 && s["$ref"] != nil {
		k.s = map[string]any{"$ref": s["$ref"]} // OAS 3.0.4, Section 4.7.23: siblings are ignored
	}
	for _, name := range unjudged {
		if k.s[name] != nil {
			return fmt.Errorf("%s is not understood", name)
		}
	}
	k.general(r)
	k.numbers(r)
	k.texts(r)
	k.objects(r)
	k.arrays(r)
	k.combined(r)
	return k.err
}

// keywords reads the keywords of one schema object and keeps the first fault.
type keywords struct {
	c   *compiler
	s   map[string]any
	at  string
	err error
}

func (k *keywords) fail(format string, args ...any) {
	if k.err == nil {
		k.err = fmt.Errorf(format, args...)
	}
}

// get returns a keyword of type T, false when it is not there.
func get[T any](k *keywords, name string) (v T, ok bool) {
	raw, there := k.s[name]
	if !there {
		return v, false
	}
	if v, ok = raw.(T); !ok {
		k.fail("%s has the wrong type", name)
	}
	return v, ok
}

// count returns a keyword that is a count, or otherwise the default.
func (k *keywords) count(name string, otherwise int) int {
	n, ok := get[json.Number](k, name)
	if !ok {
		return otherwise
	}
	i, fits := whole(n.String())
	if !fits && isWhole(n.String()) && ratOf(n.String()).Num().IsInt64() { // 2.0 is a whole number too
		i, fits = ratOf(n.String()).Num().Int64(), true
	}
	if !fits || i < 0 || i > 1<<31-1 {
		k.fail("%s is no count", name)
	}
	return int(i)
}

// sub compiles the schema of a keyword, nil when it is not there.
func (k *keywords) sub(name string) *rule {
	schema, ok := k.s[name]
	if !ok {
		return nil
	}
	return k.child(schema, name)
}

func (k *keywords) child(schema any, tokens ...string) *rule {
	r, err := k.c.compile(schema, k.at+pointerOf(tokens...))
	if err != nil {
		k.fail("%w", err)
	}
	return r
}

func (k *keywords) list(name string) []*rule {
	schemas, ok := get[[]any](k, name)
	if !ok {
		return nil
	}
	if len(schemas) == 0 {
		k.fail("%s is empty", name)
	}
	var all []*rule
	for i, schema := range schemas {
		all = append(all, k.child(schema, name, fmt.Sprint(i)))
	}
	return all
}

// mapping ranges over a keyword that maps names, in their order.
func mapping(k *keywords, name string, visit func(key string, v any)) {
	m, _ := get[map[string]any](k, name)
	for _, key := range slices.Sorted(maps.Keys(m)) {
		visit(key, m[key])
	}
}

func (k *keywords) general(r *rule) {
	switch t := k.s["type"].(type) {
	case nil:
	case string:
		k.addType(r, t)
	case []any:
		if k.c.v30 || len(t) == 0 {
			k.fail("type is no name of a type")
		}
		for _, word := range t {
			s, _ := word.(string)
			k.addType(r, s)
		}
	default:
		k.fail("type is no name of a type")
	}
	if k.c.v30 {
		r.nullable, _ = get[bool](k, "nullable")
	}
	if values, ok := get[[]any](k, "enum"); ok {
		r.enum = append([]any{}, values...)
	}
	if v, ok := k.s["const"]; ok && !k.c.v30 {
		r.fixed = []any{v}
	}
	if name, ok := get[string](k, "format"); ok {
		r.format = formatNamed(name)
	}
	r.nature, _ = get[string](k, "x-sanmon-out")
}

func (k *keywords) addType(r *rule, word string) {
	t, ok := typeNamed(word)
	if !ok || k.c.v30 && word == "null" {
		k.fail("type is no name of a type")
	}
	r.types |= t
}

func (k *keywords) decimal(name string) *decimal {
	n, ok := get[json.Number](k, name)
	if !ok {
		return nil
	}
	d, ok := decimalOf(n.String())
	if !ok {
		k.fail("%s is no number that can be compared", name)
		return nil
	}
	return &d
}

func (k *keywords) numbers(r *rule) {
	r.min, r.max, r.multiple = k.decimal("minimum"), k.decimal("maximum"), k.decimal("multipleOf")
	if r.multiple != nil && r.multiple.rat.Sign() <= 0 {
		k.fail("multipleOf is not positive")
	}
	if !k.c.v30 {
		r.above, r.below = k.decimal("exclusiveMinimum"), k.decimal("exclusiveMaximum")
		return
	}
	if yes, _ := get[bool](k, "exclusiveMinimum"); yes {
		r.min, r.above = nil, r.min
	}
	if yes, _ := get[bool](k, "exclusiveMaximum"); yes {
		r.max, r.below = nil, r.max
	}
}

func (k *keywords) pattern(s string) *pattern {
	p, err := compilePattern(s)
	if err != nil {
		k.fail("%w", err)
	}
	return p
}

func (k *keywords) texts(r *rule) {
	r.minLength, r.maxLength = k.count("minLength", -1), k.count("maxLength", -1)
	if s, ok := get[string](k, "pattern"); ok {
		r.pattern = k.pattern(s)
	}
}

func (k *keywords) objects(r *rule) {
	r.minMembers, r.maxMembers = k.count("minProperties", 0), k.count("maxProperties", -1)
	r.members = map[string]property{}
	mapping(k, "properties", func(name string, schema any) {
		r.members[name] = property{rule: k.child(schema, "properties", name), declared: true}
	})
	k.required(r)
	r.additional = k.sub("additionalProperties")
	if k.c.v30 {
		return
	}
	mapping(k, "patternProperties", func(expr string, schema any) {
		r.matching = append(r.matching, matching{k.pattern(expr), k.child(schema, "patternProperties", expr)})
	})
	r.names = k.sub("propertyNames")
	mapping(k, "dependentRequired", func(name string, v any) {
		if r.together == nil {
			r.together = map[string][]string{}
		}
		r.together[name] = k.words(v, "dependentRequired")
	})
	mapping(k, "dependentSchemas", func(name string, schema any) {
		if r.dependent == nil {
			r.dependent = map[string]*rule{}
		}
		r.dependent[name] = k.child(schema, "dependentSchemas", name)
	})
	r.restMembers = k.sub("unevaluatedProperties")
}
