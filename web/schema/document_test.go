package schema

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/sanmon-gate/sanmon/exchange"
	"github.com/sanmon-gate/sanmon/refusal"
)

func django(t testing.TB) *Document {
	t.Helper()
	src, err := os.ReadFile("testdata/django.yaml")
	if err != nil {
		t.Fatal(err)
	}
	return mustParse(t, string(src))
}

// TestParameters: styles of OAS 3.0.4, Section 4.7.12, and what no document decides.
func TestParameters(t *testing.T) {
	d := django(t)
	const at = "/api/v1/orders/AB1234/"
	for _, row := range []struct {
		target string
		header exchange.Header
		says   string // "" it is taken
	}{
		{at, nil, ""},
		{"/api/v1/orders/new/", nil, ""}, // concrete before templated
		{"/api/v1/orders/A%421234/", nil, ""},
		{"/api/v1/orders/ab1234/", nil, "path number does not have the declared pattern (pattern)."},
		{"/api/v1/orders/AB1234", nil, "no operation"},
		{"/orders/AB1234/", nil, "no operation"},
		{"/api/v1/orders//", nil, "no operation"},
		{"/api/v1/files/12.pdf", nil, ""},
		{"/api/v1/files/x.pdf", nil, "path name has to be an integer (type)."},
		{"/api/v1/files/.pdf", nil, "no operation"},
		{"/api/v1/export/", nil, "cannot be judged"},
		{at + "?fields=total&fields=items", nil, ""},
		{at + "?fields=total&fields=secret", nil, "query fields[1] is none of the declared values (enum)."},
		{at + "?filter[min]=1&filter%5Bmax%5D=2", nil, ""},
		{at + "?filter[min]=x", nil, "query filter.min has to be an integer (type)."},
		{at + "?filter[other]=1", nil, "query filter.other is not a known field (additionalProperties)."},
		{at + "?filter[min]=1&filter[min]=2", nil, "query filter.min is sent more than once (single)."},
		{at + "?filter=1", nil, "query filter is not a known parameter (unknown)."},
		{at + "?ids=1,2,3", nil, ""},
		{at + "?ids=1,2,3,4", nil, "query ids has to have at most 3 items (maxItems)."},
		{at + "?ids=1,,3", nil, "query ids[1] has to be an integer (type)."},
		{at + "?where=%7B%22city%22%3A%22Kobe%22%7D", nil, ""},
		{at + "?where=%7B%7D", nil, "query where.city is missing (required)."},
		{at + "?where=%7B", nil, "query where has no member name"},
		{at + "?token=anything", nil, ""}, // of a security scheme
		{at + "?__proto__=1", nil, "query __proto__ is not a known parameter (unknown)."},
		{at + "?%3Cscript%3E=1", nil, "query … is not a known parameter (unknown)."},
		{at, exchange.Header{"Cookie": {"a=b; sessionid=12345678"}}, ""},
		{at, exchange.Header{"Cookie": {"sessionid=123456789"}}, "cookie sessionid has to have at most 8 characters (maxLength)."},
		{at, exchange.Header{"Cookie": {"sessionid=1; sessionid=2"}}, "cookie sessionid is sent more than once (single)."},
	} {
		path, query, _ := strings.Cut(row.target, "?")
		m, err := d.Find("GET", path)
		if err == nil {
			err = m.Parameters(query, row.header)
		}
		if (err == nil) != (row.says == "") || err != nil && !strings.Contains(err.Error(), strings.TrimSuffix(row.says, ".")) {
			t.Errorf("%s %v: %v, want %q", row.target, row.header, err, row.says)
		}
	}
	for _, method := range []string{"DELETE", "OPTIONS", "get", "TRACE"} {
		if _, err := d.Find(method, at); err == nil || !strings.Contains(err.Error(), "not with the method") {
			t.Errorf("%s: %v", method, err)
		}
	}
	if _, err := d.Find("HEAD", at); err != nil {
		t.Error(err)
	}
}

// TestBodies: types, forms and JSON of one operation.
func TestBodies(t *testing.T) {
	d := django(t)
	const form = "application/x-www-form-urlencoded"
	for _, row := range []struct {
		contentType, body string
		code              refusal.Code // "" it is taken
		says              string
	}{
		{"application/json", `{"total":0.01}`, "", ""}, // id is readOnly
		{"Application/JSON; charset=UTF-8", `{"total":1,"id":3,"note":null}`, "", ""},
		{"application/json", `{"total":0}`, refusal.InputInvalid, "body.total has to be greater than 0"},
		{"application/json", `{"total":1,"note":"far too long"}`, refusal.InputInvalid, "maxLength"},
		{"application/json", `{"total":1,"lines":[{"name":"a","price":1}]}`, "", ""},
		{"application/json", ``, refusal.InputInvalid, "body is missing"},
		{form, `total=1.5&note=&site=https%3A%2F%2Fx.test%2F`, "", ""},
		{form, `total=1.5&site=`, "", ""}, // an empty field counts as absent
		{form, `total=&note=x`, refusal.InputInvalid, "body.total has to be a number"},
		{form, `total=1&total=2`, refusal.InputInvalid, "body.total is sent more than once"},
		{form, `total=1&admin=1`, refusal.InputInvalid, "body.admin is not a known field"},
		{form, `total=1&note=%ff`, refusal.InputInvalid, "not valid UTF-8"},
		{"text/plain", "12345", "", ""},
		{"text/plain", "123456", refusal.InputInvalid, "maxLength"},
		{"image/png", "\x89PNG", "", ""},
		{"application/xml", "<a/>", refusal.TypeNotAllowed, ""},
		{"", "x", refusal.TypeNotAllowed, ""},
		{"application/json; charset*=utf-8''utf-16", `{"total":1}`, refusal.TypeNotAllowed, ""},
		{"application/json", `{"total":1` + strings.Repeat(" ", MaxBody) + `}`, refusal.BodyTooLarge, ""},
		{"application/json", `[` + strings.Repeat("0,", 100_001) + `0]`, refusal.InputInvalid, "more than 100000 values"},
		{"application/json", `{"total":1e301}`, refusal.InputInvalid, "too long or too large"},
		{"application/json", `{"total":` + strings.Repeat("9", 65) + `}`, refusal.InputInvalid, "too long or too large"},
	} {
		m, err := d.Find("PUT", "/api/v1/orders/AB1234/")
		if err != nil {
			t.Fatal(err)
		}
		h := header(row.contentType)
		if row.contentType == "" {
			h = exchange.Header{}
		}
		err = m.Body(h, []byte(row.body))
		if row.code == "" && err != nil || row.code != "" && (err == nil || refusal.From(err).Code != row.code || !strings.Contains(err.Error(), row.says)) {
			t.Errorf("%s %.60s: %v, want %s %q", row.contentType, row.body, err, row.code, row.says)
		}
		if strings.Contains(row.body, "price") && (m.Undeclared == nil || !strings.Contains(m.Undeclared.Detail, "body.lines[0].price is not a declared field")) {
			t.Errorf("undeclared: %v", m.Undeclared)
		}
	}
	m, _ := d.Find("PUT", "/api/v1/orders/AB1234/")
	if err := m.Body(exchange.Header{"Content-Type": {"application/json"}, "Content-Encoding": {"gzip"}}, []byte("x")); refusal.From(err).Code != refusal.TypeNotAllowed {
		t.Errorf("compressed: %v", err)
	}
	if m, _ := d.Find("GET", "/api/v1/orders/new/"); m.Body(header("application/json"), []byte("{}")) == nil {
		t.Error("a body where none is declared")
	}
}

// TestDocuments that cannot be used at all.
func TestDocuments(t *testing.T) {
	for _, row := range []struct{ src, says string }{
		{``, "no object"}, {`[]`, "no object"}, {`{"openapi":"3.1.0"} {}`, "after its end"}, {`{"swagger":"2.0"}`, "Swagger 2"}, {`{"openapi":"4.0.0"}`, "openapi: 3.0.x"},
		{`{"openapi":"3.1.0","jsonSchemaDialect":"https://x.test/"}`, "dialect"}, {`{"openapi":"3.1.0","paths":[]}`, "paths is no object"},
		{`{"openapi":"3.1.0","paths":{"notes":{}}}`, "slash"}, {`{"openapi":"3.1.0","paths":{"/a":{"$ref":"https://x.test/"}}}`, "leads out"},
		{"openapi: 3.1.0\na: &x [1]\nb: [*x, *x]\n", "anchor"}, {strings.Repeat(" ", MaxDocument) + "{}", "larger"},
		{`{"openapi":"3.1.0","x":` + strings.Repeat(`[`, 300) + strings.Repeat(`]`, 300) + `}`, "deeper"},
		{`{"openapi":"3.1.0","paths":{"/a":{"$ref":"#/paths/~1a"}}}`, "in a row"},
	} {
		if _, err := Parse([]byte(row.src)); err == nil || !strings.Contains(err.Error(), row.says) {
			t.Errorf("%.40s: %v, want %q", row.src, err, row.says)
		}
	}
}

// TestDifferences: what only describes is none.
func TestDifferences(t *testing.T) {
	doc := func(schema, note, more string) *Document {
		return mustParse(t, `{"openapi":"3.1.0","info":{"title":"`+note+`"},"paths":{"/a":{"get":{"summary":"`+note+`","parameters":[{"name":"q","in":"query","description":"`+note+`","schema":{"$ref":"#/components/schemas/Q"}}]}}`+more+`},"components":{"schemas":{"Q":{"type":"`+schema+`","title":"`+note+`"}}}}`)
	}
	a := doc("string", "one", "")
	for _, row := range []struct {
		now  *Document
		want string
	}{
		{doc("string", "two", ""), "[]"}, {doc("integer", "one", ""), "[{GET /a changed}]"},
		{doc("string", "one", `,"/b":{"post":{}}`), "[{POST /b added}]"}, {mustParse(t, `{"openapi":"3.1.0","paths":{}}`), "[{GET /a removed}]"},
	} {
		if got := fmt.Sprint(Differences(a, row.now)); got != row.want {
			t.Errorf("%s, want %s", got, row.want)
		}
	}
}

// TestNatures: what the document says, and what is proposed.
func TestNatures(t *testing.T) {
	for _, o := range django(t).Operations {
		if o.ID == "writeOrder" {
			if got := fmt.Sprint(o.Natures); got != "[{id text false} {lines[].name text false} {note markdown true} {site url false} {total text false}]" {
				t.Error(got)
			}
		}
	}
	if n := fastapi(t).Operations; len(n) != 7 {
		t.Errorf("%d operations", len(n))
	}
}

// A document does not differ from itself, however many references an operation has: they
// were followed in the order of a map.
func TestNoDifferences(t *testing.T) {
	doc := []byte(`{"openapi":"3.1.0","info":{"title":"t","version":"1"},"paths":{"/a":{"post":{"requestBody":{"content":{"application/json":{"schema":{"type":"object","properties":{
		"a":{"$ref":"#/components/schemas/A"},"b":{"$ref":"#/components/schemas/B"},"c":{"$ref":"#/components/schemas/C"}}}}}},"responses":{}}}},
		"components":{"schemas":{"A":{"type":"string"},"B":{"type":"integer"},"C":{"type":"boolean"}}}}`)
	first, err := Parse(doc)
	if err != nil {
		t.Fatal(err)
	}
	for range 50 {
		again, err := Parse(doc)
		if err != nil {
			t.Fatal(err)
		}
		if d := Differences(first, again); d != nil {
			t.Fatalf("the same document differs: %v", d)
		}
	}
}
