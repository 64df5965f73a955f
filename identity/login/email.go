package login

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// MaxEmail is the longest address (RFC 5321, Section 4.5.3.1.3, without the brackets).
const MaxEmail = 254

// Canonical returns the form of an e-mail address by which people are found and
// failures are counted: without surrounding space, in lower case. ok reports that it
// can be an address: exactly one "@" with something on both sides, no space or
// control character, no character with the lower case of another one, at most MaxEmail
// bytes. What cannot is cut to MaxEmail bytes.
func Canonical(email string) (canonical string, ok bool) {
	s := strings.TrimSpace(email)
	proper := utf8.ValidString(s) && len(s) <= MaxEmail && !strings.ContainsFunc(s, borrowed)
	s = strings.ToLower(s[:min(len(s), MaxEmail)])
	proper = proper && len(s) <= MaxEmail // lower case can be longer
	s = s[:min(len(s), MaxEmail)]
	local, domain, _ := strings.Cut(s, "@")
	ok = proper && local != "" && domain != "" && !strings.Contains(domain, "@") &&
		!strings.ContainsFunc(s, func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) })
	return s, ok
}

// borrowed reports whether a character has the lower case of another one, as the Kelvin sign
// has that of K: two mailboxes would be one person. What a local part means is for its own
// server to say (RFC 5321, Section 2.3.11).
func borrowed(r rune) bool {
	lower := unicode.ToLower(r)
	return lower != r && unicode.ToUpper(lower) != r
}
