package redact

import (
	"bytes"

	"github.com/sanmon-gate/sanmon/keys/apikey"
	"github.com/sanmon-gate/sanmon/secret"
)

// rawKey finds a Sanmon key, refresh token, authorization code or one-time link by the '_' of its prefix.
func rawKey(b []byte, at int) cut {
	if at < 3 || b[at-2] != 'm' || b[at-3] != 's' {
		return none()
	}
	switch b[at-1] {
	case 'k':
		return keyAt(b, at-3)
	case 'r', 'c', 'l':
		return opaque(b, at+1)
	}
	return none()
}

// opaque cuts what follows the prefix of a credential that has no public part. Fewer than
// 16 characters of it are worth nothing.
func opaque(b []byte, start int) cut {
	end := start
	for end < len(b) && isAlnum(b[end]) {
		end++
	}
	if end-start < 16 {
		return none()
	}
	return found(start, end)
}

// keyAt cuts the secret out of a key that begins at start; the id stays readable.
func keyAt(b []byte, start int) cut {
	if s, ok := apikey.At(b, start); ok {
		return found(s.Secret, s.End)
	}
	return none()
}

// percent finds what a percent-encoded character begins or is part of.
func percent(b []byte, at, done int) cut {
	if at+2 >= len(b) {
		return none()
	}
	switch {
	case b[at+1] == '3' && b[at+2]|0x20 == 'd':
		return assigned(b, at, at+3, true)
	case b[at+1] == '2' && b[at+2] == '0':
		return credential(b, at, at+3)
	}
	for start := at; start >= max(done, at-3); start-- { // the first '%' is one of "smk_"
		if c := keyAt(b, start); c.with != "" {
			return c
		}
	}
	return none()
}

// base64Key finds a key in base64 by "smk_" in each of its three positions
// (RFC 4648), and cuts the whole run: there is no part of it that says only the id.
func base64Key(b []byte, at int) cut {
	switch {
	case b[at] == 'X' && at >= 4 && string(b[at-4:at]) == "c21r":
	case b[at] == 'N' && bytes.HasPrefix(b[at:], []byte("Nta19")):
	case b[at] == 'W' && at >= 2 && string(b[at-2:at]) == "zb" && bytes.HasPrefix(b[at:], []byte("Wtf")):
	default:
		return none()
	}
	start, end := run(b, at, isBase64)
	if end-at < 16 {
		return none()
	}
	return found(start, end)
}

// hexKey finds "smk_" in hexadecimal by its last digit.
func hexKey(b []byte, at int) cut {
	if at < 7 || b[at-1] != '5' || !bytes.EqualFold(b[at-7:at+1], []byte("736d6b5f")) {
		return none()
	}
	start, end := run(b, at, isHex)
	if end-at < 20 {
		return none()
	}
	return found(start, end)
}

// lists are the ways in which fmt prints the bytes of "smk_" as numbers: what stands
// before the separator and after it, and what to write instead. A list in JSON
// cannot have a bare word in it.
var lists = [...]struct{ first, rest, with string }{
	{"115", " 109 107 95 ", secret.Redacted},
	{"115", ",109,107,95,", "0"},
	{"115", ", 109, 107, 95, ", "0"},
	{"0x73", ", 0x6d, 0x6b, 0x5f, ", secret.Redacted},
}

// listedKey finds a key in a list of bytes by the separator after its 's'.
func listedKey(b []byte, at int) cut {
	if at < 4 || b[at-1] != '5' && b[at-1] != '3' {
		return none()
	}
	for _, l := range lists {
		if !bytes.HasPrefix(b[at:], []byte(l.rest)) || !suffix(b[:at], l.first) {
			continue
		}
		end := at + len(l.rest)
		for end < len(b) && (inList(b[end]) || l.first == "0x73" && (isHex(b[end]) || b[end] == 'x')) {
			end++
		}
		for b[end-1] == ' ' || b[end-1] == ',' {
			end--
		}
		return cut{at - len(l.first), end, l.with}
	}
	return none()
}

func inList(c byte) bool { return '0' <= c && c <= '9' || c == ' ' || c == ',' }

// run widens at to the characters around it that satisfy is.
func run(b []byte, at int, is func(byte) bool) (start, end int) {
	start, end = at, at+1
	for start > 0 && is(b[start-1]) {
		start--
	}
	for end < len(b) && is(b[end]) {
		end++
	}
	return afterEscape(b, start, at), end
}

// afterEscape moves start behind a JSON escape that it would cut in two
// (RFC 8259, Section 7), but not behind limit.
func afterEscape(b []byte, start, limit int) int {
	if start > 0 && b[start-1] == 'u' && slashes(b, start-1)%2 == 1 {
		return min(start+4, limit)
	}
	if slashes(b, start)%2 == 0 || start >= len(b) {
		return start
	}
	if b[start] == 'u' {
		return min(start+5, limit)
	}
	return min(start+1, limit)
}
