package oauth

import (
	"net/url"
	"strings"
	"unicode/utf8"
)

// MaxForm is the longest request that is read, in bytes.
const MaxForm = 16 << 10

const (
	maxPairs = 64
	maxName  = 64
	maxState = 1024
)

// Form is the parameters of a request. Those without a value count as left out (RFC 6749,
// Section 3.1).
type Form struct{ values map[string]string }

// ParseForm reads application/x-www-form-urlencoded. It is strict: a parameter that comes
// twice is refused, known or not, and so is everything that is not plain text.
func ParseForm(raw string) (Form, error) {
	f := Form{map[string]string{}}
	if len(raw) > MaxForm || strings.Count(raw, "&") >= maxPairs {
		return f, failed(CodeRequest, "the request is too large", "a request has more than %d bytes or %d parameters", MaxForm, maxPairs)
	}
	for pair := range strings.SplitSeq(raw, "&") {
		if pair == "" {
			continue
		}
		name, value, _ := strings.Cut(pair, "=")
		name, bad := url.QueryUnescape(name)
		value, worse := url.QueryUnescape(value)
		if bad != nil || worse != nil || name == "" || len(name) > maxName || !printable(name) || !printable(value) {
			return f, failed(CodeRequest, "the request cannot be read", "a parameter of a request is not well encoded text")
		}
		if _, twice := f.values[name]; twice {
			return f, failed(CodeRequest, "a parameter comes twice", "parameter %.64q of a request comes twice (send it once)", name)
		}
		f.values[name] = value
	}
	return f, nil
}

func (f Form) get(name string) string { return f.values[name] }

// printable reports that s is UTF-8 without control characters.
func printable(s string) bool {
	for i := range len(s) {
		if s[i] < 0x20 || s[i] == 0x7f {
			return false
		}
	}
	return utf8.ValidString(s)
}
