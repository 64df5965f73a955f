package schema

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"pgregory.net/rapid"
)

// names are few, so that schemas and values meet.
var names = []string{"a", "b", "c"}

func drawValue(t *rapid.T, depth int) any {
	kinds := 6
	if depth == 0 {
		kinds = 4
	}
	switch rapid.IntRange(0, kinds-1).Draw(t, "kind") {
	case 0:
		return nil
	case 1:
		return rapid.Bool().Draw(t, "flag")
	case 2:
		return json.Number(rapid.SampledFrom([]string{"0", "1", "-1", "2", "1.0", "1.5", "2e0", "10", "0.5"}).Draw(t, "number"))
	case 3:
		return rapid.SampledFrom([]string{"", "a", "ab", "abc", "é"}).Draw(t, "text")
	case 4:
		list := []any{}
		for range rapid.IntRange(0, 3).Draw(t, "items") {
			list = append(list, drawValue(t, depth-1))
		}
		return list
	}
	m := map[string]any{}
	for _, name := range names {
		if rapid.Bool().Draw(t, "has") {
			m[name] = drawValue(t, depth-1)
		}
	}
	return m
}

func drawSchema(t *rapid.T, depth int) any {
	if rapid.IntRange(0, 15).Draw(t, "bool") == 0 {
		return rapid.Bool().Draw(t, "is")
	}
	s := map[string]any{}
	small := func(name string) { s[name] = json.Number(rapid.SampledFrom([]string{"0", "1", "2"}).Draw(t, name)) }
	sub := func(name string) { s[name] = drawSchema(t, depth-1) }
	subs := func(name string) {
		var list []any
		for range rapid.IntRange(1, 3).Draw(t, name) {
			list = append(list, drawSchema(t, depth-1))
		}
		s[name] = list
	}
	for range rapid.IntRange(1, 3).Draw(t, "keywords") {
		choices := 16
		if depth > 0 {
			choices = 36
		}
		switch rapid.IntRange(0, choices-1).Draw(t, "keyword") {
		case 0, 1, 2:
			s["type"] = rapid.SampledFrom([]string{"null", "boolean", "number", "integer", "string", "array", "object"}).Draw(t, "type")
		case 3:
			s["enum"] = []any{drawValue(t, 1), drawValue(t, 1)}
		case 4:
			s["const"] = drawValue(t, 1)
		case 5:
			small("minimum")
		case 6:
			small("exclusiveMaximum")
		case 7:
			small("minLength")
		case 8:
			small("maxLength")
		case 9:
			s["pattern"] = rapid.SampledFrom([]string{"a", "^a", "b$", "^$"}).Draw(t, "pattern")
		case 10:
			small("maxItems")
		case 11:
			s["uniqueItems"] = true
		case 12:
			s["required"] = []any{rapid.SampledFrom(names).Draw(t, "required")}
		case 13:
			small("maxProperties")
		case 14:
			s["multipleOf"] = json.Number("0.5")
		case 15:
			s["dependentRequired"] = map[string]any{"a": []any{"b"}}
		case 16, 17, 18:
			m := map[string]any{}
			for _, name := range names[:2] {
				m[name] = drawSchema(t, depth-1)
			}
			s["properties"] = m
		case 19:
			sub("additionalProperties")
		case 20:
			s["patternProperties"] = map[string]any{"^[bc]$": drawSchema(t, depth-1)}
		case 21, 22:
			sub("items")
		case 23:
			subs("prefixItems")
		case 24:
			sub("contains")
			small("minContains")
		case 25:
			subs("allOf")
		case 26, 27:
			subs("anyOf")
		case 28:
			subs("oneOf")
		case 29:
			sub("not")
		case 30:
			sub("if")
			sub("then")
			sub("else")
		case 31, 32:
			sub("unevaluatedProperties")
		case 33:
			sub("unevaluatedItems")
		case 34:
			s["dependentSchemas"] = map[string]any{"b": drawSchema(t, depth-1)}
		case 35:
			s["propertyNames"] = map[string]any{"pattern": "^[ab]"}
		}
	}
	return s
}

// TestSameVerdictAsAnotherValidator: JSON Schema 2020-12 has one meaning.
func TestSameVerdictAsAnotherValidator(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		schema := drawSchema(t, 3)
		text, err := json.Marshal(schema)
		if err != nil {
			t.Fatal(err)
		}
		compiler := jsonschema.NewCompiler()
		decoded, err := jsonschema.UnmarshalJSON(strings.NewReader(string(text)))
		if err == nil {
			err = compiler.AddResource("https://x.test/s.json", decoded)
		}
		if err != nil {
			t.Fatal(err)
		}
		other, err := compiler.Compile("https://x.test/s.json")
		if err != nil {
			t.Fatal(err)
		}
		d, err := Parse([]byte(documentOf("3.1.0", string(text), "{}")))
		if err != nil || d.Operations[0].Unjudged != nil {
			t.Fatal(err, d)
		}
		for range 4 {
			value := drawValue(t, 3)
			body, err := json.Marshal(value)
			if err != nil {
				t.Fatal(err)
			}
			m, err := d.Find("POST", "/x")
			if err != nil {
				t.Fatal(err)
			}
			got, want := m.Body(header("application/json"), body), other.Validate(value)
			if (got == nil) != (want == nil) {
				t.Fatalf("schema %s\nvalue  %s\nours   %v\nother  %v", text, body, got, want)
			}
		}
	})
}

// TestRealDocumentAgainstAnotherValidator: bodies for the real FastAPI model, and what is
// nearly one.
func TestRealDocumentAgainstAnotherValidator(t *testing.T) {
	d := fastapi(t)
	var root map[string]any
	if err := json.Unmarshal(fastapiJSON(t), &root); err != nil {
		t.Fatal(err)
	}
	root["$ref"] = "#/components/schemas/Item"
	text, err := json.Marshal(root)
	if err != nil {
		t.Fatal(err)
	}
	decoded, err := jsonschema.UnmarshalJSON(strings.NewReader(string(text)))
	compiler := jsonschema.NewCompiler()
	if err = errors.Join(err, compiler.AddResource("https://x.test/s.json", decoded)); err != nil {
		t.Fatal(err)
	}
	other, err := compiler.Compile("https://x.test/s.json#/components/schemas/Item")
	if err != nil {
		t.Fatal(err)
	}
	rapid.Check(t, func(t *rapid.T) {
		item := map[string]any{"title": "x", "count": json.Number("1")}
		for _, name := range []string{"title", "count", "price", "color", "tags", "parent", "extra", "either", "other"} {
			if rapid.IntRange(0, 3).Draw(t, name) == 0 {
				item[name] = rapid.SampledFrom([]any{
					nil, json.Number("3"), json.Number("0.25"), "red", "", []any{}, []any{map[string]any{"name": "a"}}, []any{map[string]any{"name": "A", "x": true}},
					map[string]any{"title": "y", "count": json.Number("2")}, map[string]any{"a": json.Number("1")}, strings.Repeat("z", 21),
				}).Draw(t, "value")
			}
		}
		body, err := json.Marshal(item)
		if err != nil {
			t.Fatal(err)
		}
		m, err := d.Find("POST", "/items")
		if err != nil {
			t.Fatal(err)
		}
		got, want := m.Body(header("application/json"), body), other.Validate(item)
		if (got == nil) != (want == nil) {
			t.Fatalf("%s\nours  %v\nother %v", body, got, want)
		}
	})
}
