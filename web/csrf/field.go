package csrf

import (
	"strings"

	"github.com/sanmon-gate/sanmon/refusal"
)

const (
	// FieldName is the name of the form field and of the query parameter.
	FieldName = "_sanmon"
	// HeaderName is the header field, in canonical form.
	HeaderName = "X-Sanmon-Csrf"
	// Window is how much of a body is searched for the field, in bytes.
	Window = 64 << 10
)

// Field is the token's place in a body. The zero Field is none.
type Field struct {
	Token      string
	Start, End int // the bytes to leave out, so that the backend never sees the field
}

// Found reports whether there is a field, be its value empty.
func (f Field) Found() bool { return f.End > f.Start }

// Find looks for the token's field at the beginning of a body: anywhere in the first
// Window bytes of a urlencoded form, or in the first part of multipart/form-data. Other
// types have none. prefix is the beginning of the body; complete says that it is all of
// it. A prefix shorter than Window must be complete, or a field may be missed.
//
// csrf_invalid is returned for a field that comes twice, is cut off by the end of the
// prefix, or cannot be read. Bodies are read as WHATWG URL (urlencoded parsing) and
// RFC 7578 have browsers write them; no other spelling of multipart is recognised.
func Find(contentType string, prefix []byte, complete bool) (Field, error) {
	if len(prefix) > Window {
		prefix, complete = prefix[:Window], false
	}
	media, _, _ := strings.Cut(contentType, ";")
	media = strings.Trim(media, " \t")
	switch {
	case strings.EqualFold(media, "application/x-www-form-urlencoded"):
		return findPair(prefix, complete)
	case strings.EqualFold(media, "multipart/form-data"):
		return findPart(contentType, prefix)
	}
	return Field{}, nil
}

// FindQuery takes the token's parameter out of a query, which stays byte for byte as it
// was otherwise. It is for GET routes that are declared write; their tokens are of kind
// Once. A parameter that comes twice gives a token that verifies nowhere.
func FindQuery(rawQuery string) (token, rest string, found bool) {
	rest = rawQuery
	for from := 0; ; {
		start, end, ok := nextPair(rest, from)
		if !ok {
			return token, rest, found
		}
		value, is := tokenPair(rest[start:end])
		if !is {
			from = end + 1
			continue
		}
		if found {
			value = token + "&" + value // outside the alphabet of tokens
		}
		token, found = value, true
		a, b := widen(rest, start, end)
		rest, from = rest[:a]+rest[b:], a
	}
}

func findPair(body []byte, complete bool) (Field, error) {
	var f Field
	for from := 0; ; {
		start, end, ok := nextPair(body, from)
		if !ok {
			return f, nil
		}
		from = end + 1
		token, is := tokenPair(body[start:end])
		switch {
		case !is:
		case f.Found():
			return Field{}, refusal.New(refusal.CSRFInvalid, "the field %s comes twice (send it once)", FieldName)
		case end == len(body) && !complete:
			return Field{}, refusal.New(refusal.CSRFInvalid, "the field %s does not end within the first %d bytes of the form (put it first)", FieldName, len(body))
		default:
			f.Token = token
			f.Start, f.End = widen(body, start, end)
		}
	}
}
