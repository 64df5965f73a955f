package network

import (
	"net/netip"
	"slices"
	"strings"

	"github.com/sanmon-gate/sanmon/exchange"
	"github.com/sanmon-gate/sanmon/refusal"
)

// The header fields that a trusted proxy may name the client in.
const (
	XForwardedFor = "X-Forwarded-For"
	Forwarded     = "Forwarded" // RFC 7239
)

// The bounds of such a header.
const (
	maxHops = 32
	maxSize = 4096
)

// Clients says whose word about the client is believed. The zero value believes
// nobody.
type Clients struct {
	// Trusted are the networks of our own proxies: addresses as their packets carry
	// them. Empty means that every peer is the client.
	Trusted []netip.Prefix
	// Header is XForwardedFor or Forwarded, and the only one that is read; "" none.
	Header string
}

// Address returns the client's address: the peer, or, when the peer is a trusted
// proxy, the last address of the header that is not a trusted proxy itself. What
// stands left of it is the client's own claim and decides nothing; the leftmost
// address, which others take, is the one that anybody can write.
//
// A header from a trusted proxy that cannot be read is refused, and so is one that
// leaves the client unnamed. Without a header the proxy itself is the client.
func (c *Clients) Address(r *exchange.Request) (netip.Addr, error) {
	peer := plain(r.Peer)
	if !peer.IsValid() {
		return netip.Addr{}, refusal.New(refusal.Internal, "the request has no peer address (the server in front of the gate must set it)")
	}
	if c.Header == "" || !c.Trusts(peer) {
		return peer, nil
	}
	values := r.Fields.Values(c.Header)
	if len(values) == 0 {
		return peer, nil
	}
	var hops [maxHops]netip.Addr
	n, err := c.read(values, &hops)
	if err != nil {
		return netip.Addr{}, err
	}
	client := peer
	for i := n - 1; i >= 0 && c.Trusts(client); i-- {
		if client = hops[i]; !client.IsValid() {
			return netip.Addr{}, refusal.New(refusal.HeaderAmbiguous, "%s from %s does not name the address of the client (let the proxy write addresses)", c.Header, peer)
		}
	}
	return client, nil
}

// Trusts reports whether addr is one of our own proxies.
func (c *Clients) Trusts(addr netip.Addr) bool {
	return contains(c.Trusted, plain(addr))
}

// Proto says what the trusted proxy in front says of the client's connection. It is
// not known when the peer is not trusted or says nothing. X-Forwarded-Proto is one
// word: a list, a second line or another word is refused.
func (c *Clients) Proto(r *exchange.Request) (https, known bool, err error) {
	if !c.Trusts(r.Peer) {
		return false, false, nil
	}
	values := r.Fields.Values("X-Forwarded-Proto")
	switch {
	case len(values) == 0:
		return false, false, nil
	case len(values) == 1 && strings.EqualFold(values[0], "https"):
		return true, true, nil
	case len(values) == 1 && strings.EqualFold(values[0], "http"):
		return false, true, nil
	}
	return false, false, refusal.New(refusal.HeaderAmbiguous, "X-Forwarded-Proto from %s is neither http nor https, once (let the proxy set it, not append)", r.Peer)
}

// read parses the header's lines, in order, to addresses; the zero Addr where one
// is withheld.
func (c *Clients) read(values []string, hops *[maxHops]netip.Addr) (int, error) {
	n, size := 0, 0
	for _, v := range values {
		if size += len(v); size > maxSize {
			return 0, refusal.New(refusal.HeaderAmbiguous, "%s is longer than %d bytes", c.Header, maxSize)
		}
		var err error
		if c.Header == Forwarded {
			n, err = readForwarded(v, hops, n)
		} else {
			n, err = readList(v, hops, n)
		}
		if err != nil {
			return 0, refusal.New(refusal.HeaderAmbiguous, "%s is malformed: %v", c.Header, err)
		}
	}
	return n, nil
}

// contains reports whether addr, which is plain, is in one of the networks.
func contains(networks []netip.Prefix, addr netip.Addr) bool {
	return slices.ContainsFunc(networks, func(p netip.Prefix) bool { return Unmap(p).Contains(addr) })
}
