package schema

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/token"
)

// maxTree bounds the depth of a document.
const maxTree = 200

// readDocument decodes JSON or YAML into maps, with numbers as they were written.
func readDocument(src []byte) (map[string]any, error) {
	if len(src) > MaxDocument {
		return nil, fmt.Errorf("the document is larger than %d MiB", MaxDocument>>20)
	}
	if trimmed := bytes.TrimLeft(src, " \t\r\n"); len(trimmed) == 0 || trimmed[0] != '{' {
		var err error
		if src, err = fromYAML(src); err != nil {
			return nil, err
		}
	}
	decoder := json.NewDecoder(bytes.NewReader(src))
	decoder.UseNumber()
	var v any
	if err := decoder.Decode(&v); err != nil {
		return nil, errors.New("the document is not valid JSON")
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("the document has something after its end")
	}
	root, ok := v.(map[string]any)
	if !ok {
		return nil, errors.New("the document is no object")
	}
	if deeper(root, maxTree) {
		return nil, fmt.Errorf("the document is nested deeper than %d", maxTree)
	}
	return root, nil
}

// fromYAML turns YAML into JSON. Anchors and aliases are refused: a few lines of them
// can stand for gigabytes.
func fromYAML(src []byte) ([]byte, error) {
	for _, t := range lexer.Tokenize(string(src)) {
		if t.Type == token.AnchorType || t.Type == token.AliasType || t.Type == token.MergeKeyType {
			return nil, fmt.Errorf("the document has a YAML anchor or alias on line %d (write it out)", t.Position.Line)
		}
	}
	out, err := yaml.YAMLToJSON(src)
	if err != nil {
		return nil, errors.New("the document is neither valid JSON nor YAML")
	}
	return out, nil
}

// deeper reports whether v is nested deeper than n.
func deeper(v any, n int) bool {
	if n == 0 {
		return true
	}
	switch v := v.(type) {
	case map[string]any:
		for _, child := range v {
			if deeper(child, n-1) {
				return true
			}
		}
	case []any:
		for _, child := range v {
			if deeper(child, n-1) {
				return true
			}
		}
	}
	return false
}
