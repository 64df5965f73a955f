package dbsc

import "strings"

// The fields of the protocol, in canonical form.
const (
	RegistrationField = "Secure-Session-Registration"
	ResponseField     = "Secure-Session-Response"
	ChallengeField    = "Secure-Session-Challenge"
	SkippedField      = "Secure-Session-Skipped"
	IDField           = "Sec-Secure-Session-Id"
)

// Offer is the value of Secure-Session-Registration: an inner list with the algorithm, and
// the parameters path and challenge (RFC 9651).
func Offer(path, challenge string) string {
	return `(ES256);path="` + path + `";challenge="` + challenge + `"`
}

// Ask is the value of Secure-Session-Challenge.
func Ask(challenge, sid string) string { return `"` + challenge + `";id="` + sid + `"` }

// Text reads a field whose value is an item of RFC 9651 and nothing else: a string without
// escapes (Section 3.3.3), as the specification has it, or a token (Section 3.3.4), as
// Chromium sends it. A JWT and an id of ours mean the same in both forms, and need no
// escapes. ok is false for every other form, parameters included.
func Text(values []string) (s string, ok bool) {
	if len(values) != 1 {
		return "", false
	}
	s = strings.Trim(values[0], " ")
	if len(s) >= 2 && s[0] == '"' && s[len(s)-1] == '"' {
		s = s[1 : len(s)-1]
		ok = !strings.ContainsFunc(s, escaped)
	} else {
		ok = token(s)
	}
	if !ok {
		return "", false
	}
	return s, true
}

// escaped reports whether a character stands in a string behind "\" only, or not at all.
func escaped(c rune) bool { return c < ' ' || c > '~' || c == '"' || c == '\\' }

// token reports whether s is a token: a letter or "*", and then characters of RFC 9110,
// Section 5.6.2, ":" and "/".
func token(s string) bool {
	if s == "" || !letter(rune(s[0])) && s[0] != '*' {
		return false
	}
	return !strings.ContainsFunc(s, func(c rune) bool {
		return !letter(c) && (c < '0' || c > '9') && !strings.ContainsRune("!#$%&'*+-.^_`|~:/", c)
	})
}

func letter(c rune) bool { return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' }
