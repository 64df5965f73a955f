package wire

import (
	"bytes"
	"math"

	"github.com/sanmon-gate/sanmon/internal/octets"
)

// head is what the framing of a request depends on.
type head struct {
	http10   bool
	host     bool
	chunked  bool  // Transfer-Encoding was seen
	declared bool  // Content-Length was seen
	length   int64 // its value
}

// request judges a request line: method SP target SP version (RFC 9112, Section 3).
func (h *head) request(l []byte) *violation {
	const version = " HTTP/1.1"
	cut := len(l) - len(version)
	if cut < 1 || !bytes.HasPrefix(l[cut:], []byte(" HTTP/1.")) || l[len(l)-1] != '1' && l[len(l)-1] != '0' {
		return header("the request line does not end with HTTP/1.1 or HTTP/1.0 [send METHOD target HTTP/1.1 with single spaces]")
	}
	h.http10 = l[len(l)-1] == '0'
	method, t, ok := bytes.Cut(l[:cut], []byte{' '})
	if !ok || !octets.Token(method) {
		return header("the request line has no valid method [send METHOD target HTTP/1.1 with single spaces]")
	}
	return judgeTarget(method, t)
}

// judgeTarget refuses what cannot be read as one request-target: RFC 9112, Section
// 3.2. What an origin-form target means is judged by web/target.
func judgeTarget(method, t []byte) *violation {
	switch {
	case len(t) == 0 || !octets.Visible(t):
		return target("the request target is empty or has spaces, control bytes or bytes outside ASCII [percent-encode them]")
	case t[0] == '/':
		if !encoded(t) {
			return target("a percent sign in the path is not followed by two hex digits [write %25 for the sign itself]")
		}
		return nil
	case len(t) == 1 && t[0] == '*' && string(method) == "OPTIONS":
		return nil
	case string(method) == "CONNECT" && authority(t):
		return nil // refused for its method, by the gate
	}
	return target("the request target is not an absolute path [send the path as target and the host in Host]")
}

// authority reports whether t is name:port, of the characters of a DNS name.
func authority(t []byte) bool {
	name, port, ok := bytes.Cut(t, []byte{':'})
	digits := bytes.Trim(port, "0123456789")
	letters := bytes.TrimFunc(name, func(r rune) bool {
		return r == '.' || r == '-' || 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9'
	})
	return ok && len(name) > 0 && len(port) > 0 && len(digits) == 0 && len(letters) == 0
}

// encoded reports whether the path of t has no broken percent-encoding.
func encoded(t []byte) bool {
	for i := 0; i < len(t) && t[i] != '?'; i++ {
		if t[i] == '%' {
			if i+2 >= len(t) || octets.Unhex(t[i+1]) < 0 || octets.Unhex(t[i+2]) < 0 {
				return false
			}
			i += 2
		}
	}
	return true
}

// fieldLine splits a field line (RFC 9112, Section 5). why is set when it is none.
func fieldLine(l []byte) (name, value []byte, why string) {
	if l[0] == ' ' || l[0] == '\t' {
		return nil, nil, "a field line is folded [send each field on one line; RFC 9112, Section 5.2]"
	}
	n := 0
	for n < len(l) && octets.IsToken(l[n]) {
		n++
	}
	if n == 0 || n == len(l) || l[n] != ':' {
		return nil, nil, "a field name is empty, or is not followed by a colon at once [send Name: value]"
	}
	value = octets.Trim(l[n+1:])
	if octets.Controlled(value) {
		return nil, nil, "a field value has a control byte [remove it]"
	}
	return l[:n], value, ""
}

// field judges a field line of a head.
func (h *head) field(l []byte) *violation {
	name, value, why := fieldLine(l)
	if why != "" {
		return header(why)
	}
	switch len(name) {
	case len("host"):
		if octets.Fold(name, "host") {
			return h.hostField(value)
		}
	case len("expect"):
		if octets.Fold(name, "expect") && !octets.Fold(value, "100-continue") {
			return header("Expect asks for something unknown [send 100-continue or nothing]")
		}
	case len("trailer"):
		if octets.Fold(name, "trailer") {
			return trailerField(value)
		}
	case len("content-length"):
		if octets.Fold(name, "content-length") {
			return h.contentLength(value)
		}
	case len("transfer-encoding"):
		if octets.Fold(name, "transfer-encoding") {
			return h.transferEncoding(value)
		}
	}
	return nil
}

func (h *head) hostField(value []byte) *violation {
	if h.host {
		return header("Host is sent twice [send one; RFC 9112, Section 3.2]")
	}
	h.host = true
	if !all(value, &hosts) {
		return header("Host is not a host and port [send one host; RFC 9112, Section 3.2]")
	}
	return nil
}

// contentLength takes digits once: RFC 9112, Section 6.3, without the tolerance of
// a list of equal values, which not every reader has.
func (h *head) contentLength(value []byte) *violation {
	switch {
	case h.declared:
		return header("Content-Length is sent twice [send it once]")
	case h.chunked:
		return header("Content-Length stands beside Transfer-Encoding [send one of them]")
	case len(value) == 0:
		return header("Content-Length is empty [send a number]")
	}
	h.declared = true
	for _, c := range value {
		d := int64(c) - '0'
		if d < 0 || d > 9 || h.length > (math.MaxInt64-d)/10 {
			return header("Content-Length is not a number, or too large [send decimal digits]")
		}
		h.length = h.length*10 + d
	}
	return nil
}

// transferEncoding takes "chunked" once, in HTTP/1.1: RFC 9112, Section 6.1.
func (h *head) transferEncoding(value []byte) *violation {
	switch {
	case h.http10:
		return header("Transfer-Encoding in HTTP/1.0 [use HTTP/1.1]")
	case h.chunked:
		return header("Transfer-Encoding is sent twice [send it once]")
	case h.declared:
		return header("Transfer-Encoding stands beside Content-Length [send one of them]")
	case !octets.Fold(value, "chunked"):
		return header("Transfer-Encoding is not chunked [send chunked alone]")
	}
	h.chunked = true
	return nil
}

// trailerField refuses the announcement of trailers that would be framing.
func trailerField(value []byte) *violation {
	for name := range bytes.SplitSeq(value, []byte{','}) {
		name = octets.Trim(name)
		if octets.Fold(name, "transfer-encoding") || octets.Fold(name, "content-length") || octets.Fold(name, "trailer") {
			return header("Trailer announces a framing field [announce other fields only; RFC 9110, Section 6.5.1]")
		}
	}
	return nil
}
