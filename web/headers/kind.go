package headers

import (
	"strings"

	"github.com/sanmon-gate/sanmon/exchange"
)

// kind is what a browser can do with a response.
type kind uint8

const (
	inert    kind = iota // images, scripts, styles, downloads
	document             // rendered with scripts: HTML, SVG, XML
	data                 // JSON
	fresh                // 304 with a policy of the backend's
)

const unknownType = "application/octet-stream"

// typed returns the kind of a response, and sees to it that a response with a body has
// exactly one valid type: without one, browsers guess from the bytes in spite of nosniff
// (MIME Sniffing, Section 7). What is missing, invalid or contradictory becomes bytes.
func typed(status int, contentType string, res exchange.Fields, buf []Edit) (kind, []Edit) {
	lines := res.Values("Content-Type")
	if status == 304 && contentType == "" {
		if res.Values("Content-Security-Policy") != nil {
			return fresh, buf
		}
		return inert, buf
	}
	essence, _, _ := strings.Cut(contentType, ";")
	essence = strings.Trim(essence, " \t")
	if contentType == "" && bodyless(status, res) {
		return inert, buf
	}
	if !validType(essence) || !agree(lines, essence) {
		return inert, append(buf, Edit{"Content-Type", unknownType, Set})
	}
	if len(lines) > 1 {
		buf = append(buf, Edit{"Content-Type", contentType, Set})
	}
	return kindOf(essence), buf
}

// bodyless reports whether nothing follows the header (RFC 9110, Section 6.4.1).
func bodyless(status int, res exchange.Fields) bool {
	if status < 200 || status == 204 || status == 304 {
		return true
	}
	l := res.Values("Content-Length")
	return len(l) == 1 && l[0] == "0"
}

// agree reports whether every line names the same type.
func agree(lines []string, essence string) bool {
	if len(lines) < 2 {
		return true
	}
	for _, l := range lines {
		e, _, _ := strings.Cut(l, ";")
		if !strings.EqualFold(strings.Trim(e, " \t"), essence) {
			return false
		}
	}
	return true
}

// validType reports whether essence is token "/" token (RFC 9110, Section 8.3.1) and none
// of those that browsers take for "unknown" (MIME Sniffing, Section 7).
func validType(essence string) bool {
	t, sub, ok := strings.Cut(essence, "/")
	if !ok || t == "" || sub == "" || !isTokenOrEmpty(t) || !isTokenOrEmpty(sub) {
		return false
	}
	return t != "*" && !strings.EqualFold(t, "unknown") && !strings.EqualFold(essence, "application/unknown")
}

func kindOf(essence string) kind {
	switch {
	case strings.EqualFold(essence, "text/html"),
		strings.EqualFold(essence, "text/xml"),
		strings.EqualFold(essence, "application/xml"),
		suffixFold(essence, "+xml"):
		return document
	case strings.EqualFold(essence, "application/json"),
		strings.EqualFold(essence, "text/json"),
		suffixFold(essence, "+json"):
		return data
	}
	return inert
}

func suffixFold(s, suffix string) bool {
	return len(s) >= len(suffix) && strings.EqualFold(s[len(s)-len(suffix):], suffix)
}
