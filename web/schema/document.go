package schema

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"sync"
)

// MaxDocument is the size of the largest document that is read, in bytes.
const MaxDocument = 8 << 20

// maxOperations bounds one document.
const maxOperations = 10_000

// Document is one parsed and compiled OpenAPI document. It is immutable and safe for
// concurrent use.
type Document struct {
	Hash       [32]byte // SHA-256 of the source
	Version    string   // "3.0.3"
	Title      string
	Operations []*Operation // by path, then method

	router router
	judges sync.Pool
}

// Operation is one method of one path.
type Operation struct {
	Method   string // upper case
	Path     string // template, with the path of the document's first server in front
	ID       string // operationId; may be empty
	Unjudged error  // why no request of it can be judged; nil
	Natures  []Nature

	digest     [32]byte // of everything that the operation says, references included
	segments   []segment
	parameters []parameter
	schemes    []string // query parameters of security schemes
	body       *body
}

// Parse reads a document in JSON or YAML. Nothing outside of it is ever read: a
// reference that leads elsewhere makes its operation Unjudged. Parse bounds size, depth
// and count; the time is in proportion to the size.
func Parse(src []byte) (*Document, error) {
	root, err := readDocument(src)
	if err != nil {
		return nil, err
	}
	d := &Document{Hash: sha256.Sum256(src)}
	if d.Version, err = version(root); err != nil {
		return nil, err
	}
	if info, ok := root["info"].(map[string]any); ok {
		d.Title, _ = info["title"].(string)
	}
	b := builder{
		compiler: compiler{root: root, v30: strings.HasPrefix(d.Version, "3.0."), rules: map[string]*rule{}, bad: map[string]error{}},
		document: d, base: base(root), digests: map[string][32]byte{},
	}
	if err := b.paths(); err != nil {
		return nil, err
	}
	for _, r := range b.made {
		r.settle()
	}
	for _, o := range d.Operations {
		o.settle()
		o.Natures = naturesOf(o)
	}
	return d, nil
}

// version accepts the versions whose meaning is known.
func version(root map[string]any) (string, error) {
	v, _ := root["openapi"].(string)
	if !strings.HasPrefix(v, "3.0.") && !strings.HasPrefix(v, "3.1.") {
		if root["swagger"] != nil {
			return "", errors.New("the document is Swagger 2 (convert it to OpenAPI 3)")
		}
		return "", errors.New("the document does not say openapi: 3.0.x or 3.1.x")
	}
	dialect, _ := root["jsonSchemaDialect"].(string)
	if dialect != "" && dialect != "https://spec.openapis.org/oas/3.1/dialect/base" && dialect != "https://json-schema.org/draft/2020-12/schema" {
		return "", errors.New("jsonSchemaDialect names a dialect that is not understood (leave it out)")
	}
	return v, nil
}

// base is the path of the first server, which stands before all paths. FastAPI writes
// root_path there.
func base(root map[string]any) string {
	servers, _ := root["servers"].([]any)
	if len(servers) == 0 {
		return ""
	}
	server, _ := servers[0].(map[string]any)
	at, _ := server["url"].(string)
	u, err := url.Parse(at)
	if err != nil || strings.Contains(u.Path, "{") || !strings.HasPrefix(u.Path, "/") {
		return ""
	}
	return strings.TrimRight(u.Path, "/")
}

// builder reads the operations of a document.
type builder struct {
	compiler
	document *Document
	base     string
	digests  map[string][32]byte
}

var methods = [...]string{"get", "put", "post", "delete", "options", "head", "patch", "trace"}

func (b *builder) paths() error {
	paths, ok := b.root["paths"].(map[string]any)
	if !ok && b.root["paths"] != nil {
		return errors.New("paths is no object")
	}
	for _, path := range slices.Sorted(maps.Keys(paths)) {
		if strings.HasPrefix(path, "x-") {
			continue
		}
		if !strings.HasPrefix(path, "/") || strings.ContainsAny(path, "?#\\") {
			return fmt.Errorf("paths: %q does not begin with a slash, or has a query", clip(path))
		}
		at := "/paths" + pointerOf(path)
		item, at, err := deref(b.root, paths[path], at)
		if err != nil {
			return err
		}
		for _, method := range methods {
			if item[method] == nil {
				continue
			}
			if len(b.document.Operations) >= maxOperations {
				return fmt.Errorf("the document has more than %d operations", maxOperations)
			}
			b.operation(strings.ToUpper(method), path, item, at)
		}
	}
	return nil
}

func (b *builder) operation(method, path string, item map[string]any, at string) {
	o := &Operation{Method: method, Path: b.base + path}
	b.document.Operations = append(b.document.Operations, o)
	about, place, err := deref(b.root, item[strings.ToLower(method)], at+pointerOf(strings.ToLower(method)))
	if err == nil {
		o.ID, _ = about["operationId"].(string)
		o.digest = b.digest(map[string]any{"parameters": item["parameters"], "operation": about})
		err = b.fillOperation(o, item, at, about, place)
	}
	if err2 := b.document.router.add(o); err == nil {
		err = err2
	}
	o.Unjudged = err
}

// digest identifies what a part of the document says, with all that it refers to. What
// only describes (summaries, examples, answers) does not count.
func (b *builder) digest(v any) [32]byte {
	h := sha256.New()
	seen := map[string]bool{}
	pending := []any{v}
	for len(pending) > 0 {
		part := essence(pending[0], func(pointer string) {
			if target, err := lookup(b.root, pointer); err == nil && !seen[pointer] {
				seen[pointer] = true
				pending = append(pending, target)
			}
		})
		pending = pending[1:]
		text, _ := json.Marshal(part) // maps come out sorted
		h.Write(text)
		h.Write([]byte{0})
	}
	return [32]byte(h.Sum(nil))
}

// essence copies what decides about requests and reports references within.
func essence(v any, refers func(string)) any {
	switch v := v.(type) {
	case map[string]any:
		m := make(map[string]any, len(v))
		for _, key := range slices.Sorted(maps.Keys(v)) { // references are reported in one order
			value := v[key]
			switch key {
			case "summary", "description", "example", "examples", "responses", "tags", "title", "externalDocs", "deprecated", "operationId", "callbacks":
				if _, text := value.(map[string]any); !text || key == "responses" || key == "examples" || key == "externalDocs" || key == "callbacks" {
					continue
				}
			case "$ref":
				if ref, ok := value.(string); ok {
					if pointer, local := localPointer(ref); local {
						refers(pointer)
					}
				}
			}
			m[key] = essence(value, refers)
		}
		return m
	case []any:
		list := make([]any, len(v))
		for i := range v {
			list[i] = essence(v[i], refers)
		}
		return list
	}
	return v
}

func clip(s string) string {
	if len(s) > 80 {
		return s[:80] + "…"
	}
	return s
}
