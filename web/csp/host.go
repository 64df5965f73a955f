package csp

import "strings"

// host is a host-source: [scheme://]host[:port][/path] (CSP3, Section 2.3.1).
type host struct {
	scheme, name, port, path string // lower case but path; name may begin with "*"
}

func parseHost(s string) (host, bool) {
	var h host
	rest := s
	if scheme, after, ok := strings.Cut(s, "://"); ok {
		if !schemeName(scheme) {
			return h, false
		}
		h.scheme, rest = strings.ToLower(scheme), after
	}
	if i := strings.IndexByte(rest, '/'); i >= 0 {
		rest, h.path = rest[:i], rest[i:]
	}
	h.name, h.port, _ = strings.Cut(strings.ToLower(rest), ":")
	if h.port == "" && strings.HasSuffix(rest, ":") || h.port != "" && h.port != "*" && strings.Trim(h.port, "0123456789") != "" {
		return h, false
	}
	return h, hostName(h.name) && !strings.ContainsAny(h.path, "?#")
}

// hostName is "*", or labels, the first of which may be "*".
func hostName(s string) bool {
	if s == "*" {
		return true
	}
	s = strings.TrimPrefix(s, "*.")
	for label := range strings.SplitSeq(s, ".") {
		if label == "" || strings.Trim(label, "abcdefghijklmnopqrstuvwxyz0123456789-_") != "" {
			return false
		}
	}
	return true
}

// within reports whether everything that h admits is admitted by wide too. It answers no
// where it is not sure.
func (h host) within(wide host) bool {
	return schemeWithin(h.scheme, wide.scheme) && nameWithin(h.name, wide.name) && portWithin(h, wide) && pathWithin(h.path, wide.path)
}

func schemeWithin(s, wide string) bool {
	// Without a scheme the page's own counts, which is not known here.
	return s == wide || wide == "http" && s == "https" || wide == "ws" && s == "wss"
}

func nameWithin(s, wide string) bool {
	if s == wide || wide == "*" {
		return true
	}
	suffix, ok := strings.CutPrefix(wide, "*")
	return ok && strings.HasSuffix(s, suffix) && s != suffix[1:]
}

func portWithin(h, wide host) bool {
	return h.port == wide.port || wide.port == "*" || wide.port == "" && h.port == defaultPort(h.scheme) && h.port != ""
}

func defaultPort(scheme string) string {
	switch scheme {
	case "http", "ws":
		return "80"
	case "https", "wss":
		return "443"
	}
	return ""
}

func pathWithin(p, wide string) bool {
	return wide == "" || wide == "/" || p == wide || strings.HasSuffix(wide, "/") && strings.HasPrefix(p, wide)
}
