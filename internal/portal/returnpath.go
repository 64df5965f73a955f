package portal

import (
	"net/url"
	"strings"
)

// maxReturn is the longest return path, in bytes.
const maxReturn = 2048

// LoginURL is where a navigation to target without a session is sent. target is path and
// query as they arrived.
func LoginURL(target string) string {
	if next := ReturnPath(target); next != "/" {
		return Prefix + "login?next=" + url.QueryEscape(next)
	}
	return Prefix + "login"
}

// ReturnPath returns next when a browser surely reads it as a path of this origin, else
// "/". It begins with one slash, has only characters that are sent in a request target
// (so no tab or line break, which browsers drop, and no backslash, which they turn into a
// slash: WHATWG URL, Section 4.4), no dot segment and no fragment, and is not the login or
// logout itself.
func ReturnPath(next string) string {
	if len(next) == 0 || len(next) > maxReturn || next[0] != '/' {
		return "/"
	}
	path, query, _ := strings.Cut(next, "?")
	if strings.Contains(path, "//") || !only(path, "/") || !only(query, "/?[]{}|^`") {
		return "/"
	}
	for segment := range strings.SplitSeq(strings.ReplaceAll(strings.ToLower(path), "%2e", "."), "/") {
		if segment == "." || segment == ".." {
			return "/"
		}
	}
	if strings.HasPrefix(path, Prefix+"login") || strings.HasPrefix(path, Prefix+"logout") {
		return "/"
	}
	return next
}

// only reports whether s has only unreserved characters, sub-delims, ":", "@" and "%" (RFC
// 3986, Section 3.3) and those of more.
func only(s, more string) bool {
	for i := range len(s) {
		c := s[i]
		switch {
		case c >= '0' && c <= '9', c >= 'A' && c <= 'Z', c >= 'a' && c <= 'z':
		case c < 0x80 && strings.IndexByte("-._~!$&'()*+,;=:@%", c) >= 0:
		case strings.IndexByte(more, c) >= 0:
		default:
			return false
		}
	}
	return true
}
