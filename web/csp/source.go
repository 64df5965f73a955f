package csp

import (
	"encoding/base64"
	"strings"
)

// kind is what a source expression is (CSP3, Section 2.3.1).
type kind uint8

const (
	invalid kind = iota
	keyword
	nonceSource
	hashSource
	schemeSource
	hostSource
)

// kindOf classifies one source expression.
func kindOf(s string) kind {
	switch {
	case s == "":
		return invalid
	case s[0] == '\'':
		return quotedKind(s)
	case strings.ContainsAny(s, "'\";,"):
		return invalid
	case isScheme(s):
		return schemeSource
	}
	if _, ok := parseHost(s); ok {
		return hostSource
	}
	return invalid
}

func quotedKind(s string) kind {
	if len(s) < 3 || s[len(s)-1] != '\'' {
		return invalid
	}
	inner := strings.ToLower(s[1 : len(s)-1])
	switch inner {
	case "self", "none", "unsafe-inline", "unsafe-eval", "strict-dynamic", "unsafe-hashes", "report-sample", "wasm-unsafe-eval",
		"trusted-types-eval", "inline-speculation-rules", "allow-duplicates", "script", "report-sha256", "report-sha384", "report-sha512":
		return keyword
	}
	if v, ok := strings.CutPrefix(inner, "nonce-"); ok && base64Value(v) {
		return nonceSource
	}
	if _, err := ParseHash(s); err == nil {
		return hashSource
	}
	return invalid
}

// base64Value is the grammar of the same name: base64 or base64url, padded or not.
func base64Value(s string) bool {
	s = strings.TrimRight(s, "=")
	for i := range len(s) {
		c := s[i]
		if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '+' || c == '/' || c == '-' || c == '_') {
			return false
		}
	}
	return s != ""
}

// Hash is one hash source: 'sha256-…', 'sha384-…' or 'sha512-…', without the quotes.
type Hash string

// ParseHash reads a hash source, with or without its quotes. The value must have the
// length of its algorithm.
func ParseHash(s string) (Hash, error) {
	if len(s) > 1 && s[0] == '\'' && s[len(s)-1] == '\'' {
		s = s[1 : len(s)-1]
	}
	algorithm, value, _ := strings.Cut(s, "-")
	size := map[string]int{"sha256": 32, "sha384": 48, "sha512": 64}[strings.ToLower(algorithm)]
	decode := base64.StdEncoding
	if strings.ContainsAny(value, "-_") {
		decode = base64.URLEncoding
	}
	b, err := decode.DecodeString(value)
	if size == 0 || err != nil || len(b) != size {
		return "", badHash(s)
	}
	return Hash(strings.ToLower(algorithm) + "-" + base64.StdEncoding.EncodeToString(b)), nil
}

type badHash string

func (h badHash) Error() string {
	return "\"" + clip(string(h), 100) + "\" is no hash (write sha256- and the 32 bytes in base64)"
}

func clip(s string, n int) string {
	if len(s) > n {
		return s[:n]
	}
	return s
}

// isScheme tells "https:" from a host.
func isScheme(s string) bool {
	name, ok := strings.CutSuffix(s, ":")
	return ok && schemeName(name)
}

// schemeName is RFC 3986, Section 3.1.
func schemeName(s string) bool {
	for i := range len(s) {
		c := s[i] | 0x20
		if !(c >= 'a' && c <= 'z' || i > 0 && (s[i] >= '0' && s[i] <= '9' || s[i] == '+' || s[i] == '-' || s[i] == '.')) {
			return false
		}
	}
	return s != ""
}

// is reports whether a source is this keyword, whatever its case.
func is(source, word string) bool { return strings.EqualFold(source, word) }

func has(sources []string, word string) bool {
	for _, s := range sources {
		if is(s, word) {
			return true
		}
	}
	return false
}

func hasKind(sources []string, k kind) bool {
	for _, s := range sources {
		if kindOf(s) == k {
			return true
		}
	}
	return false
}
