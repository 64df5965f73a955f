package schema

import (
	"fmt"
	"strings"
	"testing"
)

// documentOf is a document with one operation, POST /x, that takes a JSON body.
func documentOf(version, schema, components string) string {
	return `{"openapi":"` + version + `","info":{"title":"t","version":"1"},"paths":{"/x":{"post":{"requestBody":{"content":{"application/json":{"schema":` +
		schema + `}}}}}},"components":{"schemas":` + components + `}}`
}

func mustParse(t testing.TB, src string) *Document {
	t.Helper()
	d, err := Parse([]byte(src))
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// post judges a JSON body.
func post(t testing.TB, d *Document, body string) error {
	t.Helper()
	m, err := d.Find("POST", "/x")
	if err != nil {
		return err
	}
	return m.Body(header("application/json"), []byte(body))
}

// TestKeywords: expected values from JSON Schema 2020-12 and its validation vocabulary.
func TestKeywords(t *testing.T) {
	for _, row := range []struct {
		schema string
		yes    string // bodies, separated by blanks
		no     string
	}{
		{`true`, `1 "a" [] {} null`, ``},
		{`false`, ``, `1 "a" [] {} null`},
		{`{"type":"integer"}`, `1 -1 1.0 1e2 0`, `1.5 "1" true null [] {}`},
		{`{"type":["string","null"]}`, `"a" null`, `1 false [] {}`},
		{`{"type":"number"}`, `1 1.5 -2e-3`, `"1" null`},
		{`{"enum":[1,"a",null,[1],{"a":1}]}`, `1 1.0 "a" null [1] {"a":1}`, `2 "b" false [2] {"a":2} {"a":1,"b":1} []`},
		{`{"const":{"a":[1,2]}}`, `{"a":[1,2]} {"a":[1.0,2]}`, `{"a":[2,1]} {} 1`},
		{`{"minimum":1,"maximum":3}`, `1 2.5 3 "a"`, `0 3.1 -1`},
		{`{"exclusiveMinimum":1,"exclusiveMaximum":3}`, `1.1 2.9`, `1 3`},
		{`{"maximum":9007199254740992}`, `9007199254740992`, `9007199254740993 1e17`},
		{`{"multipleOf":0.01}`, `1 0.07 19.99 "a"`, `0.005`},
		{`{"multipleOf":3}`, `0 3 -9 6.0`, `1 3.5 -1 -3.5`},
		{`{"minLength":2,"maxLength":3}`, `"ab" "äöü" "😀😀" 1`, `"a" "abcd" "😀"`},
		{`{"pattern":"^a+$"}`, `"a" "aaa" 7`, `"b" "ab" "a\n" ""`},
		{`{"minItems":1,"maxItems":2}`, `[1] [1,2] 1`, `[] [1,2,3]`},
		{`{"uniqueItems":true}`, `[1,2] [1,true] ["1",1] [[1],[2]] [{"a":1},{"a":2}]`, `[1,1] [1,1.0] [{"a":1,"b":2},{"b":2,"a":1}] [[1],[1.0]] [null,null]`},
		{`{"prefixItems":[{"type":"string"}],"items":{"type":"integer"}}`, `[] ["a"] ["a",1,2]`, `[1] ["a","b"]`},
		{`{"contains":{"type":"string"},"minContains":2,"maxContains":3}`, `["a","b"] ["a",1,"b","c"]`, `["a"] [1] ["a","b","c","d"] []`},
		{`{"properties":{"a":{"type":"string"}},"required":["a","b"]}`, `{"a":"","b":1} 1`, `{"a":"x"} {"b":1} {"a":1,"b":1}`},
		{`{"properties":{"a":{}},"additionalProperties":false}`, `{} {"a":1}`, `{"b":1} {"a":1,"b":1}`},
		{`{"properties":{"a":{}},"patternProperties":{"^x-":{"type":"integer"}},"additionalProperties":{"type":"string"}}`, `{"a":[],"x-1":1,"c":"d"}`, `{"x-1":"a"} {"c":1}`},
		{`{"propertyNames":{"maxLength":2}}`, `{"ab":1} {}`, `{"abc":1}`},
		{`{"minProperties":1,"maxProperties":2}`, `{"a":1} {"a":1,"b":2}`, `{} {"a":1,"b":2,"c":3}`},
		{`{"dependentRequired":{"card":["address"]}}`, `{} {"address":1} {"card":1,"address":1}`, `{"card":1}`},
		{`{"dependentSchemas":{"a":{"required":["b"]}}}`, `{} {"a":1,"b":1}`, `{"a":1}`},
		{`{"allOf":[{"type":"string"},{"maxLength":1}]}`, `"a"`, `"ab" 1`},
		{`{"anyOf":[{"type":"string"},{"minimum":2}]}`, `"a" 2 null`, `1`},
		{`{"oneOf":[{"type":"integer"},{"minimum":2}]}`, `1 2.5`, `3 1.5`},
		{`{"not":{"type":"string"}}`, `1 null`, `"a"`},
		{`{"if":{"type":"string"},"then":{"minLength":2},"else":{"minimum":2}}`, `"ab" 2 null`, `"a" 1`},
		{`{"$ref":"#/components/schemas/N","minimum":5}`, `5`, `4 "a"`},
		{`{"$ref":"#/components/schemas/Tree"}`, `{} {"kids":[{"kids":[{}]}]}`, `{"kids":[{"kids":[1]}]} {"x":1}`},
		{`{"allOf":[{"properties":{"a":{}}}],"properties":{"b":{}},"unevaluatedProperties":false}`, `{"a":1,"b":2} {}`, `{"c":1}`},
		{`{"anyOf":[{"properties":{"a":{"type":"string"}},"required":["a"]},{"properties":{"b":{}},"required":["b"]}],"unevaluatedProperties":false}`, `{"a":"x"} {"b":1} {"a":"x","b":1}`, `{"a":1,"b":1} {"a":"x","c":1}`},
		{`{"prefixItems":[{}],"unevaluatedItems":{"type":"string"}}`, `[1] [1,"a"]`, `[1,2]`},
		{`{"if":{"properties":{"a":{"const":1}},"required":["a"]},"then":{"properties":{"b":{}}},"unevaluatedProperties":false}`, `{"a":1,"b":2}`, `{"a":2} {"b":1}`},
		{`{"format":"int32"}`, `2147483647 -2147483648 "a"`, `2147483648 -2147483649`},
		{`{"format":"int64"}`, `9223372036854775807`, `9223372036854775808`},
		{`{"type":"string","format":"date"}`, `"2026-02-28"`, `"2026-02-29" "26-1-1" ""`},
		{`{"format":"date-time"}`, `"2026-11-25T15:30:00Z" "2026-11-25T15:30:00.123+09:00" "2026-11-25T15:30" "2026-11-25t15:30:00z"`, `"2026-11-25" "2026-11-25T25:00:00Z" "2026-11-25T15:30:00+25:00" "2026-11-25T15:30:00.Z" "2026-11-25TT15:30"`},
		{`{"format":"uuid"}`, `"123e4567-e89b-12d3-a456-426614174000"`, `"123e4567e89b12d3a456426614174000" "{123e4567-e89b-12d3-a456-426614174000}"`},
		{`{"format":"email"}`, `"a@example.com"`, `"a" "a@" "a<b@example.com>" "\"a\"@example.com"`},
		{`{"format":"uri"}`, `"https://example.com/?a=b#c" "urn:x:y"`, `"/a" "a" "https://exa<mple" "https://a\\b"`},
		{`{"format":"ipv4"}`, `"127.0.0.1"`, `"127.1" "::1" "127.0.0.01"`},
		{`{"format":"ipv6"}`, `"::1"`, `"127.0.0.1" "fe80::1%eth0"`},
		{`{"format":"duration"}`, `"P1D" "PT1H30M" "P3W" "PT0.5S"`, `"1D" "P" "PT" "P1H" "PT1M1H"`},
		{`{"format":"byte"}`, `"aGk="`, `"aGk" "a?=="`},
		{`{"format":"made-up"}`, `"anything"`, ``},
	} {
		d := mustParse(t, documentOf("3.1.0", row.schema, `{"N":{"type":"integer"},"Tree":{"type":"object","additionalProperties":false,"properties":{"kids":{"type":"array","items":{"$ref":"#/components/schemas/Tree"}}}}}`))
		check(t, d, row.schema, row.yes, row.no)
	}
}

func check(t *testing.T, d *Document, schema, yes, no string) {
	t.Helper()
	if d.Operations[0].Unjudged != nil {
		t.Errorf("%s: %v", schema, d.Operations[0].Unjudged)
	}
	for _, body := range strings.Fields(yes) {
		if err := post(t, d, body); err != nil {
			t.Errorf("%s refuses %s: %v", schema, body, err)
		}
	}
	for _, body := range strings.Fields(no) {
		if post(t, d, body) == nil {
			t.Errorf("%s takes %s", schema, body)
		}
	}
}

// TestOldDialect: what OpenAPI 3.0 means by keywords of its own (OAS 3.0.4, Section 4.7.24).
func TestOldDialect(t *testing.T) {
	for _, row := range []struct{ schema, yes, no string }{
		{`{"type":"string","nullable":true}`, `"a" null`, `1`},
		{`{"nullable":true,"allOf":[{"$ref":"#/components/schemas/N"}]}`, `1 null`, `"a"`},
		{`{"minimum":1,"exclusiveMinimum":true}`, `1.1`, `1`},
		{`{"maximum":1,"exclusiveMaximum":true}`, `0.9`, `1`},
		{`{"maximum":1,"exclusiveMaximum":false}`, `1`, `2`},
		{`{"$ref":"#/components/schemas/N","maximum":0}`, `5`, `"a"`}, // siblings are ignored
		{`{"type":"object","additionalProperties":false,"properties":{"a":{}}}`, `{"a":1}`, `{"b":1}`},
		{`{"type":"object","required":["id","a"],"properties":{"id":{"readOnly":true},"a":{}}}`, `{"a":1} {"a":1,"id":2}`, `{"id":1}`},
		{`{"type":"object","const":1,"properties":{"a":{}}}`, `{}`, `1`}, // const is no keyword there
	} {
		check(t, mustParse(t, documentOf("3.0.3", row.schema, `{"N":{"type":"integer"}}`)), row.schema, row.yes, row.no)
	}
}

// TestUnjudged: what is not understood is never left out: all requests are refused.
func TestUnjudged(t *testing.T) {
	for _, schema := range []string{
		`{"pattern":"(?=a)b"}`, `{"pattern":"(a)\\1"}`, `{"$dynamicRef":"#x"}`, `{"$id":"https://x.test/"}`, `{"type":"text"}`, `{"type":1}`, `{"maxLength":-1}`, `{"maxLength":"9"}`,
		`{"$ref":"https://x.test/schema.json"}`, `{"$ref":"other.yaml#/N"}`, `{"$ref":"file:///etc/passwd"}`, `{"$ref":"#/components/schemas/None"}`, `{"$ref":"#N"}`,
		`{"allOf":[]}`, `{"required":"a"}`, `{"multipleOf":0}`, `{"minimum":1e999}`, `1`, `{"properties":{"a":{"properties":{"b":{"pattern":"("}}}}}`,
	} {
		d := mustParse(t, documentOf("3.1.0", schema, `{}`))
		if d.Operations[0].Unjudged == nil {
			t.Errorf("%s is judged", schema)
		} else if err := post(t, d, `1`); err == nil || !strings.Contains(err.Error(), "cannot be judged") {
			t.Errorf("%s: %v", schema, err)
		}
	}
}

// TestBoundedWork: a recursive schema with alternatives asks for work that doubles with
// each level. It ends, and nothing passes for it.
func TestBoundedWork(t *testing.T) {
	branch := `{"type":"object","properties":{"kids":{"type":"array","items":{"$ref":"#/components/schemas/E"}},"op":{"const":"%s"}},"required":["op"]}`
	d := mustParse(t, documentOf("3.1.0", `{"$ref":"#/components/schemas/E"}`, `{"E":{"oneOf":[`+fmt.Sprintf(branch, "and")+`,`+fmt.Sprintf(branch, "or")+`]},"Loop":{"$ref":"#/components/schemas/Loop"},"L":{"allOf":[{"$ref":"#/components/schemas/L"}]}}`))
	deep := func(n int) string {
		return strings.Repeat(`{"kids":[`, n) + `{"op":"and"}` + strings.Repeat(`],"op":"or"}`, n)
	}
	if err := post(t, d, deep(3)); err != nil {
		t.Error(err)
	}
	if err := post(t, d, deep(30)); err == nil || !strings.Contains(err.Error(), "too complex") {
		t.Errorf("%v", err)
	}
	for _, schema := range []string{`{"$ref":"#/components/schemas/Loop"}`, `{"$ref":"#/components/schemas/L"}`} {
		loop := mustParse(t, documentOf("3.1.0", schema, `{"Loop":{"$ref":"#/components/schemas/Loop"},"L":{"allOf":[{"$ref":"#/components/schemas/L"}]}}`))
		if post(t, loop, `1`) == nil {
			t.Errorf("%s: a schema that is only itself takes something", schema)
		}
	}
	slow := mustParse(t, documentOf("3.1.0", `{"type":"string","pattern":"^(a|aa|aaa){1,300}$"}`, `{}`))
	if err := post(t, slow, `"`+strings.Repeat("a", 1<<19)+`b"`); err == nil {
		t.Error("a costly pattern was matched")
	}
}
