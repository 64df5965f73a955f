package subrequest

import (
	"iter"
	"net/textproto"
	"slices"
	"strings"

	"github.com/sanmon-gate/sanmon/exchange"
	"github.com/sanmon-gate/sanmon/web/headers"
)

// identities are fields that tell a backend who is calling, or that the request is another
// one than was judged. In line they are removed; here the proxy forwards what the client
// sent, and a copy of our answer does not remove what we did not send (CVE-2026-30851 of
// Caddy). So a request that has one does not pass. X-Sanmon-Csrf is the page's own.
var identities = strings.Fields(`
	Sanmon- X-Sanmon- Remote- X-Remote- X-Forwarded-User X-Forwarded-Email X-Forwarded-Groups X-Forwarded-Preferred-Username
	X-Forwarded-Access-Token X-Auth-Request- X-Auth-User X-Auth-Username X-Auth-Email X-Auth-Groups X-Auth-Roles X-Auth-Subject
	X-Authenticated- X-Authelia- X-Authentik- X-Pomerium- X-Vouch- X-Webauth- Tailscale- Cf-Access-
	X-Goog-Authenticated- X-Goog-Iap- X-Ms-Client-Principal X-Consumer- X-Userinfo X-Id-Token
	X-Http-Method X-Method-Override X-Rewrite- X-Http-Path-Override X-Http-Host-Override`)

// honest refuses fields of the client that a backend could take for the gate's, in every
// spelling that some backend folds onto them: X_Remote_User arrives as X-Remote-User at
// WSGI and CGI programs, and the proxy in front forwards it.
func honest(f exchange.Fields, p Profile) error {
	for name := range f.All() {
		if headers.Forwardable(name) {
			continue // no identity is one of these, under any spelling
		}
		switch plain := folded(name); {
		case plain == "X-Sanmon-Csrf" && plain == name:
		case slices.ContainsFunc(identities, func(i string) bool { return strings.HasPrefix(plain, i) }):
			return refused("the client sent %s, which a backend would take for the gate's (let the proxy remove it)", plain)
		case strings.HasPrefix(plain, "X-Original-") && p != Nginx:
			return refused("the client sent %s, which some backends take for the address (let the proxy remove it)", plain)
		case plain != name && !headers.Forwardable(plain):
			return refused("the name of a field is another spelling of %s for some backends (let the proxy remove it)", plain)
		}
	}
	return nil
}

// folded is the canonical name that a backend may read name as.
func folded(name string) string {
	plain := strings.Map(func(c rune) rune {
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' {
			return c
		}
		return '-'
	}, name)
	return textproto.CanonicalMIMEHeaderKey(plain)
}

// described is the header of the described request: what the client sent, without the
// description and the connection to the proxy.
type described struct {
	exchange.Fields
	upgrade bool // as a handshake for a WebSocket has it
}

// newDescribed keeps hold of f. Proxies drop the hop-by-hop fields of a handshake. It must
// not pass for an ordinary GET, from which another site could read (RFC 6455, Section 10.2).
func newDescribed(f exchange.Fields) *described { return &described{f, upgrades(f)} }

// handshake are the fields that stand for those which the proxy dropped.
var handshake = map[string][]string{"Connection": {"Upgrade"}, "Upgrade": {"websocket"}}

// hidden reports whether the field with this canonical name is of the description, or of the
// connection to the proxy.
func hidden(name string) bool {
	switch name {
	case "X-Original-Url", "X-Original-Method", "X-Original-Uri", "X-Forwarded-Method", "X-Forwarded-Uri", "X-Forwarded-Host", "X-Forwarded-Proto",
		"Host", "Connection", "Keep-Alive", "Te", "Trailer", "Transfer-Encoding", "Upgrade", "Content-Length", "Http2-Settings":
		return true
	}
	return false
}

// Values implements exchange.Fields.
func (d *described) Values(name string) []string {
	if !hidden(name) {
		return d.Fields.Values(name)
	}
	if d.upgrade {
		return handshake[name]
	}
	return nil
}

// All implements exchange.Fields.
func (d *described) All() iter.Seq2[string, []string] {
	return func(yield func(string, []string) bool) {
		for name, values := range d.Fields.All() {
			if !hidden(name) && !yield(name, values) {
				return
			}
		}
		if d.upgrade {
			for name := range handshake {
				if !yield(name, d.Values(name)) {
					return
				}
			}
		}
	}
}

// upgrades reports whether the client asks for a WebSocket (RFC 6455, Section 4.1).
func upgrades(f exchange.Fields) bool {
	if len(f.Values("Sec-Websocket-Key")) > 0 || len(f.Values("Sec-Websocket-Version")) > 0 {
		return true
	}
	return slices.ContainsFunc(f.Values("Upgrade"), func(v string) bool { return strings.Contains(strings.ToLower(v), "websocket") })
}
