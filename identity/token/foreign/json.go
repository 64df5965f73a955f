package foreign

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// The bounds of a JSON text.
const (
	maxDepth   = 8
	maxMembers = 1024 // of all objects together
)

// object reads one JSON object strictly: valid UTF-8, no member name twice, no two names
// that differ in case only (encoding/json would take one for the other), no U+0000 and no
// lone surrogates in any string, at most maxDepth deep, nothing behind it.
func object(text []byte) (map[string]json.RawMessage, error) {
	if !utf8.Valid(text) || bytes.HasPrefix(text, []byte("\ufeff")) {
		return nil, errors.New("it is not UTF-8 without a byte order mark")
	}
	w := walker{d: json.NewDecoder(bytes.NewReader(text))}
	w.d.UseNumber()
	first, err := w.d.Token()
	if err != nil || first != json.Delim('{') {
		return nil, errors.New("it is no JSON object")
	}
	if err := w.members(1); err != nil {
		return nil, err
	}
	if _, err := w.d.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("there is something behind the JSON object")
	}
	var out map[string]json.RawMessage
	if err := json.Unmarshal(text, &out); err != nil {
		return nil, errors.New("it is no JSON")
	}
	return out, nil
}

// walker goes through a JSON text token by token.
type walker struct {
	d    *json.Decoder
	seen int
}

// members reads the rest of an object.
func (w *walker) members(depth int) error {
	names := map[string]bool{}
	for {
		t, err := w.d.Token()
		if err != nil {
			return errors.New("it is no JSON")
		}
		name, ok := t.(string)
		if !ok {
			return nil // the closing brace
		}
		folded := strings.ToLower(name)
		if names[folded] {
			return fmt.Errorf("member %q is there twice", name)
		}
		names[folded] = true
		if w.seen++; w.seen > maxMembers {
			return fmt.Errorf("it has more than %d members", maxMembers)
		}
		if err := text(name); err != nil {
			return err
		}
		if err := w.value(depth); err != nil {
			return err
		}
	}
}

// value reads one value inside something of that depth; io.EOF at the end of an array.
func (w *walker) value(depth int) error {
	t, err := w.d.Token()
	if err != nil {
		return errors.New("it is no JSON")
	}
	switch v := t.(type) {
	case string:
		return text(v)
	case json.Delim:
		if v == ']' {
			return io.EOF
		}
		if depth++; depth > maxDepth {
			return fmt.Errorf("it is nested more than %d deep", maxDepth)
		}
		if v == '{' {
			return w.members(depth)
		}
		for {
			if err := w.value(depth); errors.Is(err, io.EOF) {
				return nil
			} else if err != nil {
				return err
			}
		}
	}
	return nil
}

// text refuses strings that other readers may read as another one.
func text(s string) error {
	if strings.ContainsAny(s, "\x00\ufffd") {
		return errors.New("a string has U+0000, or half of a surrogate pair")
	}
	return nil
}
