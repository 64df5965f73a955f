package headers

import (
	"strings"

	"github.com/sanmon-gate/sanmon/exchange"
)

// maxOptions is how many options a Connection field may list.
const maxOptions = 16

// checkConnection refuses a Connection that is no list of tokens (RFC 9110, Section
// 7.6.1) and an Upgrade that is not exactly a WebSocket handshake (RFC 6455, Section
// 4.1). Ignoring another Upgrade would be allowed too, but one hop that ignores it and
// one that does not is how requests are tunnelled past a gateway (h2c smuggling).
//
// An option may name any other field: the forwarder drops what is named, then sets its
// own. Those by which a body is judged may not be named (Section 7.6.1 forbids senders to):
// dropped, the backend would read another body than the one that was judged.
func checkConnection(f exchange.Fields) error {
	options, upgrade := 0, false
	for _, v := range f.Values("Connection") {
		for more := true; more; {
			var option string
			option, v, more = strings.Cut(v, ",")
			option = strings.Trim(option, " \t")
			if options++; options > maxOptions || !isTokenOrEmpty(option) {
				return ambiguous("Connection is no list of at most %d tokens", maxOptions)
			}
			if strings.EqualFold(option, "Content-Type") || strings.EqualFold(option, "Content-Encoding") {
				return ambiguous("Connection names a field that describes the body (take it out of Connection)")
			}
			upgrade = upgrade || strings.EqualFold(option, "upgrade")
		}
	}
	switch up := f.Values("Upgrade"); {
	case len(up) == 0:
		return nil
	case !strings.EqualFold(up[0], "websocket"):
		return ambiguous("Upgrade is not websocket (use HTTP/2 over TLS, or leave Upgrade out)")
	case !upgrade:
		return ambiguous("Upgrade is not listed in Connection (send Connection: upgrade)")
	}
	return nil
}

// isTokenOrEmpty reports whether s has only tchars (RFC 9110, Section 5.6.2). Empty list
// elements are to be ignored (Section 5.6.1.2).
func isTokenOrEmpty(s string) bool {
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9':
		case strings.IndexByte("!#$%&'*+-.^_`|~", c) >= 0:
		default:
			return false
		}
	}
	return true
}
