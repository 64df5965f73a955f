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

// Text reads a field whose value is a string of RFC 9651, Section 3.3.3, and nothing else,
// without escapes: a JWT or an id of ours has none. ok is false for every other form.
func Text(values []string) (s string, ok bool) {
	if len(values) != 1 {
		return "", false
	}
	s = strings.Trim(values[0], " ")
	if len(s) < 2 || s[0] != '"' || s[len(s)-1] != '"' || strings.ContainsAny(s[1:len(s)-1], `"\`) {
		return "", false
	}
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return "", false
		}
	}
	return s[1 : len(s)-1], true
}
