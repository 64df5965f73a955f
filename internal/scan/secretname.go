package scan

import (
	"math"
	"slices"
	"strings"
)

// secretClass says how a name speaks of a secret.
type secretClass int

const (
	noSecret secretClass = iota
	passwordName
	secretName
	tokenName
)

// words cuts a name into its lower-case words: snake_case, kebab-case, camelCase, dots.
func words(name string) []string {
	var out []string
	start := 0
	flush := func(end int) {
		if end > start {
			out = append(out, strings.ToLower(name[start:end]))
		}
		start = end
	}
	for i := range len(name) {
		c := name[i]
		switch {
		case !isLetter(c) && !isDigit(c) || c == '_':
			flush(i)
			start = i + 1
		case i > start && isUpper(c) && !isUpper(name[i-1]):
			flush(i)
		case i > start+1 && !isUpper(c) && isLetter(c) && isUpper(name[i-1]) && isUpper(name[i-2]):
			flush(i - 1)
		}
	}
	flush(len(name))
	return out
}

func isUpper(c byte) bool { return 'A' <= c && c <= 'Z' }

// classify reads a name by its last words: what is called password_field holds no password.
func classify(name string) secretClass {
	w := words(name)
	if n := len(w); n > 1 && (allDigits(w[n-1]) || slices.Contains([]string{"base", "value", "prod", "production", "dev", "default"}, w[n-1])) {
		w = w[:n-1]
	}
	if len(w) == 0 || len(name) > 80 {
		return noSecret
	}
	last, before := strings.TrimRight(w[len(w)-1], "0123456789"), ""
	if len(w) > 1 {
		before = w[len(w)-2]
	}
	for _, x := range w {
		switch x {
		case "csrf", "xsrf", "public", "pub", "hash", "error", "mock", "fake", "dummy", "example", "placeholder", "next", "page", "sort", "cache", "regex":
			return noSecret
		}
	}
	switch last {
	case "password", "passwd", "pwd", "passphrase", "pass":
		if last == "pass" && before == "" {
			return noSecret
		}
		return passwordName
	case "secret", "pepper", "secretkey":
		return secretName
	case "token", "apikey", "authtoken", "accesstoken":
		return tokenName
	case "key":
		switch before {
		case "secret", "signing", "encryption", "jwt", "master", "hmac":
			return secretName
		case "api", "private", "access", "auth", "crypto", "session":
			return tokenName
		}
	}
	return noSecret
}

func allDigits(s string) bool { return strings.Trim(s, "0123456789") == "" }

// placeholders are words in values that stand for a secret and are none.
var placeholders = [...]string{
	"change", "example", "placeholder", "your", "xxx", "***", "...", "todo", "replace", "insert", "dummy", "fake", "sample",
	"redacted", "undefined", "not-set", "notset", "<", ">", "${", "{{", "{%", "%(", "$(", "%s", "…", "123456", "abcdef", "loremipsum", "not-a-", "not_a_",
}

// secretWords alone make a name, not a secret.
var secretWords = [...]string{
	"secret", "key", "api", "access", "refresh", "token", "client", "password", "passwd", "auth", "id", "csrf", "session", "private", "jwt", "user",
	"new", "old", "current", "reset", "invalid", "test", "testing", "dev", "my", "the", "bearer", "basic", "oauth", "oauth2", "x", "authorization", "header", "confirm",
	"confirmation", "forgot", "wrong", "signing", "sso", "verify", "expired", "missing", "required", "admin", "pass", "login", "security", "name", "value", "none", "null",
	"default", "set", "get", "app", "application", "personal", "env", "from", "local", "in", "by", "to", "and", "of", "a", "hash", "field", "code", "type", "service", "account",
}

// literalSecret reports whether value is a secret, for a name of that class. References,
// placeholders, labels and names of things are none.
func literalSecret(class secretClass, value string) bool {
	if class == noSecret || len(value) > 512 || isReference(value) {
		return false
	}
	low := strings.ToLower(value)
	for _, p := range placeholders {
		if strings.Contains(low, p) {
			return false
		}
	}
	if onlyNames(value) || strings.ContainsAny(value, " \t\n") && class != passwordName {
		return false
	}
	kinds, h := classes(value), entropy(value)
	switch class {
	case passwordName:
		return len(value) >= 6 && kinds >= 2 && h >= 2 && !strings.ContainsAny(value, " \t\n(){}[]:/\\") && (strings.ContainsAny(value, "0123456789") || kinds >= 3)
	case secretName:
		return len(value) >= 8 && h >= 2.5 && (kinds >= 2 || len(value) >= 16) && !strings.ContainsAny(value, "()[]{}\\/:") || len(value) >= 24 && h >= 3.7 && !strings.Contains(value, "://")
	default:
		return len(value) >= 16 && h >= 3 && strings.ContainsAny(value, "0123456789") && kinds >= 2 && !strings.ContainsAny(value, "()[]{}\\<>?&,;@") && !strings.Contains(value, "://")
	}
}

// isReference tells values that name where a secret is.
func isReference(v string) bool {
	for _, p := range []string{"env:", "file:", "cred:", "vault:", "awssm:", "gcpsm:", "age:", "arn:", "op:", "sops:", "projects/", "secret/", "ENC[", "!", "$", "%", "/", "./", "../", "http:", "https:", "@", "#"} {
		if strings.HasPrefix(v, p) {
			return true
		}
	}
	return false
}

// onlyNames reports whether every word of v is one that names things.
func onlyNames(v string) bool {
	for _, w := range words(v) {
		if w = strings.TrimRight(w, "0123456789"); w != "" && !slices.Contains(secretWords[:], w) {
			return false
		}
	}
	return true
}

// classes counts lower case, upper case, digits and the rest.
func classes(v string) int {
	var seen [4]int
	for i := range len(v) {
		switch c := v[i]; {
		case 'a' <= c && c <= 'z':
			seen[0] = 1
		case isUpper(c):
			seen[1] = 1
		case isDigit(c):
			seen[2] = 1
		case c != '_' && c != '-' && c != '.':
			seen[3] = 1
		}
	}
	return seen[0] + seen[1] + seen[2] + seen[3]
}

// entropy is Shannon's, in bits a character.
func entropy(v string) float64 {
	var count [256]int
	for i := range len(v) {
		count[v[i]]++
	}
	h := 0.0
	for _, n := range count {
		if n > 0 {
			p := float64(n) / float64(len(v))
			h -= p * math.Log2(p)
		}
	}
	return h
}

// urlPassword finds the password in scheme://user:password@host, when it is a secret.
func urlPassword(v string) (from, to int, ok bool) {
	s := strings.Index(v, "://")
	if s < 1 {
		return 0, 0, false
	}
	authority := v[s+3:]
	if n := strings.IndexAny(authority, "/?# \t\n"); n >= 0 {
		authority = authority[:n]
	}
	at := strings.LastIndexByte(authority, '@')
	colon := strings.IndexByte(authority, ':')
	if at < 0 || colon < 0 || colon > at || !literalSecret(passwordName, authority[colon+1:at]) {
		return 0, 0, false
	}
	return s + 4 + colon, s + 3 + at, true
}
