package schema

import (
	"encoding/json"
	"fmt"
	"net/url"
	"strconv"
	"strings"
)

// pointerOf writes tokens as a JSON pointer (RFC 6901, Section 3).
func pointerOf(tokens ...string) string {
	var b strings.Builder
	for _, t := range tokens {
		b.WriteByte('/')
		b.WriteString(strings.ReplaceAll(strings.ReplaceAll(t, "~", "~0"), "/", "~1"))
	}
	return b.String()
}

// localPointer returns the pointer of a reference within the document, false for any
// other reference: nothing is ever fetched for one.
func localPointer(ref string) (string, bool) {
	fragment, ok := strings.CutPrefix(ref, "#")
	if !ok {
		return "", false
	}
	pointer, err := url.PathUnescape(fragment) // RFC 6901, Section 6
	return pointer, err == nil && (pointer == "" || pointer[0] == '/')
}

// lookup finds what a JSON pointer names.
func lookup(root any, pointer string) (any, error) {
	if pointer == "" {
		return root, nil
	}
	at := root
	for token := range strings.SplitSeq(pointer[1:], "/") {
		token = strings.ReplaceAll(strings.ReplaceAll(token, "~1", "/"), "~0", "~")
		switch v := at.(type) {
		case map[string]any:
			next, ok := v[token]
			if !ok {
				return nil, fmt.Errorf("#%s leads nowhere", pointer)
			}
			at = next
		case []any:
			i, err := strconv.Atoi(token)
			if err != nil || i < 0 || i >= len(v) {
				return nil, fmt.Errorf("#%s leads nowhere", pointer)
			}
			at = v[i]
		default:
			return nil, fmt.Errorf("#%s leads nowhere", pointer)
		}
	}
	return at, nil
}

// maxRefs bounds a chain of references.
const maxRefs = 16

// deref follows the references of an object that is no schema (a parameter, a body, a
// path item) and returns it with its place.
func deref(root any, v any, at string) (map[string]any, string, error) {
	for range maxRefs {
		m, ok := v.(map[string]any)
		if !ok {
			return nil, at, fmt.Errorf("%s is no object", at)
		}
		ref, ok := m["$ref"].(string)
		if !ok {
			return m, at, nil
		}
		pointer, local := localPointer(ref)
		if !local {
			return nil, at, fmt.Errorf("%s: $ref leads out of the document, which is not followed", at)
		}
		var err error
		if v, err = lookup(root, pointer); err != nil {
			return nil, at, fmt.Errorf("%s: %w", at, err)
		}
		at = pointer
	}
	return nil, at, fmt.Errorf("%s: more than %d references in a row", at, maxRefs)
}

// kindOf is the kind of a decoded constant.
func kindOf(v any) kind {
	switch v.(type) {
	case bool:
		return boolean
	case json.Number:
		return number
	case string:
		return text
	case []any:
		return array
	case map[string]any:
		return object
	}
	return null
}
