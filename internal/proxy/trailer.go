package proxy

import (
	"net/http"
	"strings"
)

// trailable reports whether a field may be a trailer: not framing, routing,
// request modifiers, authentication, cookies, or the description of the content
// (RFC 9110, Section 6.5.1). What the gate decided on the head cannot be changed
// behind it. name is in canonical form.
func trailable(name string) bool {
	if hopByHop(name) || !strings.ContainsFunc(name, func(r rune) bool { return r != '-' }) {
		return false
	}
	for _, prefix := range []string{"Content-", "Access-Control-", "Cross-Origin-", "Sec-", "If-", "X-Forwarded-", "Remote-", "Sanmon-", "Proxy-"} {
		if strings.HasPrefix(name, prefix) {
			return false
		}
	}
	switch name {
	case "Host", "Authorization", "Www-Authenticate", "Cookie", "Set-Cookie", "Age", "Allow", "Cache-Control", "Clear-Site-Data",
		"Date", "Expect", "Expires", "Forwarded", "Location", "Max-Forwards", "Pragma", "Range", "Refresh", "Retry-After",
		"Referrer-Policy", "Permissions-Policy", "Strict-Transport-Security", "Vary", "Warning", "X-Api-Key", "X-Frame-Options", "X-Real-Ip", "X-Request-Id":
		return false
	}
	for i := range len(name) {
		if c := name[i]; c != '-' && (c < '0' || c > '9') && (c < 'A' || c > 'Z') && (c < 'a' || c > 'z') {
			return false // names that collapse onto others in a CGI-style backend
		}
	}
	return true
}

// requestTrailer is the empty trailer to announce for those of the client's
// declared names that may pass; nil when none may.
func requestTrailer(declared http.Header, allow func(string) bool) http.Header {
	if allow == nil {
		return nil
	}
	var t http.Header
	for name := range declared {
		if !trailable(name) || !allow(name) {
			continue
		}
		if t == nil {
			t = make(http.Header, len(declared))
		}
		t[name] = nil
	}
	return t
}

// announceTrailer declares the backend's trailers to the client and returns the
// names; they are the declared ones only. What was computed over the bytes does not
// follow bytes that were changed (RFC 9530, Section 6.2; RFC 9110, Section 8.8.3).
func announceTrailer(h, trailer http.Header, changed bool) []string {
	var names []string
	for name := range trailer {
		if trailable(name) && !(changed && (name == "Digest" || name == "Repr-Digest" || name == "Etag")) {
			names = append(names, name)
		}
	}
	if len(names) > 0 {
		h["Trailer"] = []string{strings.Join(names, ", ")}
	}
	return names
}
