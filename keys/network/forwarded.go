package network

import (
	"errors"
	"net/netip"
	"strings"
)

// The ways in which a header is malformed. None quotes it: it is a stranger's text.
var (
	errHops    = errors.New("it names more than 32 hops")
	errAddress = errors.New("an element is no IP address")
	errPair    = errors.New("a parameter is not name=value (RFC 7239, Section 4)")
	errTwice   = errors.New("an element has the same parameter twice (RFC 7239, Section 4)")
	errQuote   = errors.New("a quoted string does not end")
)

// readList reads one line of X-Forwarded-For: addresses between commas, with or
// without a port.
func readList(s string, hops *[maxHops]netip.Addr, n int) (int, error) {
	for more := true; more; n++ {
		var element string
		element, s, more = strings.Cut(s, ",")
		if n == maxHops {
			return 0, errHops
		}
		var err error
		if hops[n], err = host(strings.Trim(element, " \t")); err != nil {
			return 0, err
		}
	}
	return n, nil
}

// host reads an address, ADDRESS:PORT or [ADDRESS]:PORT; "unknown", which Squid
// writes, is the zero Addr.
func host(s string) (netip.Addr, error) {
	if strings.EqualFold(s, "unknown") {
		return netip.Addr{}, nil
	}
	if strings.HasPrefix(s, "[") || strings.Count(s, ":") == 1 {
		return node(s)
	}
	addr, err := netip.ParseAddr(s)
	if err != nil {
		return netip.Addr{}, errAddress
	}
	return plain(addr), nil
}

// node reads a node of RFC 7239, Section 6: an IPv4 address or an IPv6 address in
// brackets, and perhaps a port. "unknown" and obfuscated names are the zero Addr.
func node(s string) (netip.Addr, error) {
	name, port := s, ""
	if end := strings.LastIndexByte(s, ']'); end >= 0 || strings.IndexByte(s, ':') >= 0 {
		colon := strings.IndexByte(s[end+1:], ':')
		if colon > 0 && end >= 0 || colon < 0 && end != len(s)-1 {
			return netip.Addr{}, errAddress
		}
		if colon >= 0 {
			name, port = s[:end+1+colon], s[end+2+colon:]
			if !isPort(port) {
				return netip.Addr{}, errAddress
			}
		}
	}
	if strings.EqualFold(name, "unknown") || len(name) > 1 && name[0] == '_' && isObfuscated(name[1:]) {
		return netip.Addr{}, nil
	}
	if strings.HasPrefix(name, "[") {
		addr, err := netip.ParseAddr(strings.TrimSuffix(name[1:], "]"))
		if err != nil || !addr.Is6() || !strings.HasSuffix(name, "]") {
			return netip.Addr{}, errAddress
		}
		return plain(addr), nil
	}
	addr, err := netip.ParseAddr(name)
	if err != nil || !addr.Is4() {
		return netip.Addr{}, errAddress
	}
	return addr, nil
}

// isPort accepts up to five digits or an obfuscated port (RFC 7239, Section 6).
func isPort(s string) bool {
	if strings.HasPrefix(s, "_") {
		return len(s) > 1 && isObfuscated(s[1:])
	}
	return s != "" && len(s) <= 5 && strings.Trim(s, "0123456789") == ""
}

// isObfuscated accepts the characters of Section 6.3.
func isObfuscated(s string) bool {
	for i := range len(s) {
		if c := s[i]; !isAlnum(c) && c != '.' && c != '_' && c != '-' {
			return false
		}
	}
	return true
}

// readForwarded reads one line of Forwarded (RFC 7239, Section 4): the node of
// "for" of each element. Commas and semicolons within a quoted string separate
// nothing.
func readForwarded(s string, hops *[maxHops]netip.Addr, n int) (int, error) {
	for {
		if n == maxHops {
			return 0, errHops
		}
		var end byte
		var err error
		hops[n], s, end, err = element(s)
		if err != nil {
			return 0, err
		}
		n++
		if end == 0 {
			return n, nil
		}
	}
}

// element reads the parameters up to the next comma or the end (0), and returns
// the node of "for".
func element(s string) (addr netip.Addr, rest string, end byte, err error) {
	var seen [8]string
	for k := 0; ; k++ {
		var name, value string
		var quoted bool
		name, value, quoted, s, err = pair(s)
		if err != nil {
			return addr, "", 0, err
		}
		for _, other := range seen[:k] {
			if strings.EqualFold(other, name) {
				return addr, "", 0, errTwice
			}
		}
		if strings.EqualFold(name, "for") {
			if addr, err = forNode(value, quoted); err != nil {
				return addr, "", 0, err
			}
		}
		s = strings.TrimLeft(s, " \t")
		switch {
		case s == "":
			return addr, "", 0, nil
		case s[0] == ',':
			return addr, s[1:], ',', nil
		case s[0] != ';' || k+1 == len(seen):
			return addr, "", 0, errPair
		}
		seen[k], s = name, s[1:]
	}
}

// forNode reads the value of "for"; what is no token has to be quoted.
func forNode(value string, quoted bool) (netip.Addr, error) {
	if !quoted && strings.ContainsAny(value, ":[]") {
		return netip.Addr{}, errAddress
	}
	return node(value)
}

// pair reads name=value, where value is a token or a quoted string
// (RFC 9110, Section 5.6).
func pair(s string) (name, value string, quoted bool, rest string, err error) {
	s = strings.TrimLeft(s, " \t")
	i := tokenEnd(s)
	if i == 0 || i == len(s) || s[i] != '=' {
		return "", "", false, "", errPair
	}
	name, s = s[:i], s[i+1:]
	if strings.HasPrefix(s, `"`) {
		value, rest, err = unquote(s[1:])
		return name, value, true, rest, err
	}
	i = tokenEnd(s)
	// Section 4 wants colons and brackets quoted; forNode says so in better words.
	for i < len(s) && strings.IndexByte(":[]", s[i]) >= 0 {
		i += 1 + tokenEnd(s[i+1:])
	}
	if i == 0 {
		return "", "", false, "", errPair
	}
	return name, s[:i], false, s[i:], nil
}

// unquote reads to the end of a quoted string.
func unquote(s string) (value, rest string, err error) {
	end := strings.IndexAny(s, `"\`)
	if end >= 0 && s[end] == '"' {
		return s[:end], s[end+1:], nil
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '"':
			return b.String(), s[i+1:], nil
		case s[i] == '\\' && i+1 < len(s):
			i++
		}
		b.WriteByte(s[i])
	}
	return "", "", errQuote
}

// tokenEnd is how many characters of a token s begins with.
func tokenEnd(s string) int {
	for i := range len(s) {
		if !isAlnum(s[i]) && strings.IndexByte("!#$%&'*+-.^_`|~", s[i]) < 0 {
			return i
		}
	}
	return len(s)
}

func isAlnum(c byte) bool {
	return '0' <= c && c <= '9' || 'A' <= c && c <= 'Z' || 'a' <= c && c <= 'z'
}
