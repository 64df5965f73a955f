package apikey

import (
	"bytes"
	"strings"
)

// Looks reports whether a credential has the beginning of an API key, valid or not:
// whoever presents it means a key and nothing else.
func (x *Index) Looks(s string) bool { return strings.HasPrefix(s, prefix) || x.isForeign(s) }

// InURL reports whether a request-target carries an API key: see InURL.
func (x *Index) InURL(target string) bool { return InURL(target) }

// InURL reports whether a request-target carries an API key, whole or mistyped, in
// any spelling: plain, percent-encoded, or encoded up to three times over. Addresses
// end up in logs, histories and Referer fields (RFC 6750, Section 5.3).
func InURL(target string) bool {
	if !strings.Contains(target, prefix) && strings.IndexByte(target, '%') < 0 {
		return false
	}
	b := []byte(target)
	for range 3 {
		if Looks(b) {
			return true
		}
		if !bytes.Contains(b, []byte("%25")) {
			return false
		}
		b = bytes.ReplaceAll(b, []byte("%25"), []byte("%"))
	}
	return Looks(b)
}
