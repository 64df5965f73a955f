package detect

import (
	"bytes"
	"encoding/json"
	"io"
	"mime"
	"mime/multipart"
	"strings"
)

// The bounds of what is looked for in one answer.
const (
	MaxValues = 32
	MaxLength = 4 << 10 // of a value; a longer one is looked for by its beginning
)

// Source is the part of a request from which a value came.
type Source string

// The sources.
const (
	Query Source = "query"
	Path  Source = "path"
	Form  Source = "form"
	JSON  Source = "json"
)

// Value is one suspicious value of a request.
type Value struct {
	Source Source
	Name   string // of the parameter, as the client wrote it; "" for a segment of the path
	text   string // it may be an attack, or somebody's secret: it never leaves the package
}

// Values are the suspicious values of one request. The zero value has none. Not safe for
// concurrent use.
type Values struct {
	// Exempt, when set, says which parameters may hold markup.
	Exempt func(name string) bool

	list []Value
}

// Len returns how many there are.
func (v *Values) Len() int { return len(v.list) }

// Add adds a decoded value if it is suspicious, and what it would be if it were decoded
// once more. White space around it does not count; applications often trim it.
func (v *Values) Add(source Source, name, value string) {
	if v.Exempt != nil && v.Exempt(name) {
		return
	}
	v.add(source, name, value)
	if strings.IndexByte(value, '%') >= 0 {
		v.add(source, name, unescape(value, false))
	}
}

func (v *Values) add(source Source, name, value string) {
	value = strings.Trim(value, " \t\r\n\f")
	if len(value) > MaxLength {
		value = value[:MaxLength]
	}
	if len(v.list) == MaxValues || !Suspicious(value) {
		return
	}
	for i := range v.list {
		if v.list[i].text == value {
			return
		}
	}
	v.list = append(v.list, Value{source, name, value})
}

// AddEncoded adds the values of a query (Query) or a urlencoded body (Form).
func (v *Values) AddEncoded(source Source, raw string) {
	for raw != "" && len(v.list) < MaxValues {
		var pair string
		if pair, raw, _ = strings.Cut(raw, "&"); !Gate(pair) {
			continue
		}
		name, value, found := strings.Cut(pair, "=")
		if !found { // "?<script>": the whole is the value
			name, value = "", pair
		}
		v.Add(source, unescape(name, true), unescape(value, true))
		if Gate(name) {
			v.Add(source, "", unescape(name, true)) // names come back too
		}
	}
}

// AddPath adds the segments of a raw path, or where none is suspicious alone, the whole.
func (v *Values) AddPath(raw string) {
	if !Gate(raw) {
		return
	}
	before := len(v.list)
	for segment := range strings.SplitSeq(raw, "/") {
		if Gate(segment) {
			v.Add(Path, "", unescape(segment, false))
		}
	}
	if len(v.list) == before {
		v.Add(Path, "", unescape(raw, false))
	}
}

// GateBody is Gate for the beginning of a body.
func GateBody(contentType string, body []byte) bool {
	essence, _, _ := strings.Cut(contentType, ";")
	switch essence = strings.Trim(essence, " \t"); {
	case len(body) == 0:
		return false
	case strings.EqualFold(essence, "application/x-www-form-urlencoded"):
		return Gate(body)
	case strings.EqualFold(essence, "multipart/form-data"):
		return true // it has quotes of its own
	}
	return gateJSON(body) // AddBody sees whether it is JSON
}

// AddBody adds the values of the beginning of a body, by its Content-Type.
func (v *Values) AddBody(contentType string, body []byte) {
	essence, params, err := mime.ParseMediaType(contentType)
	switch {
	case err != nil || len(body) == 0:
	case essence == "application/x-www-form-urlencoded":
		if Gate(body) {
			v.AddEncoded(Form, string(body))
		}
	case essence == "multipart/form-data":
		v.addMultipart(params["boundary"], body)
	case essence == "application/json" || strings.HasSuffix(essence, "+json"):
		v.addJSON(body)
	}
}

// addMultipart adds the parts that are no files.
func (v *Values) addMultipart(boundary string, body []byte) {
	if boundary == "" {
		return
	}
	parts := multipart.NewReader(bytes.NewReader(body), boundary)
	for len(v.list) < MaxValues {
		part, err := parts.NextRawPart()
		if err != nil { // the end, or that of what was read
			return
		}
		if part.FileName() != "" {
			v.Add(Form, part.FormName(), part.FileName())
			continue
		}
		text, err := io.ReadAll(io.LimitReader(part, MaxLength))
		if v.Add(Form, part.FormName(), string(text)); err != nil {
			return
		}
	}
}

// gateJSON is Gate for JSON, whose own quotes and colons mean nothing.
func gateJSON(body []byte) bool {
	for i := 0; i+1 < len(body); i++ {
		switch next := body[i+1]; body[i] {
		case '<':
			return true
		case '\\':
			if next == 'u' || next == '"' {
				return true
			}
		case '\'':
			if boundary(body[i+1:]) || next == '\\' {
				return true
			}
		case 't', 'T', 'n', 'r', '\t':
			if next == ':' {
				return true
			}
		}
	}
	return false
}

// addJSON adds the strings, each under the last name before it.
func (v *Values) addJSON(body []byte) {
	if !gateJSON(body) {
		return
	}
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.UseNumber()
	type level struct {
		object, name bool // name: the next string is one
		last         string
	}
	stack := []level{{}}
	for len(v.list) < MaxValues && len(stack) < 64 {
		token, err := decoder.Token()
		if err != nil {
			return
		}
		top := &stack[len(stack)-1]
		switch t := token.(type) {
		case json.Delim:
			switch t {
			case '{', '[':
				top.name = top.object
				stack = append(stack, level{object: t == '{', name: t == '{', last: top.last})
			default:
				stack = stack[:len(stack)-1]
			}
			continue
		case string:
			if top.name {
				top.last, top.name = t, false
				continue
			}
			v.Add(JSON, top.last, t)
		}
		top.name = top.object
	}
}
