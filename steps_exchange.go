package sanmon

import (
	"net/url"
	"strings"

	"github.com/sanmon-gate/sanmon/exchange"
	"github.com/sanmon-gate/sanmon/keys/limit"
	"github.com/sanmon-gate/sanmon/refusal"
	"github.com/sanmon-gate/sanmon/web/headers"
	"github.com/sanmon-gate/sanmon/web/origin"
	"github.com/sanmon-gate/sanmon/web/target"
)

// aim is step 1: the request has one target, one host and a header that can be read
// in one way only.
func (g *Gate) aim(p *Passage) (aimed, error) {
	r := p.Request
	var err error
	if p.Target, err = target.Parse(r.Method, r.Target); err != nil {
		return aimed{}, err
	}
	p.Query = p.Target.Query
	if err = headers.Check(r.Fields); err != nil {
		return aimed{}, err
	}
	if h := r.Fields.Values("Host"); len(h) > 0 && h[0] != r.Host {
		// HTTP/2 has :authority and may have Host beside it (RFC 9113, Section 8.3.1).
		return aimed{}, refusal.New(refusal.HeaderAmbiguous, "Host and :authority differ (send one)")
	}
	if p.Host, err = target.Host(r.Host, g.Scheme); err != nil {
		return aimed{}, err
	}
	if !g.Table.Hosts(p.Host) {
		return aimed{}, refusal.New(refusal.HostUnknown, "host %q is neither that of public_url nor of a route (a client that really means this server must use its public name)", p.Host)
	}
	if g.Keys.InURL(r.Target) || bearerInQuery(p.Target.Query) || g.tokenInURL(r) {
		// RFC 6750, Section 5.3 and RFC 9700, Section 4.3.2: not in URLs, which end up in logs.
		return aimed{}, refusal.New(refusal.CredentialInURL, "the address of a request for %q carries a credential (send it in a header, and revoke it: it is in somebody's log now)", p.Host)
	}
	return aimed{p}, nil
}

// tokenInURL reports whether the request-target carries an access token of ours, under
// whatever name. None is shorter than its signature.
func (g *Gate) tokenInURL(r *exchange.Request) bool {
	return len(r.Target) > 86 && g.Access != nil && g.Access.Looks(r.Target, r.Now)
}

// bearerInQuery reports whether a raw query names an access_token (RFC 6750,
// Section 2.3), which is not supported.
func bearerInQuery(query string) bool {
	for len(query) > 0 {
		var pair string
		pair, query, _ = strings.Cut(query, "&")
		name, _, _ := strings.Cut(pair, "=")
		if plain, err := url.QueryUnescape(name); err == nil { // allocates only where something is encoded
			name = plain
		}
		if strings.EqualFold(name, "access_token") {
			return true
		}
	}
	return false
}

// locate is step 2: where the request comes from, over what, and whether that
// network may come at all.
func (g *Gate) locate(a aimed) (located, error) {
	p := a.Passage
	var err error
	if p.Addr, err = g.Clients.Address(p.Request); err != nil {
		return located{}, err
	}
	if p.HTTPS, err = g.https(p.Request); err != nil {
		return located{}, err
	}
	if err = g.Networks.Admit(p.Addr); err != nil {
		return located{}, err
	}
	if g.PerNet != nil {
		taken := g.Limits.Take(p.Request.Now, limit.Demand{Policy: g.PerNet, Key: g.network(p, "network")})
		if err = g.lenient(p, taken.Err()); err != nil {
			p.Limits = taken
			return located{}, err
		}
	}
	return located{p}, nil
}

// https enforces that browsers reach us over TLS. Only a public origin of
// http://localhost is served in clear.
func (g *Gate) https(r *exchange.Request) (bool, error) {
	if r.Secure || g.Scheme != "https" {
		return r.Secure, nil
	}
	if g.Proxied {
		https, known, err := g.Clients.Proto(r)
		if err != nil || https {
			return https, err
		}
		if !known {
			return false, refusal.New(refusal.HTTPSRequired, "peer %s is no trusted proxy, or did not say X-Forwarded-Proto (list the proxy in client_ip.trusted_proxies)", r.Peer)
		}
	}
	return false, refusal.New(refusal.HTTPSRequired, "the request came over plain HTTP")
}

// source is step 3: which site made the browser send this.
func (g *Gate) source(l located) (sourced, error) {
	p := l.Passage
	var err error
	if p.Origin, err = g.Origin.Read(p.Request); err != nil {
		return sourced{}, err
	}
	p.Upgrade = origin.Upgrade(p.Request.Fields)
	if r := p.Request; p.Upgrade && (r.Method != "GET" || r.Length != 0) {
		// RFC 6455, Section 4.1. A handshake needs no CSRF token, a POST that says it is one does.
		return sourced{}, refusal.New(refusal.HeaderAmbiguous, "a %s with %d bytes of body asks for a WebSocket (its handshake is a GET without body)", r.Method, r.Length)
	}
	return sourced{p}, nil
}

// route is step 4: what the request is for. The portal's own addresses are no
// routes; what they do is effectful by method.
func (g *Gate) route(s sourced) (routed, error) {
	p := s.Passage
	if p.Reserved = g.reserved(p.Target.Decoded); p.Reserved {
		p.Writes = !safe(p.Request.Method) && (g.Collector == "" || p.Target.Decoded != g.Collector)
		return routed{p}, g.lenient(p, p.Origin.Admit(p.Writes, false))
	}
	i, _, err := g.Table.Match(p.Host, p.Request.Method, p.Target.Decoded)
	if err != nil {
		return routed{}, err
	}
	p.Route = g.Routes[i]
	if err := p.Target.Admit(p.Route.Paths); err != nil {
		return routed{}, err
	}
	p.Writes = p.Route.Writes(p.Request.Method) || p.Upgrade
	if err := p.Route.Networks.Admit(p.Addr); err != nil {
		return routed{}, err
	}
	if p.Route.CrossSite && !p.Upgrade && p.Route.Boundary.Public() {
		// Declared: a payment or identity provider posts people back to us. A socket is no
		// such landing: the other site's page could read what it answers.
		p.Landing = p.Origin.Admit(p.Writes, g.unproved(p)) != nil
		return routed{p}, nil
	}
	return routed{p}, g.lenient(p, p.Origin.Admit(p.Writes, g.unproved(p)))
}

// unproved reports whether a request without any word about its origin has to be
// refused here: it carries credentials that a browser adds by itself, and no token
// of ours will be asked for later.
func (g *Gate) unproved(p *Passage) bool {
	return p.Route.Boundary.Public() && origin.Ambient(p.Request.Fields)
}

func (g *Gate) reserved(path string) bool {
	for _, prefix := range g.Reserved {
		if strings.HasPrefix(path, prefix) && (strings.HasSuffix(prefix, "/") || path == prefix) {
			return true
		}
	}
	return false
}
