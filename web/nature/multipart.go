package nature

import (
	"bytes"
	"fmt"
	"mime"
	"strings"

	"github.com/sanmon-gate/sanmon/refusal"
)

const crlf = "\r\n"

// maxPartHeader bounds the header of a part, in bytes.
const maxPartHeader = 8 << 10

// part is one part of a multipart/form-data body.
type part struct {
	name  string
	file  bool
	value []byte
}

// multipart judges the parts that are no files. The framing must be the one that
// browsers write (RFC 2046, Section 5.1.1; RFC 7578, Section 4.1): a boundary that stands
// anywhere else is a delimiter to some backends and text to others.
func (s *sink) multipart(boundary string, body []byte) error {
	if !validBoundary(boundary) {
		return malformed("the boundary of the multipart body cannot be read in one way only")
	}
	delimiter := []byte(crlf + "--" + boundary)
	rest, ok := bytes.CutPrefix(body, delimiter[len(crlf):])
	for n := 1; ok && !s.full(); n++ {
		if end, last := bytes.CutPrefix(rest, []byte("--")); last {
			if len(end) > 0 && string(end) != crlf {
				return malformed("something follows the end of the multipart body")
			}
			return nil
		}
		var p part
		var err error
		if p, rest, err = nextPart(rest, delimiter); err != nil {
			return err
		}
		s.part(p, n)
	}
	if ok {
		return nil // full
	}
	return malformed("the multipart body does not begin with its boundary")
}

func (s *sink) part(p part, n int) {
	place := func() string { return fmt.Sprintf("part %d of the form", n) }
	if kind := FindMarkup(p.name); kind != "" {
		s.report(nil, kind+" in its name", place)
	}
	if !p.file {
		s.value(s.fields.flat[p.name], string(p.value), place)
	}
}

// nextPart cuts one part off what follows a delimiter.
func nextPart(rest, delimiter []byte) (part, []byte, error) {
	rest, ok := bytes.CutPrefix(rest, []byte(crlf))
	if !ok {
		return part{}, nil, malformed("a boundary of the multipart body does not end its line")
	}
	header, _, ok := bytes.Cut(rest[:min(len(rest), maxPartHeader)], []byte(crlf+crlf))
	if !ok {
		return part{}, nil, malformed("a part of the multipart body has no end of its header")
	}
	value, after, ok := bytes.Cut(rest[len(header)+len(crlf):], delimiter)
	if !ok {
		return part{}, nil, malformed("a part of the multipart body does not end")
	}
	if value, ok = bytes.CutPrefix(value, []byte(crlf)); !ok || bytes.Contains(value, delimiter[len(crlf):]) || bytes.Contains(header, delimiter[len(crlf):]) {
		return part{}, nil, malformed("the boundary stands inside a part of the multipart body")
	}
	p, err := readHeader(string(header))
	p.value = value
	return p, after, err
}

// readHeader reads the fields of a part that matter. An encoding is refused: RFC 7578,
// Section 4.7 deprecates it, and some backends decode it.
func readHeader(header string) (part, error) {
	var p part
	named := false
	for line := range strings.SplitSeq(header, crlf) {
		name, value, ok := strings.Cut(line, ":")
		if !ok || strings.ContainsAny(name, " \t") || strings.ContainsAny(line, "\r\n\x00") {
			return p, malformed("the header of a part cannot be read in one way only")
		}
		value = strings.TrimSpace(value)
		switch strings.ToLower(name) {
		case "content-disposition":
			if named {
				return p, malformed("a part has two Content-Disposition fields")
			}
			named = true
			if err := p.disposition(value); err != nil {
				return p, err
			}
		case "content-transfer-encoding":
			if v := strings.ToLower(value); v != "7bit" && v != "8bit" && v != "binary" {
				return p, malformed("a part has a Content-Transfer-Encoding (send it as it is)")
			}
		case "content-type":
			if _, _, err := mediaType(value); err != nil {
				return p, err
			}
		}
	}
	if !named {
		return p, malformed("a part has no Content-Disposition")
	}
	return p, nil
}

// disposition reads name and file name. A part with an empty file name is a file to some
// backends and a value to others, so it is judged.
func (p *part) disposition(value string) error {
	kind, params, err := mime.ParseMediaType(value)
	name, named := params["name"]
	if err != nil || kind != "form-data" || !named || strings.Contains(value, "*=") {
		return malformed("the Content-Disposition of a part cannot be read in one way only")
	}
	p.name, p.file = name, params["filename"] != ""
	return nil
}

func validBoundary(b string) bool {
	if b == "" || len(b) > 70 || strings.HasSuffix(b, " ") {
		return false
	}
	return !strings.ContainsFunc(b, func(r rune) bool { return r < ' ' || r > '~' })
}

func malformed(why string) error {
	return refusal.New(refusal.InputInvalid, "%s, so the fields cannot be judged", why)
}
