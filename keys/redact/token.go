package redact

import (
	"bytes"
	"encoding/base64"

	"github.com/sanmon-gate/sanmon/secret"
)

// minBearer is how long a bearer token is at least: shorter is a word of a sentence.
const minBearer = 8

// blank looks at a separator that may stand before a credential or within a list of
// bytes.
func blank(b []byte, at int) cut {
	if b[at] != '+' {
		if c := listedKey(b, at); c.with != "" {
			return c
		}
	}
	if b[at] == ',' {
		return none()
	}
	return credential(b, at, at+1)
}

// credential finds Bearer and Basic credentials (RFC 6750, RFC 7617) by what stands
// between scheme and value.
func credential(b []byte, at, value int) cut {
	if at < 4 || bytes.IndexByte([]byte("rRcCpP"), b[at-1]) < 0 {
		return none()
	}
	for value < len(b) && b[value] == ' ' {
		value++
	}
	switch {
	case ends(b[:at], "bearer"), ends(b[:at], "dpop"):
		end := tokenEnd(b, value)
		if end-value < minBearer || bytes.HasPrefix(b[end:], []byte(secret.Redacted)) {
			return none()
		}
		return whole(b, value, end)
	case ends(b[:at], "basic"):
		end := tokenEnd(b, value)
		if !isBasic(b[value:end]) {
			return none()
		}
		return found(value, end)
	}
	return none()
}

// ends reports whether b ends in word, in any case, as a word of its own.
func ends(b []byte, word string) bool {
	n := len(b) - len(word)
	return n >= 0 && bytes.EqualFold(b[n:], []byte(word)) && (n == 0 || !isAlnum(b[n-1]) || escaped(b, n-1))
}

// escaped reports whether b[at] is the letter of a JSON escape such as \n.
func escaped(b []byte, at int) bool { return at > 0 && b[at-1] == '\\' }

// tokenEnd is the end of a token68 (RFC 9110, Section 11.2), percent-encoded
// characters included.
func tokenEnd(b []byte, at int) int {
	for at < len(b) && (isBase64(b[at]) || b[at] == '.' || b[at] == '~' || b[at] == '%') {
		at++
	}
	return at
}

// isBasic reports whether b is base64 of something with a colon in it: the words
// "basic authentication" are not.
func isBasic(b []byte) bool {
	var text [192]byte
	b = bytes.TrimRight(b[:min(len(b), 256)], "=")
	if len(b) < 2 || bytes.IndexByte(b, '%') >= 0 {
		return len(b) >= minBearer
	}
	b = b[:len(b)-len(b)%4+map4[len(b)%4]]
	n, _ := base64.RawStdEncoding.Decode(text[:], b)
	if n < len(b)*3/4 {
		n, _ = base64.RawURLEncoding.Decode(text[:], b)
	}
	return bytes.IndexByte(text[:n], ':') >= 0
}

// map4 is how many characters of a last, partial group of base64 can be decoded.
var map4 = [4]int{0, 0, 2, 3}

// jwt finds a JSON web token: "eyJ", the base64 of `{"`, and at least one dot
// (RFC 7519, Section 3).
func jwt(b []byte, at int) cut {
	if at < 2 || b[at-1] != 'y' || b[at-2] != 'e' {
		return none()
	}
	if at > 2 && isBase64(b[at-3]) && b[at-3] != '=' && b[at-3] != '/' && !escaped(b, at-3) {
		return none() // within something longer
	}
	start, dots, end := at-2, 0, at+1
	for ; end < len(b); end++ {
		if c := b[end]; c == '.' {
			dots++
		} else if !isAlnum(c) && c != '-' && c != '_' {
			break
		}
	}
	for b[end-1] == '.' { // of the sentence, not of the token
		dots, end = dots-1, end-1
	}
	if dots < 1 || end-start < 20 {
		return none()
	}
	return found(start, end)
}

// pem finds a private key (RFC 7468, Section 10): from its BEGIN to its END, and
// where there is none to the end of the string or text.
func pem(b []byte, at int) cut {
	const dashes = "-----"
	if !bytes.HasPrefix(b[at:], []byte(dashes+"BEGIN ")) {
		return none()
	}
	label := b[at+len(dashes)+6:]
	n := bytes.Index(label[:min(len(label), 64)], []byte("PRIVATE KEY-----"))
	if n < 0 {
		return none()
	}
	body := at + len(dashes) + 6 + n
	end := stringEnd(b, body)
	if e := bytes.Index(b[body:end], []byte("-----END ")); e >= 0 {
		e += body + 9
		if f := bytes.Index(b[e:min(end, e+64)], []byte(dashes)); f >= 0 {
			return found(at, e+f+len(dashes))
		}
	}
	return found(at, end)
}

// stringEnd is the next quotation mark, before its backslashes, or the end.
func stringEnd(b []byte, at int) int {
	q := bytes.IndexByte(b[at:], '"')
	if q < 0 {
		return len(bytes.TrimRight(b, "\n"))
	}
	q += at
	for q > at && b[q-1] == '\\' {
		q--
	}
	return q
}
