package headers

import "github.com/sanmon-gate/sanmon/exchange"

// Class says what becomes of a request field.
type Class uint8

// The classes of request fields.
const (
	EndToEnd  Class = iota // meant for the backend
	HopByHop               // about this connection: the forwarder sets its own
	Forgeable              // a backend would believe it to be from its gateway
	Ambiguous              // the name has another spelling for some backends
)

// Classify says what becomes of the field with this canonical name. A name that is not
// letters, digits and "-" in canonical case is Ambiguous: CGI, WSGI, PHP and nginx fold
// "_", "." and case, so that X_Remote_User and X.Remote.User arrive as X-Remote-User
// (CVE-2026-3902 of Django, CVE-2025-64484 of oauth2-proxy, CVE-2026-88011 of Traefik).
func Classify(name string) Class {
	if ambiguousName(name) {
		return Ambiguous
	}
	list, at := &byFirst, 0
	if len(name) > 2 && name[0] == 'X' && name[1] == '-' {
		list, at = &byThird, 2
	}
	i := name[at] - 'A'
	if i >= 26 {
		return EndToEnd
	}
	entries := list[i]
	for i := range entries {
		if entries[i].holds(name) {
			return entries[i].class
		}
	}
	return EndToEnd
}

// Forwardable reports whether the field with this canonical name may reach a backend as
// the client sent it. Host and Content-Length may not: the forwarder sets them from what
// was judged. Of the rest, the gate still decides about Cookie (see StripCookies) and
// about credentials (see Credential).
func Forwardable(name string) bool { return Classify(name) == EndToEnd }

// Credential reports whether the field with this canonical name carries a credential
// that the gate may evaluate, so that it decides whether the backend sees it.
func Credential(name string) bool { return name == "Authorization" || name == "X-Api-Key" }

// Removed counts the fields of a request that do not arrive because their names are
// ambiguous.
func Removed(f exchange.Fields) int {
	if h, ok := f.(exchange.Header); ok {
		return removedHeader(h)
	}
	return removedAny(f)
}

// removedHeader is removedAny without its allocation: ranging over the map itself needs none.
func removedHeader(h exchange.Header) (n int) {
	for name := range h {
		if ambiguousName(name) {
			n++
		}
	}
	return n
}

func removedAny(f exchange.Fields) (n int) {
	for name := range f.All() {
		if ambiguousName(name) {
			n++
		}
	}
	return n
}

// ambiguousName reports whether name is not of the form "Xx-Yyy-Z9".
func ambiguousName(name string) bool {
	start := true // of a word
	for i := 0; i < len(name); i++ {
		c := name[i]
		switch {
		case c >= 'a' && c <= 'z':
			if start {
				return true
			}
		case c >= 'A' && c <= 'Z':
			if !start {
				return true
			}
		case c >= '0' && c <= '9':
		case c == '-':
			start = true
			continue
		default:
			return true
		}
		start = false
	}
	return name == ""
}
