// Package subrequest reads the request that another proxy describes when it asks whether
// that may pass: nginx auth_request, Caddy forward_auth, Traefik ForwardAuth, Envoy
// ext_authz over HTTP. What comes out is a request as if it had arrived here, for whoever
// judges requests; what could be read in two ways is refused.
//
// A description is the word of the peer that sends it. Whoever calls Read has made sure
// that the peer is one of its own proxies.
package subrequest
