package config

import (
	"regexp"
	"strings"
	"unicode/utf8"
)

// pem begins every PEM block (RFC 7468, Section 2).
const pem = "-----BEGIN "

// ownKey is what an API key of ours looks like.
var ownKey = regexp.MustCompile(`smk_(live|test)_[0-9A-Za-z]{12,}`)

// userinfo is the part of a URL that may hold a password (RFC 3986, Section 3.2.1:
// it should not be rendered). It runs to the last @ before the path, because a
// password that was not encoded may contain one.
var userinfo = regexp.MustCompile(`(//)[^/?#\s]*@`)

// querySecret is a parameter of an address that holds a password.
var querySecret = regexp.MustCompile(`(?i)([?&][^=&]*(?:pass|secret|token|key)[^=&]*=)[^&\s]*`)

// checkSecrets finds key material anywhere in a line, comments too.
func checkSecrets(r *report, number int, line string) {
	if i := strings.Index(line, pem); i >= 0 {
		r.fault(position{number, utf8.RuneCountInString(line[:i]) + 1},
			"put it into a file of its own and name that: cert_file, key_file, file:PATH", "the configuration contains a PEM block")
	}
	if at := ownKey.FindStringIndex(line); at != nil {
		r.fault(position{number, utf8.RuneCountInString(line[:at[0]]) + 1},
			"remove it, and revoke it: sanmon key revoke ID", "the configuration contains an API key")
	}
}

// secretName reports whether a key of the file is called like a secret.
func secretName(name string) bool {
	name = strings.ToLower(strings.NewReplacer("-", "_", ".", "_").Replace(name))
	if strings.HasSuffix(name, "_file") || strings.HasSuffix(name, "_path") {
		return false
	}
	for word := range strings.SplitSeq(name, "_") {
		switch word {
		case "password", "passwd", "passphrase", "pass", "pwd", "secret", "secrets", "token", "key", "apikey", "credential", "credentials":
			return true
		}
	}
	for _, part := range []string{"password", "passwd", "secret", "apikey", "privatekey", "accesskey"} {
		if strings.Contains(name, part) {
			return true
		}
	}
	return false
}

// reference matches what may stand for a secret: where to find it.
var reference = regexp.MustCompile(`^(env:[A-Za-z_][A-Za-z0-9_]*|file:.+|cred:[A-Za-z0-9._-]+|(vault|awssm|gcpsm)://.+|age:.+)$`)

// show quotes a text of the file for a message, without what may be a secret.
func show(text string) string {
	if strings.Contains(text, pem) || ownKey.MatchString(text) {
		return "[REDACTED]"
	}
	text = userinfo.ReplaceAllString(text, "${1}[REDACTED]@")
	text = querySecret.ReplaceAllString(text, "${1}[REDACTED]")
	if utf8.RuneCountInString(text) > 80 {
		text = string([]rune(text)[:80]) + "…"
	}
	return `"` + text + `"`
}
