package config

import (
	"encoding/json"
	"maps"
	"strconv"
)

// Schema returns the JSON Schema (2020-12) of sanmon.yaml, for editors. What Parse
// takes is valid by it; what concerns several keys (equal ranks, public routes that
// write) only Parse judges. Keys of later versions are in it with the values that
// mean off, marked deprecated.
func Schema() []byte {
	g := grammar()
	s := g.schema()
	s["$schema"] = "https://json-schema.org/draft/2020-12/schema"
	s["title"] = "Sanmon configuration (sanmon.yaml)"
	out, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		panic("config: the schema does not encode: " + err.Error()) // strings, numbers and maps of them always do
	}
	return append(out, '\n')
}

// schema is the JSON Schema of a shape.
func (s *shape) schema() map[string]any {
	var ways []any
	if s.scalar != nil {
		ways = append(ways, s.scalar.jsonSchema())
	}
	if s.item != nil {
		ways = append(ways, map[string]any{"type": "array", "items": s.item.schema()})
	}
	if s.named != nil {
		names := maps.Clone(s.names.schema)
		ways = append(ways, map[string]any{"type": "object", "propertyNames": names, "additionalProperties": s.named.schema()})
	}
	if len(s.keys) > 0 {
		ways = append(ways, objectSchema(s.keys))
	}
	if len(ways) == 1 {
		return ways[0].(map[string]any)
	}
	return map[string]any{"anyOf": ways}
}

func objectSchema(keys []key) map[string]any {
	properties, required := map[string]any{}, []string{}
	for i := range keys {
		k := &keys[i]
		properties[k.name] = k.schema()
		if k.required {
			required = append(required, k.name)
		}
	}
	s := map[string]any{"type": "object", "properties": properties, "additionalProperties": false}
	if len(required) > 0 {
		s["required"] = required
	}
	return s
}

func (k *key) schema() map[string]any {
	if k.later {
		return map[string]any{"enum": []any{false, "off", []any{}, map[string]any{}}, "deprecated": true,
			"description": k.doc + " Not part of this version."}
	}
	s := k.shape.schema()
	s["description"] = k.doc
	if k.def != "" && k.shape.scalar != nil {
		s["default"] = typed(k.shape.scalar, k.def)
	}
	if k.example != "" && k.shape.scalar != nil && len(k.shape.keys) == 0 && k.shape.item == nil {
		s["examples"] = []any{typed(k.shape.scalar, unquote(k.example))}
	}
	return s
}

func (s *scalar) jsonSchema() map[string]any {
	out := map[string]any{"type": "string"}
	switch s.form {
	case number:
		out["type"] = "integer"
	case boolean:
		out["type"] = "boolean"
	}
	maps.Copy(out, s.schema)
	switch {
	case len(s.later) > 0 && s.form == boolean:
		out["const"] = s.off == "true"
	case len(s.values) > 0:
		var now []any
		for _, v := range s.values {
			if !contains(s.later, v) {
				now = append(now, v)
			}
		}
		if contains(s.values, "off") {
			out["type"] = []any{"string", "boolean"}
			now = append(now, false) // read as "off"
		}
		out["enum"] = now
	}
	return out
}

// typed is a default or example as JSON has it.
func typed(s *scalar, written string) any {
	switch s.form {
	case number:
		n, _ := strconv.Atoi(written)
		return n
	case boolean:
		return written == "true"
	}
	return written
}

func unquote(s string) string {
	if len(s) >= 2 && s[0] == '"' && s[len(s)-1] == '"' {
		return s[1 : len(s)-1]
	}
	return s
}
