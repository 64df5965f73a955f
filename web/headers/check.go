// Package headers decides about header fields: which requests have fields that can be
// read two ways, which request fields may reach a backend, what a response must carry,
// and what becomes of cookies in both directions.
package headers

import (
	"strings"

	"github.com/sanmon-gate/sanmon/exchange"
	"github.com/sanmon-gate/sanmon/refusal"
)

// MaxFields is how many field lines a request may have.
const MaxFields = 100

// Check refuses a request whose fields two readers could understand differently: a field
// that has one value but comes twice, broken framing, a malformed Connection, an Upgrade
// to anything but WebSocket, control bytes. Errors are refusals, header_ambiguous.
//
// It sees what the engine left: net/http removes Host and Transfer-Encoding before.
func Check(f exchange.Fields) error {
	if h, ok := f.(exchange.Header); ok {
		return checkHeader(h)
	}
	return checkAny(f)
}

// checkHeader is checkAny without its allocation: ranging over the map itself needs none.
func checkHeader(h exchange.Header) error {
	lines := 0
	for name, values := range h {
		lines += len(values)
		if err := checkField(name, values); err != nil {
			return err
		}
	}
	return checkTogether(h, lines)
}

func checkAny(f exchange.Fields) error {
	lines := 0
	for name, values := range f.All() {
		lines += len(values)
		if err := checkField(name, values); err != nil {
			return err
		}
	}
	return checkTogether(f, lines)
}

// checkField judges one field by itself.
func checkField(name string, values []string) error {
	if len(values) > 1 && singleton(name) {
		return ambiguous("%s comes %d times (send it once)", name, len(values))
	}
	for _, v := range values {
		if !cleanValue(v) {
			return ambiguous("%s has a control character in its value", printable(name))
		}
	}
	if len(values) > 0 && strings.IndexByte(values[0], ',') >= 0 && single(name) {
		return ambiguous("%s has a comma, as if two values had been joined (send one value)", name)
	}
	return nil
}

// checkTogether judges what depends on several fields.
func checkTogether(f exchange.Fields, lines int) error {
	if lines > MaxFields {
		return ambiguous("the request has %d header fields, more than %d", lines, MaxFields)
	}
	if err := checkFraming(f); err != nil {
		return err
	}
	if v := f.Values("Content-Type"); len(v) == 1 && commaOutsideQuotes(v[0]) {
		return ambiguous("Content-Type names two types (send one)")
	}
	return checkConnection(f)
}

// checkFraming refuses every form of RFC 9112, Section 6 that two parsers could end at
// different bytes (request smuggling).
func checkFraming(f exchange.Fields) error {
	te, cl := f.Values("Transfer-Encoding"), f.Values("Content-Length")
	switch {
	case te != nil && cl != nil:
		return ambiguous("Content-Length and Transfer-Encoding come together (send one)")
	case te != nil && (len(te) != 1 || !strings.EqualFold(te[0], "chunked")):
		return ambiguous("Transfer-Encoding is not chunked alone (send chunked or Content-Length)")
	case cl != nil && !isLength(cl[0]):
		return ambiguous("Content-Length is not a decimal number")
	}
	return nil
}

// isLength reports whether s is 1*DIGIT (RFC 9110, Section 8.6) below 10^18.
func isLength(s string) bool {
	return s != "" && len(s) <= 18 && strings.Trim(s, "0123456789") == ""
}

// commaOutsideQuotes finds a comma that is not inside a quoted-string.
func commaOutsideQuotes(v string) bool {
	if strings.IndexByte(v, ',') < 0 {
		return false
	}
	quoted := false
	for i := 0; i < len(v); i++ {
		switch c := v[i]; {
		case c == '"':
			quoted = !quoted
		case c == '\\' && quoted:
			i++
		case c == ',' && !quoted:
			return true
		}
	}
	return false
}

// printable quotes a name that is no ordinary one, and cuts it.
func printable(name string) string {
	if ambiguousName(name) {
		return "a field with an unusual name"
	}
	return name
}

func ambiguous(format string, args ...any) error {
	return refusal.New(refusal.HeaderAmbiguous, format, args...)
}
