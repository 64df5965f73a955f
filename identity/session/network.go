package session

import "net/netip"

// Network returns the part of an address by which sessions and failed logins are
// compared: /24 of IPv4, /48 of IPv6. The zero Prefix stands for no valid address.
func Network(addr netip.Addr) netip.Prefix {
	addr = addr.Unmap().WithZone("")
	bits := 48
	if addr.Is4() {
		bits = 24
	}
	p, err := addr.Prefix(bits)
	if err != nil {
		return netip.Prefix{}
	}
	return p
}

// inside reports whether a network is one of those that addresses are translated to and from
// (RFC 1918, RFC 6598, RFC 4193). They compare as one: a device keeps neither its address
// nor its network there.
func inside(p netip.Prefix) bool {
	addr := p.Addr()
	return addr.IsPrivate() || addr.Is4() && netip.PrefixFrom(netip.AddrFrom4([4]byte{100, 64, 0, 0}), 10).Contains(addr)
}

// networkText is Network as stored and printed; "" for no valid address.
func networkText(addr netip.Addr) string {
	p := Network(addr)
	if !p.IsValid() {
		return ""
	}
	return p.String()
}

// parseNetworks reads stored networks; what does not parse is no network.
func parseNetworks(texts []string) []netip.Prefix {
	out := make([]netip.Prefix, 0, len(texts))
	for _, t := range texts {
		if p, err := netip.ParsePrefix(t); err == nil && len(out) < maxNetworks {
			out = append(out, p)
		}
	}
	return out
}

// withNetwork returns the networks with p first, at most maxNetworks.
func withNetwork(known []netip.Prefix, p netip.Prefix) []netip.Prefix {
	if !p.IsValid() {
		return known
	}
	out := append(make([]netip.Prefix, 0, maxNetworks), p)
	for _, k := range known {
		if k != p && len(out) < maxNetworks {
			out = append(out, k)
		}
	}
	return out
}

func networkTexts(ps []netip.Prefix) []string {
	out := make([]string, len(ps))
	for i, p := range ps {
		out[i] = p.String()
	}
	return out
}
