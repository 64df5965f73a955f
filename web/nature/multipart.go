package nature

import (
	"mime"
	"strings"

	"github.com/sanmon-gate/sanmon/refusal"
)

const crlf = "\r\n"

// maxPartHeader bounds the header of a part, in bytes.
const maxPartHeader = 8 << 10

// part is what the header of a part says.
type part struct {
	name string
	file bool
}

// multipart judges a whole body.
func (s *sink) multipart(boundary string, body []byte) error {
	p, err := newParts(s, boundary)
	if err == nil {
		err = p.Push(body)
	}
	if err == nil {
		err = p.Close()
	}
	return err
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
