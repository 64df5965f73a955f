package config

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strings"
)

// MaxOpenAPI is the size of the largest OpenAPI document that is read, in bytes.
const MaxOpenAPI = 8 << 20

// maxOperations bounds the routes of a starter file, so that it stays readable
// within MaxSize.
const maxOperations = 1500

// maxSkipped bounds the comments about what could not be read.
const maxSkipped = 200

// operation is one route that an OpenAPI document suggests.
type operation struct {
	id, path, method string
	summary          string
}

// document is the part of an OpenAPI 3 document that routes come from.
type document struct {
	OpenAPI string `json:"openapi"`
	Servers []struct {
		URL string `json:"url"`
	} `json:"servers"`
	Paths map[string]map[string]json.RawMessage `json:"paths"`
}

// operations reads routes out of an OpenAPI 3 document in JSON. The skipped are
// sentences about paths that no template can stand for. Security requirements are
// not read: an operation that the document leaves open stays closed until somebody
// writes public.
func operations(src []byte) (found []operation, skipped []string, err error) {
	if len(src) > MaxOpenAPI {
		return nil, nil, errors.New("the OpenAPI document is larger than 8 MiB")
	}
	var doc document
	if err := json.Unmarshal(src, &doc); err != nil {
		return nil, nil, errors.New("the OpenAPI document is not valid JSON of that form (YAML has to be converted first)")
	}
	if !strings.HasPrefix(doc.OpenAPI, "3.") {
		return nil, nil, errors.New("the document does not say openapi: 3.x")
	}
	g := gatherer{ids: map[string]bool{"static": true}, taken: map[string]bool{"GET /static/{...}": true, "HEAD /static/{...}": true}}
	base := doc.base()
	for _, path := range slices.Sorted(maps.Keys(doc.Paths)) {
		template, err := templateOf(base + path)
		if err != nil {
			g.skip("%s: %s", show(base+path), err)
			continue
		}
		for _, name := range slices.Sorted(maps.Keys(doc.Paths[path])) {
			g.add(name, template, doc.Paths[path][name])
		}
	}
	if g.more > 0 {
		g.skip("%d more operations: a starter file has at most %d", g.more, maxOperations)
	}
	return g.found, g.skipped, nil
}

// gatherer collects operations that can stand in one route table. It starts with
// what the starter file has already.
type gatherer struct {
	found   []operation
	skipped []string
	more    int             // operations beyond maxOperations
	ids     map[string]bool // of routes
	taken   map[string]bool // method and rank
}

func (g *gatherer) skip(format string, args ...any) {
	if len(g.skipped) < maxSkipped {
		g.skipped = append(g.skipped, fmt.Sprintf(format, args...))
	}
}

// add takes one member of a path item: an operation, or something else (parameters,
// summary, $ref, trace).
func (g *gatherer) add(name, template string, raw json.RawMessage) {
	method := strings.ToUpper(name)
	if !contains([]string{"GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE", "QUERY"}, method) || name != strings.ToLower(name) {
		return
	}
	places := []string{method + " " + rank(template)}
	if method == "GET" {
		places = append(places, "HEAD "+rank(template))
	}
	if slices.ContainsFunc(places, func(p string) bool { return g.taken[p] }) {
		g.skip("%s %s: another operation has the same place", method, show(template))
		return
	}
	if len(g.found) == maxOperations {
		g.more++
		return
	}
	for _, p := range places {
		g.taken[p] = true
	}
	g.found = append(g.found, describe(raw, template, method, g.ids))
}

// base is the path in front of all paths: that of the first server.
func (d *document) base() string {
	if len(d.Servers) == 0 {
		return ""
	}
	u, err := url.Parse(d.Servers[0].URL)
	if err != nil || strings.Contains(u.Path, "{") {
		return ""
	}
	return strings.TrimRight(u.Path, "/")
}

var notParameter = regexp.MustCompile(`[^A-Za-z0-9_]+`)

// templateOf turns an OpenAPI path into a template of ours.
func templateOf(path string) (string, error) {
	segments := strings.Split(path, "/")
	for i, s := range segments {
		inner, open := strings.CutPrefix(s, "{")
		inner, closed := strings.CutSuffix(inner, "}")
		if !open || !closed || strings.ContainsAny(inner, "{}") {
			continue
		}
		rest := strings.HasSuffix(inner, ":path") && i == len(segments)-1 // Starlette: the rest of the path
		name := strings.Trim(notParameter.ReplaceAllString(strings.TrimSuffix(inner, ":path"), "_"), "_")
		if name == "" || name[0] >= '0' && name[0] <= '9' {
			name = "p_" + name
		}
		if segments[i] = "{" + name + "}"; rest {
			segments[i] = "{" + name + "...}"
		}
	}
	template := strings.Join(segments, "/")
	return template, checkTemplate(template)
}

var notID = regexp.MustCompile(`[^A-Za-z0-9]+`)

// describe names an operation: by its operationId, or by method and path.
func describe(raw json.RawMessage, template, method string, ids map[string]bool) operation {
	var about struct {
		OperationID string `json:"operationId"`
		Summary     string `json:"summary"`
	}
	_ = json.Unmarshal(raw, &about) // an odd operation is named by its path
	id := strings.Trim(notID.ReplaceAllString(about.OperationID, "-"), "-")
	if id == "" {
		id = strings.Trim(strings.ToLower(method)+"-"+strings.Trim(notID.ReplaceAllString(template, "-"), "-"), "-")
	}
	id = strings.Trim(strings.ToLower(id[:min(len(id), 56)]), "-")
	unique := id
	for n := 2; ids[unique]; n++ {
		unique = fmt.Sprintf("%s-%d", id, n)
	}
	ids[unique] = true
	return operation{unique, template, method, about.Summary}
}
