package target

import (
	"net/netip"
	"strconv"
	"strings"
)

// Host returns the one spelling of a Host field or :authority: lower case, without the
// default port of scheme ("http" or "https"), without one trailing dot, IPv6 in its
// shortest form and in brackets. Internationalised names are read as A-labels only
// (RFC 5890), because that is what browsers send. Everything that could name another
// host to another reader is refused: userinfo, an empty or padded port, IPv4 in octal or
// in one number, zones, percent-encoding (RFC 9110, Section 4.2.3; research C1, RT 12-14,
// 26). A name that is canonical already is returned without allocation.
func Host(raw, scheme string) (string, error) {
	if raw == "" {
		return "", ambiguous("the request names no host (send Host)")
	}
	if len(raw) > 261 { // 253 of a name, a trailing dot, ":65535" and a byte to spare
		return "", ambiguous("the host has %d bytes", len(raw))
	}
	name, port, err := splitPort(raw)
	if err != nil {
		return "", err
	}
	if name, err = hostname(name); err != nil {
		return "", err
	}
	if port == "" || scheme == "https" && port == "443" || scheme == "http" && port == "80" {
		return name, nil
	}
	if len(name)+1+len(port) == len(raw) && raw[:len(name)] == name {
		return raw, nil
	}
	return name + ":" + port, nil
}

// splitPort cuts a port of 1 to 65535, written without leading zeros.
func splitPort(raw string) (name, port string, err error) {
	i := strings.LastIndexByte(raw, ':')
	if i < 0 || raw[len(raw)-1] == ']' {
		return raw, "", nil
	}
	name, port = raw[:i], raw[i+1:]
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil || n == 0 || port[0] < '1' {
		return "", "", ambiguous("the port of the host is not a number from 1 to 65535")
	}
	return name, port, nil
}

func hostname(name string) (string, error) {
	if strings.HasPrefix(name, "[") {
		return ipv6(name)
	}
	name = strings.TrimSuffix(name, ".")
	lower, label := true, 0
	for i := 0; i < len(name); i++ {
		switch c := name[i]; {
		case c == '.' && label > 0:
			label = 0
			continue
		case c >= 'a' && c <= 'z', c >= '0' && c <= '9', c == '-', c == '_':
		case c >= 'A' && c <= 'Z':
			lower = false
		default:
			return "", ambiguous("byte %d of the host is %#02x (send a plain name; international ones as xn--)", i, c)
		}
		if label++; label > 63 {
			return "", ambiguous("a label of the host has more than 63 bytes")
		}
	}
	if label == 0 || len(name) > 253 {
		return "", ambiguous("the host is empty, ends in two dots or has more than 253 bytes")
	}
	if !lower {
		name = strings.ToLower(name)
	}
	return name, checkNumeric(name)
}

// checkNumeric refuses the spellings that browsers read as an IPv4 address (WHATWG URL,
// "ends in a number") but that are not four plain decimal numbers.
func checkNumeric(name string) error {
	last := name[strings.LastIndexByte(name, '.')+1:]
	if last[0] < '0' || last[0] > '9' {
		return nil
	}
	hex, isHexForm := strings.CutPrefix(last, "0x")
	if strings.Trim(last, "0123456789") != "" && !(isHexForm && strings.Trim(hex, "0123456789abcdef") == "") {
		return nil
	}
	if _, err := netip.ParseAddr(name); err != nil { // never IPv6: name has no ":"
		return ambiguous("the host ends in a number but is no IPv4 address of four decimal numbers")
	}
	return nil
}

func ipv6(name string) (string, error) {
	if len(name) < 4 || name[len(name)-1] != ']' {
		return "", ambiguous("the host has a bracket that is not closed")
	}
	a, err := netip.ParseAddr(name[1 : len(name)-1])
	if err != nil || !a.Is6() || a.Zone() != "" {
		return "", ambiguous("the host has brackets but no IPv6 address in them")
	}
	if s := a.String(); s != name[1:len(name)-1] {
		return "[" + s + "]", nil
	}
	return name, nil
}
