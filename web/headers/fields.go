package headers

import "strings"

// field is an entry of the tables below: one name, or all names that start with it.
type field struct {
	name   string
	family bool
	class  Class
}

// holds reports whether the entry is about name. The last byte that must be equal is
// compared first: most entries of one letter differ there.
func (f *field) holds(name string) bool {
	n := len(f.name)
	if len(name) < n || name[n-1] != f.name[n-1] || len(name) > n && !f.family {
		return false
	}
	return name[:n] == f.name
}

// hopByHop are about one connection or frame one message (RFC 9110, Section 7.6.1; RFC
// 9112, Section 6), or are set by the forwarder from what was judged.
const hopByHop = `
	Connection Keep-Alive Te Trailer Transfer-Encoding Upgrade Http2-Settings
	Content-Length Host Proxy-*`

// forgeable are believed by backends or frameworks to come from the gateway before them.
// A name is listed when a product sets it for that purpose by default or a framework
// reads it so; names that applications take from their own clients (X-User-Id,
// X-Auth-Token) are not. Via stays: it detects loops and identifies nobody.
const forgeable = `
	Forwarded Forwarded-* X-Forwarded X-Forwarded-* X-Real-* X-Client-Ip X-Client-Port
	X-Cluster-Client-Ip Client-Ip True-Client-* X-True-Client-* X-Originating-* X-Proxyuser-Ip
	Cf-Connecting-* Cf-Pseudo-* Cf-Visitor Fastly-Client-* Fly-Client-* X-Azure-*
	Wl-Proxy-* X-Envoy-* X-Scheme X-Url-Scheme Front-End-Https X-Host

	X-Http-Method X-Http-Method-Override X-Method-Override X-Http-Host-Override
	X-Http-Path-Override X-Http-Destinationurl X-Original-* X-Rewrite-* X-Script-Name
	X-Accel-* X-Sendfile-* X-Middleware-* X-Skipper-*

	Script-Name Path-Info Path-Translated Query-String Request-Method Request-Uri
	Server-Name Server-Port Server-Protocol Document-Root Gateway-Interface Auth-Type
	Https Proxy

	Remote-* X-Remote-* Sanmon-* X-Sanmon-* X-Request-Id
	X-Auth-Request-* X-Auth-User X-Auth-Username X-Auth-Email X-Auth-Groups X-Auth-Roles X-Auth-Subject
	X-Authenticated-* X-Authelia-* X-Authentik-* X-Pomerium-* X-Vouch-* X-Webauth-*
	Tailscale-* Cf-Access-* X-Goog-Authenticated-* X-Goog-Iap-* X-Appengine-*
	X-Amzn-Oidc-* X-Amzn-Mtls-* X-Ms-Client-Principal* X-Ms-Token-*
	X-Consumer-* X-Credential-Identifier X-Anonymous-Consumer X-Userinfo X-Id-Token
	X-Endpoint-Api-* X-Apigateway-Api-* X-Jwt-Assertion X-Jwt-Claim-*
	Client-Cert* X-Client-Cert* Ssl-Client-* X-Ssl-* X-Tls-Client-* X-Arr-* X-Mtls-*`

// The tables of Classify: by first letter, and for "X-…" by third.
var (
	byFirst = index(0)
	byThird = index(2)
)

// index sorts the entries of both lists by the letter at position at.
func index(at int) (t [26][]field) {
	for class, list := range map[Class]string{HopByHop: hopByHop, Forgeable: forgeable} {
		for _, entry := range strings.Fields(list) {
			name, family := strings.CutSuffix(entry, "*")
			if strings.HasPrefix(name, "X-") == (at == 2) {
				t[name[at]-'A'] = append(t[name[at]-'A'], field{name, family, class})
			}
		}
	}
	return t
}
