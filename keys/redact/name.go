package redact

import "bytes"

// maxName bounds how far back a name is read.
const maxName = 64

// nameBefore returns the name that ends at b[end].
func nameBefore(b []byte, end int) []byte {
	start := end
	for start > 0 && end-start < maxName && isName(b[start-1]) {
		start--
	}
	if start > 0 && b[start-1] == '%' && end-start >= 2 {
		start += 2
	}
	return b[afterEscape(b, start, end):end]
}

// telling reports whether a name says that its value is a secret, wherever it
// stands: it ends in one of these words, perhaps with digits after it.
func telling(name []byte) bool {
	for len(name) > 0 && '0' <= name[len(name)-1] && name[len(name)-1] <= '9' {
		name = name[:len(name)-1]
	}
	if len(name) == 0 {
		return false
	}
	switch name[len(name)-1] | 0x20 {
	case 'd':
		return suffix(name, "password") || suffix(name, "passwd") || suffix(name, "pwd")
	case 'e':
		return suffix(name, "passphrase") || suffix(name, "cookie")
	case 'f':
		return suffix(name, "x-sanmon-csrf")
	case 'n':
		return suffix(name, "token") || suffix(name, "authorization") || sanmon(name)
	case 'r':
		return suffix(name, "pepper") || suffix(name, "code_verifier")
	case 't':
		return suffix(name, "secret") || suffix(name, "assertion_jwt")
	case 'y':
		return suffix(name, "api_key") || suffix(name, "api-key") || suffix(name, "apikey") || suffix(name, "private_key") || suffix(name, "master_key")
	}
	return false
}

// sanmon reports whether name is our session cookie or our form field.
func sanmon(name []byte) bool {
	return string(name) == "sanmon" || string(name) == "_sanmon" || bytes.EqualFold(name, []byte("__host-sanmon"))
}

// parameter reports whether a name tells in an address only: elsewhere these are
// ordinary words.
func parameter(name []byte) bool {
	for _, p := range [...]string{"code", "key", "sig", "signature", "auth", "jwt", "session", "sessionid", "assertion", "client_assertion", "pass"} {
		if len(p) == len(name) && bytes.EqualFold(name, []byte(p)) {
			return true
		}
	}
	return false
}

// inQuery reports whether b ends where a parameter of a query may begin.
func inQuery(b []byte) bool {
	for _, s := range [...]string{"?", "&", ";", "%3f", "%26", `\u0026`} {
		if suffix(b, s) {
			return true
		}
	}
	return false
}

// isHeader reports whether name is a header field that carries a credential.
func isHeader(name []byte) bool {
	for _, h := range [...]string{"authorization", "proxy-authorization", "cookie", "set-cookie", "x-api-key", "x-sanmon-csrf", "sanmon-assertion", "x-auth-token"} {
		if len(h) == len(name) && bytes.EqualFold(name, []byte(h)) {
			return true
		}
	}
	return false
}

// suffix reports whether b ends in s, which is in lower case.
func suffix(b []byte, s string) bool {
	n := len(b) - len(s)
	return n >= 0 && bytes.EqualFold(b[n:], []byte(s))
}
