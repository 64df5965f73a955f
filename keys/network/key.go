package network

import (
	"fmt"
	"net/netip"
	"strings"
)

// The sizes of the network that an address stands for.
const (
	keyBits4, keyBits6     = 24, 48 // sessions and display: about one access network
	limitBits4, limitBits6 = 32, 64 // limits: the least that one customer holds (RFC 6177)
)

// Key is the network of an address for sessions and for display: the /24 of an IPv4
// address, the /48 of an IPv6 address, private ones too. "" for the zero Addr.
func Key(addr netip.Addr) string {
	p := within(addr, keyBits4, keyBits6)
	if !p.IsValid() {
		return ""
	}
	return p.String()
}

// LimitKey is what limits count an address as: an IPv4 address itself, of an IPv6
// address the /64. IPv4 is in the IPv4-mapped form.
func LimitKey(addr netip.Addr) [16]byte {
	return within(addr, limitBits4, limitBits6).Addr().As16()
}

func within(addr netip.Addr, bits4, bits6 int) netip.Prefix {
	addr = plain(addr)
	if !addr.IsValid() {
		return netip.PrefixFrom(netip.IPv6Unspecified(), -1)
	}
	bits := bits6
	if addr.Is4() {
		bits = bits4
	}
	p, err := addr.Prefix(bits)
	if err != nil { // cannot be: the bits fit the family
		return netip.PrefixFrom(addr, -1)
	}
	return p
}

// plain takes the zone off and unmaps ::ffff:a.b.c.d, so that one host has one
// address (RFC 4291, Section 2.5.5.2).
func plain(addr netip.Addr) netip.Addr { return addr.Unmap().WithZone("") }

// Parse reads a network, "203.0.113.0/24" or "2001:db8::/32", or one address. Bits
// beyond the prefix are an error, because one of the two is a mistake.
func Parse(s string) (netip.Prefix, error) {
	if !strings.Contains(s, "/") {
		addr, err := netip.ParseAddr(s)
		if err != nil || addr.Zone() != "" {
			return netip.Prefix{}, fmt.Errorf("%q is no network (write it as 203.0.113.0/24)", s)
		}
		addr = addr.Unmap()
		return netip.PrefixFrom(addr, addr.BitLen()), nil
	}
	p, err := netip.ParsePrefix(s)
	if err != nil {
		return netip.Prefix{}, fmt.Errorf("%q is no network (write it as 203.0.113.0/24)", s)
	}
	if p.Masked() != p {
		return netip.Prefix{}, fmt.Errorf("network %q has host bits set (did you mean %s?)", s, p.Masked())
	}
	return Unmap(p), nil
}

// Unmap writes an IPv4-mapped prefix as the IPv4 prefix that it means, so that it
// matches the addresses that Address returns.
func Unmap(p netip.Prefix) netip.Prefix {
	if a := p.Addr(); a.Is4In6() && p.Bits() >= 96 {
		return netip.PrefixFrom(a.Unmap(), p.Bits()-96)
	}
	return p
}
