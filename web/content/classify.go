package content

import (
	"strings"

	"github.com/sanmon-gate/sanmon/exchange"
)

// Work is what has to be done with the body of a response.
type Work uint8

// The kinds of work.
const (
	Nothing Work = iota
	Harden       // JSON: escape what markup begins with
	Judge        // text/html: see whether it is JSON, and which charset it has
)

// Classify says from method, status and header what has to be done with a body. What is
// coded, partial, absent or a download stays as it is: it has to arrive byte for byte, or
// cannot be read here. A type that is missing or doubled is the header floor's to set.
//
// Line-delimited JSON (application/x-ndjson, application/json-seq) is no JSON text
// (RFC 7464) and not touched.
func Classify(method string, status int, res exchange.Fields) Work {
	if work := Decoded(method, status, res); work == Nothing || !Coded(res) {
		return work
	}
	return Nothing
}

// Decoded is Classify for a body whose content coding is undone.
func Decoded(method string, status int, res exchange.Fields) Work {
	if method == "HEAD" || status < 200 || status == 204 || status == 206 || status == 304 {
		return Nothing
	}
	types := res.Values("Content-Type")
	if len(types) != 1 {
		return Nothing
	}
	work := workOf(types[0])
	if work == Nothing || Download(res) {
		return Nothing
	}
	return work
}

func workOf(contentType string) Work {
	essence, params, _ := strings.Cut(contentType, ";")
	essence = strings.Trim(essence, " \t")
	switch {
	case strings.EqualFold(essence, "text/html"):
		return Judge
	case jsonType(essence):
		// JSON is UTF-8 (RFC 8259, Section 8.1). In what says otherwise, a byte that looks
		// like a quote may be half of a character.
		if charset, named := Charset(params); named && !strings.EqualFold(charset, "utf-8") && !strings.EqualFold(charset, "us-ascii") {
			return Nothing
		}
		return Harden
	}
	return Nothing
}

func jsonType(essence string) bool {
	const suffix = "+json" // RFC 6839, Section 3.1
	return strings.EqualFold(essence, "application/json") || strings.EqualFold(essence, "text/json") ||
		len(essence) > len(suffix) && strings.EqualFold(essence[len(essence)-len(suffix):], suffix)
}

// Coded reports whether the body has a content coding (RFC 9110, Section 8.4).
func Coded(res exchange.Fields) bool {
	for _, v := range res.Values("Content-Encoding") {
		if v != "" && !strings.EqualFold(strings.Trim(v, " \t"), "identity") {
			return true
		}
	}
	return false
}

// Download reports whether browsers save the body instead of showing it (RFC 6266,
// Section 4.2: every type but inline does, known or not).
func Download(res exchange.Fields) bool {
	for _, v := range res.Values("Content-Disposition") {
		disposition, _, _ := strings.Cut(v, ";")
		if disposition = strings.Trim(disposition, " \t"); disposition != "" && !strings.EqualFold(disposition, "inline") {
			return true
		}
	}
	return false
}

// Charset finds the charset among the parameters of a media type (RFC 9110, Section
// 8.3.2); named says that there is one, even one without a value.
func Charset(params string) (charset string, named bool) {
	for more := params != ""; more; {
		var p string
		p, params, more = strings.Cut(params, ";")
		name, value, _ := strings.Cut(p, "=")
		if strings.EqualFold(strings.Trim(name, " \t"), "charset") {
			return strings.Trim(value, " \t\"'"), true
		}
	}
	return "", false
}

// Altered removes from the header of a response what was true of the bytes before they
// were changed: digests, and the offer to send parts of them. A strong ETag stays, since
// equal bodies are changed equally and clients need it for If-Match.
func Altered(header map[string][]string) {
	for _, name := range [...]string{"Content-Md5", "Digest", "Content-Digest", "Repr-Digest", "Accept-Ranges"} {
		delete(header, name)
	}
}

// Charted reports whether a Content-Type names a charset.
func Charted(contentType string) bool {
	_, params, _ := strings.Cut(contentType, ";")
	_, named := Charset(params)
	return named
}
