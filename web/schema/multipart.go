package schema

import (
	"errors"
	"mime"
	"strings"
	"unicode/utf8"
)

// The bounds of a multipart body.
const (
	maxParts      = 1000
	maxPartHeader = 2 << 10
)

const crlf = "\r\n"

// readParts reads multipart/form-data as browsers write it (RFC 7578): no preamble, no
// epilogue, one Content-Disposition to a part and perhaps a Content-Type. What one
// parser reads in another way than the next is an error.
func readParts(boundary string, content []byte) ([]entry, error) {
	if !clean(boundary) {
		return nil, errors.New("has no boundary that can be read")
	}
	delimiter := crlf + "--" + boundary
	rest, ok := strings.CutPrefix(crlf+string(content), delimiter)
	if !ok {
		return nil, errors.New("does not begin with its boundary")
	}
	var all []entry
	for {
		switch {
		case rest == "--" || rest == "--"+crlf:
			return all, nil
		case len(all) >= maxParts:
			return nil, errors.New("has more than a thousand parts")
		}
		if rest, ok = strings.CutPrefix(rest, crlf); !ok {
			return nil, errors.New("has something after a boundary")
		}
		header, after, ok := strings.Cut(rest, crlf+crlf)
		if !ok || len(header) > maxPartHeader {
			return nil, errors.New("has a part without a header, or with one that is too long")
		}
		part, err := readHeader(header)
		if err != nil {
			return nil, err
		}
		if part.value, rest, ok = strings.Cut(after, delimiter); !ok {
			return nil, errors.New("ends within a part")
		}
		if !part.file && !utf8.ValidString(part.value) {
			return nil, errors.New("has a field that is not valid UTF-8")
		}
		all = append(all, part)
	}
}

// readHeader reads the header of a part.
func readHeader(header string) (entry, error) {
	var part entry
	dispositions, types := 0, 0
	for line := range strings.SplitSeq(header, crlf) {
		name, value, _ := strings.Cut(line, ":")
		if strings.ContainsAny(value, "*\r\n\x00") || !utf8.ValidString(value) {
			return part, errors.New("has a part whose header cannot be read in one way only")
		}
		switch strings.ToLower(name) {
		case "content-disposition":
			dispositions++
			if !part.disposition(value) {
				return part, errors.New("has a part without a name that can be read")
			}
		case "content-type":
			types++
			media, _, err := mime.ParseMediaType(value)
			part.json = err == nil && formOf(media) == jsonForm
		default:
			return part, errors.New("has a part with another header than Content-Disposition and Content-Type")
		}
	}
	if dispositions != 1 || types > 1 {
		return part, errors.New("has a part without one Content-Disposition")
	}
	part.json = part.json && !part.file
	return part, nil
}

// disposition reads form-data; name="…"; filename="…" (RFC 7578, Section 4.2). A
// backslash is read as an escape by some and as itself by others.
func (e *entry) disposition(value string) bool {
	if strings.Contains(value, `\`) {
		return false
	}
	kind, params, err := mime.ParseMediaType(value)
	if err != nil || kind != "form-data" {
		return false
	}
	for name := range params {
		if name != "name" && name != "filename" {
			return false
		}
	}
	_, e.file = params["filename"]
	e.name = params["name"]
	return e.name != ""
}
