package csrf

import (
	"bytes"
	"mime"
	"strings"

	"github.com/sanmon-gate/sanmon/refusal"
)

// maxPartHeader is the largest header of a first part that can be ours, in bytes.
const maxPartHeader = 1 << 10

const crlf = "\r\n"

// findPart reads the first part of a multipart/form-data body. It cuts from the first
// delimiter up to the second, so that the rest begins with a delimiter as before, or is
// the closing delimiter alone.
func findPart(contentType string, body []byte) (Field, error) {
	boundary, ok := boundary(contentType)
	if !ok {
		return Field{}, refusal.New(refusal.CSRFInvalid, "the boundary of the multipart Content-Type cannot be read (RFC 2046, Section 5.1.1)")
	}
	// The line break before a delimiter belongs to it (RFC 2046, Section 5.1.1).
	delimiter := []byte(crlf + "--" + boundary)
	after, ok := bytes.CutPrefix(body, delimiter[len(crlf):])
	if !ok || !bytes.HasPrefix(after, []byte(crlf)) {
		return Field{}, nil
	}
	after = after[len(crlf):]
	header, _, ok := bytes.Cut(after[:min(len(after), maxPartHeader)], []byte(crlf+crlf))
	if !ok || !isTokenPart(string(header)) {
		return Field{}, nil
	}
	value := after[len(header)+len(crlf+crlf):]
	n := bytes.Index(value, delimiter)
	if n < 0 || n > MaxLength || !closes(value[n+len(delimiter):]) {
		return Field{}, refusal.New(refusal.CSRFInvalid, "the part %s does not end with a delimiter after at most %d bytes (send the token as it was issued)", FieldName, MaxLength)
	}
	return Field{Token: string(value[:n]), Start: 0, End: len(body) - len(value) + n + len(crlf)}, nil
}

// boundary returns the parameter of that name.
func boundary(contentType string) (string, bool) {
	if strings.Contains(contentType, "*") { // RFC 2231 spellings are read differently by different backends
		return "", false
	}
	_, params, err := mime.ParseMediaType(contentType)
	boundary := params["boundary"]
	if err != nil || boundary == "" || len(boundary) > 70 || strings.HasSuffix(boundary, " ") {
		return "", false
	}
	for i := range len(boundary) {
		if c := boundary[i]; c < ' ' || c > '~' {
			return "", false
		}
	}
	return boundary, true
}

// isTokenPart reports whether the header is that of our field: one Content-Disposition with
// the name and nothing else, perhaps a Content-Type, nothing more.
func isTokenPart(header string) bool {
	dispositions, types := 0, 0
	for line := range strings.SplitSeq(header, crlf) {
		name, value, _ := strings.Cut(line, ":")
		switch {
		case strings.EqualFold(name, "Content-Disposition") && isTokenDisposition(value):
			dispositions++
		case strings.EqualFold(name, "Content-Type") && !strings.ContainsAny(value, "\r\n"):
			types++
		default:
			return false
		}
	}
	return dispositions == 1 && types <= 1
}

func isTokenDisposition(value string) bool {
	if strings.ContainsAny(value, "*\r\n") {
		return false
	}
	kind, params, err := mime.ParseMediaType(value)
	return err == nil && kind == "form-data" && len(params) == 1 && params["name"] == FieldName
}

// closes reports whether what follows a delimiter ends its line or the body.
func closes(after []byte) bool {
	return bytes.HasPrefix(after, []byte(crlf)) || bytes.HasPrefix(after, []byte("--"))
}
