package e2e_test

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/sanmon-gate/sanmon/e2e/harness"
)

const describedRoutes = `
  - { id: items, match: { path: "/items", methods: [POST] }, boundary: public, ` + open + `, input: { openapi: enforce } }
  - { id: loose, match: { path: "/loose", methods: [POST] }, boundary: public, ` + open + `, input: { openapi: enforce } }
  - { id: item, match: { path: "/items/{id}", methods: [GET] }, boundary: public, input: { openapi: enforce } }
  - { id: search, match: { path: "/search", methods: [GET] }, boundary: public, input: { openapi: enforce } }
  - { id: form, match: { path: "/form", methods: [POST] }, boundary: [session], input: { openapi: enforce } }
  - { id: upload, match: { path: "/upload", methods: [POST] }, boundary: public, ` + open + `, input: { openapi: enforce } }
  - { id: raw, match: { path: "/raw", methods: [POST] }, boundary: public, ` + open + `, input: { openapi: enforce } }
  - { id: observed, match: { path: "/observed/{rest...}", methods: [GET, POST] }, boundary: public, ` + open + `, input: { openapi: observe } }
  - { id: added, match: { path: "/added", methods: [GET] }, boundary: public, input: { openapi: enforce } }
  - { id: change, match: { path: "/change", methods: [POST] }, boundary: public, ` + open + ` }
  - { id: served, match: { path: "/served", methods: [GET] }, boundary: public }
  - { id: unwritten, match: { path: "/unwritten", methods: [GET] }, boundary: public }
`

func described(t *testing.T) (*harness.Backend, *harness.Gate) {
	t.Helper()
	app := harness.StartBackend(t, harness.Described, 0)
	return app, harness.StartGate(t, harness.Options{
		Upstreams: map[string]string{"app": fmt.Sprintf("{ url: %q, openapi: %q }", app.URL, app.URL+"/openapi.json")},
		Routes:    describedRoutes,
	})
}

// TestDescribedBodies: what is as the document says reaches the backend byte for byte and
// means the same there; all else is refused by field and rule, without its value.
func TestDescribedBodies(t *testing.T) {
	_, g := described(t)
	c := g.Client(t)
	for _, row := range []struct {
		body   string
		status int
		says   string
	}{
		{`{"title":"x","count":1}`, 200, ""},
		{` {"title" : "\u00e9", "count":1.0, "price":1.5,"tags":[{"name":"a","weight":1e2}]} `, 200, ""},
		{`{"title":"x","count":1,"parent":{"title":"y","count":2,"parent":null},"extra":{"a":1},"either":"7","color":"blue"}`, 200, ""},
		{`{"title":"x","count":1,"owner":"123e4567-e89b-12d3-a456-426614174000","due":"2026-11-25T15:30:00Z","day":"2026-11-25"}`, 200, ""},
		{`{"title":"x","count":1,"due":"2026-11-25T15:30"}`, 200, ""},
		{`{"count":1}`, 422, "body.title is missing (required)."},
		{`{"title":"x","count":1,"admin":true}`, 422, "body.admin is not a known field (additionalProperties)."},
		{`{"title":"","count":1}`, 422, "body.title has to have at least 1 characters (minLength)."},
		{`{"title":"hunter2hunter2hunter2","count":1}`, 422, "body.title has to have at most 20 characters (maxLength)."},
		{`{"title":"x","count":1001}`, 422, "body.count has to be at most 1000 (maximum)."},
		{`{"title":"x","count":"1"}`, 422, "body.count has to be an integer (type)."},
		{`{"title":"x","count":1.5}`, 422, "body.count has to be an integer (type)."},
		{`{"title":"x","count":1,"price":0.3}`, 422, "body.price has to be a multiple of 0.5 (multipleOf)."},
		{`{"title":"x","count":1,"color":"<b>"}`, 422, "body.color is none of the declared values (enum)."},
		{`{"title":"x","count":1,"tags":[{"name":"a"},{"name":"A1"}]}`, 422, "body.tags[1].name does not have the declared pattern (pattern)."},
		{`{"title":"x","count":1,"tags":[{"name":"a","x":1}]}`, 422, "body.tags[0].x is not a known field (additionalProperties)."},
		{`{"title":"x","count":1,"owner":"nobody"}`, 422, "body.owner has to be in the form uuid (format)."},
		{`{"title":"x","count":1,"parent":{"title":"y"}}`, 422, "body.parent.count is missing (required)."},
		{`{"title":"x","count":1,"extra":{"a":"b"}}`, 422, "body.extra.a has to be an integer (type)."},
		{`{"title":"x","count":1,"either":[]}`, 422, "body.either has to be one of the declared forms: a string or an integer or null (anyOf)."},
		{`{"title":"x","count":1,"count":2}`, 422, "body repeats a member name, at byte 30 (json)."},
		{`{"title":"x","count":1,"co\u0075nt":2}`, 422, "repeats a member name"},
		{`{"title":"x","count":NaN}`, 422, "body has no value where one must stand"},
		{`{"title":"x","count":1}{}`, 422, "body has something after its value"},
		{"{\"title\":\"\xff\",\"count\":1}", 422, "body is not valid UTF-8"},
		{`{"title":"\ud800","count":1}`, 422, "half of a surrogate pair"},
		{"\xef\xbb\xbf" + `{"title":"x","count":1}`, 422, "byte order mark"},
		{strings.Repeat("[", 5000), 422, "nested deeper than 64"},
		{`[]`, 422, "body has to be an object (type)."},
		{``, 422, "body is missing (required)."},
	} {
		a := c.Post(t, "/items", "application/json", row.body)
		code := ""
		if row.status == 422 {
			code = "input_invalid"
		}
		want(t, row.body, a, row.status, code)
		if row.says != "" && !strings.Contains(detail(t, a), row.says) {
			t.Errorf("%s says %q, want %q", row.body, detail(t, a), row.says)
		}
		if strings.Contains(string(a.Body), "hunter2") {
			t.Errorf("the value comes back: %s", a.Body)
		}
		if sum := sha256.Sum256([]byte(row.body)); row.status == 200 && !strings.Contains(string(a.Body), hex.EncodeToString(sum[:])) {
			t.Errorf("%s did not arrive byte for byte: %s", row.body, a.Body)
		}
	}
	if strings.Contains(g.Output(), "hunter2") {
		t.Error("the log has the value")
	}
}

func detail(t *testing.T, a harness.Answer) string {
	t.Helper()
	var p struct{ Detail string }
	if err := json.Unmarshal(a.Body, &p); err != nil {
		t.Errorf("%s: %v", a.Body, err)
	}
	return p.Detail
}

// TestDescribedRequests: parameters, forms, uploads, types, and what is not described.
func TestDescribedRequests(t *testing.T) {
	_, g := described(t)
	g.AddUser(t, writer, "writer")
	c := signedIn(t, g, writer)
	get := func(path string, status int, says string, header ...string) {
		t.Helper()
		a := c.Get(t, path, header...)
		want(t, path, a, status, map[bool]string{true: "input_invalid"}[status == 422])
		if says != "" && !strings.Contains(detail(t, a), says) {
			t.Errorf("%s says %q, want %q", path, detail(t, a), says)
		}
	}
	get("/items/7", 200, "")
	get("/items/7?verbose=on", 200, "")
	get("/items/seven", 422, "path item_id has to be an integer (type).")
	get("/items/7?verbose=perhaps", 422, "query verbose has to be a boolean (type).")
	get("/items/7?debug=1", 422, "query debug is not a known parameter (unknown).")
	get("/items/7", 422, "header X-Depth has to be", "X-Depth", "deep")
	get("/items/7", 200, "", "X-Depth", "3")
	get("/items/7", 422, "cookie theme is none of", "Cookie", "theme=green")
	get("/search?q=ab&limit=50&color=red&color=blue&since=2026-01-31", 200, "")
	get("/search?q=a", 422, "query q has to have at least 2 characters (minLength).")
	get("/search?limit=5", 422, "query q is missing (required).")
	get("/search?q=ab&q=cd", 422, "query q is sent more than once (single).")
	get("/search?q=ab&limit=51", 422, "query limit has to be at most 50 (maximum).")
	get("/search?q=ab&color=red&color=green", 422, "query color[1] is none of the declared values (enum).")
	get("/search?q=ab&since=2026-02-30", 422, "query since has to be in the form date (format).")
	get("/search?q=%C3%28ab", 422, "is not valid UTF-8")

	post := func(path, contentType, body string, status int, code string) {
		t.Helper()
		want(t, path+" "+contentType+" "+clip([]byte(body)), c.Post(t, path, contentType, body), status, code)
	}
	post("/form", urlencoded, "_sanmon="+c.CSRF+"&title=hi&count=3&done=on", 200, "")
	post("/form", urlencoded, "title=hi&count=", 200, "") // browsers send every field
	post("/form", urlencoded, "title=hi&count=6", 422, "input_invalid")
	post("/form", urlencoded, "title=hi&title=ho", 422, "input_invalid")
	post("/form", urlencoded, "count=1", 422, "input_invalid")
	post("/form", "application/json", `{"title":"hi"}`, 415, "type_not_allowed")
	post("/items", "text/plain", `{"title":"x","count":1}`, 415, "type_not_allowed")
	post("/items", "application/json; charset=utf-16", `{"title":"x","count":1}`, 415, "type_not_allowed")
	post("/raw", "application/json", `{}`, 422, "input_invalid") // not in the document
	post("/items", "application/json", `{"title":"x","count":1,"extra":{"a":`+strings.Repeat(" ", 1<<20)+`1}}`, 413, "body_too_large")

	part := func(disposition, value string) string {
		return "--b\r\nContent-Disposition: form-data; " + disposition + "\r\n\r\n" + value + "\r\n"
	}
	file := part(`name="file"; filename="a.bin"`, "\x00\xff\r\nbytes")
	post("/upload", "multipart/form-data; boundary=b", part(`name="title"`, "hi")+file+"--b--\r\n", 200, "")
	post("/upload", "multipart/form-data; boundary=b", part(`name="title"`, "much too long")+file+"--b--\r\n", 422, "input_invalid")
	post("/upload", "multipart/form-data; boundary=b", part(`name="title"`, "hi")+"--b--\r\n", 422, "input_invalid")
	post("/upload", "multipart/form-data; boundary=b", part(`name="title"`, "hi")+part(`name="title"`, "ho")+file+"--b--\r\n", 422, "input_invalid")
	post("/upload", "multipart/form-data; boundary=b", "preamble\r\n"+part(`name="title"`, "hi")+file+"--b--\r\n", 422, "input_invalid")

	want(t, "observed", c.Get(t, "/observed/x?y=1"), 404, "")
	g.LogWith(t, 5*time.Second, map[string]any{"route": "observed", "observed": "input_invalid"})
	want(t, "open schema", c.Post(t, "/loose", "application/json", `{"title":"x","isAdmin":true}`), 200, "")
	g.LogWith(t, 5*time.Second, map[string]any{"route": "loose", "observed": "input_invalid"})
}

// TestChangedDocumentWaits: a document is pinned when it is first seen; another one counts
// when its hash was approved, and not before, whatever restarts.
func TestChangedDocumentWaits(t *testing.T) {
	t.Parallel()
	app, g := described(t)
	c := g.Client(t)
	want(t, "before", c.Get(t, "/added?name=x"), 422, "input_invalid")
	want(t, "change", c.Post(t, "/change", "", ""), 200, "")
	want(t, "nobody asked for", c.Get(t, "/nowhere/12345/x"), 404, "route_unknown")

	type document struct{ Hash, From string }
	var diff struct {
		Upstreams []struct {
			Document            document
			Pinned              string
			Waiting             bool
			Differences         []struct{ Method, Path, Change string }
			OnlyInDocument      []struct{ Method, Path string } `json:"only_in_document"`
			OnlyInConfiguration []struct{ ID string }           `json:"only_in_configuration"`
		}
		OnlyInTraffic []struct {
			Method, Path string
			Count        int
		} `json:"only_in_traffic"`
	}
	time.Sleep(5500 * time.Millisecond) // what no route took is written every five seconds
	g.CLIJSON(t, &diff, "", "routes", "--diff")
	if len(diff.Upstreams) != 1 || !diff.Upstreams[0].Waiting || fmt.Sprint(diff.Upstreams[0].Differences) != "[{GET /added added}]" {
		t.Fatalf("%+v", diff)
	}
	if got := fmt.Sprint(diff.Upstreams[0].OnlyInDocument); got != "[{GET /health}]" {
		t.Errorf("without a route: %s", got)
	}
	if got := fmt.Sprint(diff.Upstreams[0].OnlyInConfiguration); got != "[{raw} {observed} {change} {served} {unwritten}]" {
		t.Errorf("not in the document: %s", got)
	}
	if got := fmt.Sprint(diff.OnlyInTraffic); got != "[{GET /nowhere/{id}/x 1}]" {
		t.Errorf("traffic: %s", got)
	}
	g.Restart(t, syscall.SIGTERM)
	want(t, "after a restart", c.Get(t, "/added?name=x"), 422, "input_invalid")
	if r := g.Run(t, "", "routes", "--diff", "--approve", "00000000"); r.Exit != 1 {
		t.Errorf("another hash was approved: %+v", r)
	}
	g.CLI(t, "", "routes", "--diff", "--approve", diff.Upstreams[0].Document.Hash)
	waitFor(t, "the approved document", func() bool { return c.Get(t, "/added?name=x").Status == 200 })
	want(t, "still judged", c.Get(t, "/added"), 422, "input_invalid")
	app.Stop()
	g.Restart(t, syscall.SIGTERM)
	want(t, "without the backend", c.Get(t, "/added"), 422, "input_invalid")
	trail := g.CLI(t, "", "audit", "export")
	for _, event := range []string{"openapi.pinned", "openapi.changed", "openapi.approved"} {
		if strings.Count(trail, event) != 1 {
			t.Errorf("%s is in the trail %d times", event, strings.Count(trail, event))
		}
	}
}

// djangoDescription is what one writes by hand for an application that describes nothing.
const djangoDescription = `
openapi: 3.0.3
info: { title: Echo, version: "1" }
paths:
  /echo/orders:
    get:
      parameters: [{ name: page, in: query, schema: { type: integer, minimum: 1 } }]
      responses: { "200": { description: ok } }
    post:
      requestBody:
        required: true
        content:
          application/x-www-form-urlencoded: { schema: { $ref: "#/components/schemas/Order" } }
          application/json: { schema: { $ref: "#/components/schemas/Order" } }
      responses: { "200": { description: ok } }
components:
  schemas:
    Order:
      type: object
      additionalProperties: false
      required: [total]
      properties:
        total: { type: number, minimum: 0, exclusiveMinimum: true }
        note: { type: string, nullable: true, maxLength: 10 }
`

// TestHandWrittenDescription: a file in YAML for an unmodified Django application, and a
// changed file after the configuration is read again.
func TestHandWrittenDescription(t *testing.T) {
	app := harness.SharedBackend(t, harness.Django)
	options := harness.Options{
		Upstreams: map[string]string{"app": fmt.Sprintf("{ url: %q, openapi: openapi.yaml }", app.URL)},
		Routes:    `  - { id: echo, match: { path: "/echo/{rest...}", methods: [GET, POST] }, boundary: public, ` + open + `, input: { openapi: enforce } }`,
	}
	g := harness.NewGate(t, options)
	g.WriteFile(t, "openapi.yaml", djangoDescription)
	g.Start(t)
	c := g.Client(t)
	want(t, "page", c.Get(t, "/echo/orders?page=2"), 200, "")
	want(t, "page", c.Get(t, "/echo/orders?page=0"), 422, "input_invalid")
	want(t, "HEAD", c.Do(t, c.Request(t, "HEAD", "/echo/orders", nil)), 200, "")
	want(t, "not described", c.Get(t, "/echo/other"), 422, "input_invalid")
	for _, row := range []struct {
		contentType, body string
		status            int
	}{
		{urlencoded, "total=1.50&note=", 200}, {"application/json", `{"total":0.01,"note":null}`, 200},
		{urlencoded, "total=0", 422}, {urlencoded, "total=1&admin=1", 422}, {"application/json", `{"total":1,"note":"far too long"}`, 422}, {"application/json", `{"total":1,"total":2}`, 422},
	} {
		a := c.Post(t, "/echo/orders", row.contentType, row.body)
		want(t, row.body, a, row.status, "")
		if sum := sha256.Sum256([]byte(row.body)); row.status == 200 && !strings.Contains(string(a.Body), hex.EncodeToString(sum[:])) {
			t.Errorf("%s did not arrive byte for byte: %s", row.body, a.Body)
		}
	}
	g.WriteFile(t, "openapi.yaml", strings.Replace(djangoDescription, "minimum: 1 ", "minimum: 0 ", 1))
	g.WriteConfig(t, g.Render(options)+"\n# read again\n")
	waitFor(t, "the changed file", func() bool { return c.Get(t, "/echo/orders?page=0").Status == 200 })
}
