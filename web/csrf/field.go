package csrf

import (
	"net/url"
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

// nextPair returns the bounds of the pair that begins at from; false behind the last.
func nextPair[T string | []byte](s T, from int) (start, end int, ok bool) {
	if from > len(s) {
		return 0, 0, false
	}
	for end = from; end < len(s) && s[end] != '&'; end++ {
	}
	return from, end, true
}

// widen adds the one "&" that goes with the pair.
func widen[T string | []byte](s T, start, end int) (int, int) {
	switch {
	case end < len(s):
		return start, end + 1
	case start > 0:
		return start - 1, end
	}
	return start, end
}

// tokenPair returns the decoded value when the decoded name is FieldName. A value that
// does not decode is returned as it stands: no token has a "%".
func tokenPair[T string | []byte](pair T) (string, bool) {
	if len(pair) == 0 || pair[0] != FieldName[0] && pair[0] != '%' { // most pairs
		return "", false
	}
	eq := 0
	for eq < len(pair) && pair[eq] != '=' {
		eq++
	}
	if !isFieldName(pair[:eq]) {
		return "", false
	}
	if eq == len(pair) {
		return "", true
	}
	raw := string(pair[eq+1:])
	if value, err := url.QueryUnescape(raw); err == nil {
		return value, true
	}
	return raw, true
}

// isFieldName compares without allocating, decoding as it goes.
func isFieldName[T string | []byte](name T) bool {
	at := 0
	for i := 0; i < len(name); i++ {
		c := name[i]
		if c == '%' {
			if i+2 >= len(name) {
				return false
			}
			hi, lo := unhex(name[i+1]), unhex(name[i+2])
			if hi > 15 || lo > 15 {
				return false
			}
			c, i = hi<<4|lo, i+2
		} else if c == '+' {
			c = ' '
		}
		if at >= len(FieldName) || c != FieldName[at] {
			return false
		}
		at++
	}
	return at == len(FieldName)
}

func unhex(c byte) byte {
	switch {
	case c >= '0' && c <= '9':
		return c - '0'
	case c >= 'a' && c <= 'f':
		return c - 'a' + 10
	case c >= 'A' && c <= 'F':
		return c - 'A' + 10
	}
	return 255
}
