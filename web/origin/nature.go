package origin

import (
	"strings"

	"github.com/sanmon-gate/sanmon/exchange"
)

// Effectful reports whether the request changes something by its form alone: every method
// but GET, HEAD and OPTIONS (RFC 9110, Section 9.2.1; TRACE is never served), and a
// WebSocket handshake, whose GET opens a channel that writes. A route may declare more.
func Effectful(r *exchange.Request) bool {
	switch r.Method {
	case "GET", "HEAD", "OPTIONS":
		return Upgrade(r.Fields)
	}
	return true
}

// Ambient reports whether the request carries a credential that browsers attach by
// themselves, whoever caused the request: a cookie, or the result of a browser's own
// login dialogue. Client certificates, which are ambient too, are not accepted by the gate.
func Ambient(f exchange.Fields) bool {
	for _, v := range f.Values("Cookie") {
		if v != "" {
			return true
		}
	}
	for _, v := range f.Values("Authorization") {
		scheme := strings.TrimLeft(v, " \t")
		if end := strings.IndexAny(scheme, " \t"); end >= 0 {
			scheme = scheme[:end]
		}
		for _, s := range [...]string{"Basic", "Digest", "Negotiate", "NTLM", "Kerberos"} {
			if strings.EqualFold(scheme, s) {
				return true
			}
		}
	}
	return false
}

// Upgrade reports whether the request asks for a WebSocket (RFC 6455, Section 4.1).
func Upgrade(f exchange.Fields) bool {
	return hasToken(f.Values("Upgrade"), "websocket") && hasToken(f.Values("Connection"), "upgrade")
}

// Navigation reports whether a browser shows the answer to a person: it says so by
// Sec-Fetch-Mode, or, being too old for that, asks for HTML.
func Navigation(r *exchange.Request) bool {
	if mode := r.Fields.Values("Sec-Fetch-Mode"); len(mode) > 0 {
		return mode[0] == "navigate"
	}
	if r.Method != "GET" && r.Method != "HEAD" {
		return false
	}
	if r.Fields.Values("Sec-Fetch-Site") != nil || r.Fields.Values("Sec-Fetch-Dest") != nil {
		return false
	}
	return hasToken(r.Fields.Values("Accept"), "text/html")
}

// hasToken reports whether a comma-separated list has the token, in any case and with
// any parameters.
func hasToken(lines []string, token string) bool {
	for _, line := range lines {
		for more := true; more; {
			var item string
			item, line, more = strings.Cut(line, ",")
			item, _, _ = strings.Cut(item, ";")
			if strings.EqualFold(strings.Trim(item, " \t"), token) {
				return true
			}
		}
	}
	return false
}
