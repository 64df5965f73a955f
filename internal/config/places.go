package config

import (
	"fmt"
	"net/netip"
	"net/url"
	"regexp"
	"strconv"
	"strings"
)

var hostname = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*$`)

// goodHost reports whether h is a host name in lower-case ASCII, an IPv4 address
// or an IPv6 address in brackets, each in its canonical form.
func goodHost(h string) bool {
	if inner, ok := strings.CutPrefix(h, "["); ok {
		inner, ok = strings.CutSuffix(inner, "]")
		a, err := netip.ParseAddr(inner)
		return ok && err == nil && a.Is6() && a.Zone() == "" && a.String() == inner
	}
	if !hostname.MatchString(h) || len(h) > 253 {
		return false
	}
	last := h[strings.LastIndexByte(h, '.')+1:]
	if strings.Trim(last, "0123456789") != "" {
		return true
	}
	a, err := netip.ParseAddr(h) // WHATWG URL, host parser: ends in a number, so it is IPv4
	return err == nil && a.Is4()
}

// goodPort reports whether p is a port in its canonical form.
func goodPort(p string) bool {
	n, err := strconv.Atoi(p)
	return err == nil && n >= 0 && n <= 65535 && strconv.Itoa(n) == p
}

// splitHost divides host[:port]; port is "" without one.
func splitHost(s string) (host, port string, ok bool) {
	host = s
	if i := strings.LastIndexByte(s, ':'); i >= 0 && !strings.HasSuffix(s, "]") {
		host, port = s[:i], s[i+1:]
		if !goodPort(port) || port == "0" {
			return "", "", false
		}
	}
	return host, port, goodHost(host)
}

// site is the value of a scalar of the form scheme://host[:port].
type site struct{ scheme, host, port string }

func (s site) hostport() string {
	if s.port == "" {
		return s.host
	}
	return s.host + ":" + s.port
}

func (s site) String() string { return s.scheme + "://" + s.hostport() }

// parseSite reads an origin as browsers serialise it (RFC 6454, Section 6.2).
func parseSite(s, name, like string) (site, error) {
	want := "write scheme://host or scheme://host:port, like " + like
	scheme, rest, ok := strings.Cut(s, "://")
	if !ok || scheme != "http" && scheme != "https" {
		return site{}, wrong{show(s) + " is not " + name, want}
	}
	for _, part := range []struct{ sign, what string }{{"@", "a user or password"}, {"?", "a query"}, {"#", "a fragment"}, {"/", "a path or a trailing slash"}} {
		if strings.Contains(rest, part.sign) {
			return site{}, wrong{show(s) + " has " + part.what, want}
		}
	}
	if rest != strings.ToLower(rest) {
		return site{}, wrong{show(s) + " has upper-case letters", "write " + show(strings.ToLower(s))}
	}
	host, port, ok := splitHost(rest)
	if !ok {
		return site{}, wrong{show(s) + " is not " + name, want + "; names of other scripts in their xn-- form"}
	}
	if scheme == "https" && port == "443" || scheme == "http" && port == "80" {
		return site{}, wrong{show(s) + " names the default port, which browsers leave out", "write " + show(scheme+"://"+host)}
	}
	return site{scheme, host, port}, nil
}

// loopback is a host that plain http may be used with: it does not leave the machine.
func (s site) loopback() bool {
	return s.host == "localhost" || s.host == "127.0.0.1" || s.host == "[::1]"
}

func publicURL() scalar {
	return scalar{name: "origin", want: "write https://host or https://host:port", parse: func(s string) (any, error) {
		o, err := parseSite(s, "an origin", "https://app.example.com")
		if err != nil {
			return nil, err
		}
		if o.scheme == "http" && !o.loopback() {
			return nil, wrong{show(s) + " is plain http", "use https; http is for localhost, 127.0.0.1 and [::1] only"}
		}
		return o, nil
	}}
}

func upstreamURL() scalar {
	return scalar{name: "URL", want: "write http://host:port or https://host:port", parse: func(s string) (any, error) {
		// The address of a backend is nobody's origin: its default port may be written.
		trimmed := s
		if strings.HasPrefix(s, "http://") {
			trimmed = strings.TrimSuffix(s, ":80")
		} else if strings.HasPrefix(s, "https://") {
			trimmed = strings.TrimSuffix(s, ":443")
		}
		return keepError(parseSite(trimmed, "the URL of a backend", "http://127.0.0.1:8000"))
	}}
}

func keepError(s site, err error) (any, error) {
	if err != nil {
		return nil, err
	}
	return s, nil
}

// listenAt is host:port to listen on; host may be empty.
func listenAt(off bool) scalar {
	want := `write ":8443", "127.0.0.1:8443" or "[::1]:8443", in quotes`
	return scalar{name: "address", want: want, parse: func(s string) (any, error) {
		if off && s == "off" {
			return "", nil
		}
		host, port, ok := strings.Cut(s, ":")
		if strings.HasPrefix(s, "[") {
			host, port, ok = strings.Cut(s, "]:")
			host += "]"
		}
		if !ok || !goodPort(port) || host != "" && !goodHost(host) {
			return nil, wrong{show(s) + " is not an address to listen on", want}
		}
		return s, nil
	}}
}

// network is a CIDR prefix, or one address.
func network() scalar {
	want := `write a network such as "203.0.113.0/24" or "2001:db8::/32", or one address`
	return scalar{name: "network", want: want, parse: func(s string) (any, error) {
		if a, err := netip.ParseAddr(s); err == nil && a.Zone() == "" && !a.Is4In6() {
			return netip.PrefixFrom(a, a.BitLen()), nil
		}
		p, err := netip.ParsePrefix(s)
		switch {
		case err != nil:
			return nil, wrong{show(s) + " is not a network", want}
		case p.Addr().Is4In6():
			return nil, wrong{show(s) + " is an IPv4 network written as IPv6", "write it as IPv4"}
		case p != p.Masked():
			return nil, wrong{fmt.Sprintf("%s has bits set after its first %d", show(s), p.Bits()), "write " + show(p.Masked().String())}
		}
		return p, nil
	}}
}

// looseURL reports whether s is an address of something to fetch; without a user or
// password.
func looseURL(s string) bool {
	u, err := url.Parse(s)
	return err == nil && u.Host != "" && u.User == nil && (u.Scheme == "http" || u.Scheme == "https")
}
