package upstream

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/sanmon-gate/sanmon/internal/octets"
)

// Request is what is written. Nothing of it is changed, or kept after Do has returned.
type Request struct {
	Method, Target, Host string
	// Header has the fields that are sent, by canonical name. Host and what frames the
	// message or ends at this hop is not taken from it.
	Header map[string][]string
	Body   []byte
	// Repeat allows to write the request once more, on a fresh connection, when one that
	// was kept ends without a byte of an answer (RFC 9112, Section 9.3.1).
	Repeat bool

	Timeout time.Duration // until the head of the answer
	Idle    time.Duration // how long its body may stand still
}

// line is one name of a header with its values.
type line struct {
	name   string
	values []string
}

// write forms the request in c.out, its fields in the order of their names.
func (c *conn) write(q *Request) error {
	if !octets.Token(q.Method) || q.Target == "" || !octets.Visible(q.Target) || !octets.Visible(q.Host) {
		return ErrRequest("its request line or host has bytes that do not belong there")
	}
	c.order = c.order[:0]
	for name, values := range q.Header {
		if !ours(name) && len(values) > 0 {
			c.order = append(c.order, line{name, values})
		}
	}
	slices.SortFunc(c.order, func(a, b line) int { return strings.Compare(a.name, b.name) })

	b := append(append(append(append(c.out[:0], q.Method...), ' '), q.Target...), " HTTP/1.1\r\nHost: "...)
	b = append(append(b, q.Host...), "\r\n"...)
	if len(q.Body) > 0 || expectsLength(q.Method) {
		b = append(strconv.AppendInt(append(b, "Content-Length: "...), int64(len(q.Body)), 10), "\r\n"...)
	}
	for _, l := range c.order {
		if !octets.Token(l.name) {
			c.out = b
			return ErrRequest("a field has a name that is none")
		}
		for _, v := range l.values {
			b = append(append(b, l.name...), ": "...)
			from := len(b)
			b = append(b, v...)
			if octets.Controlled(b[from:]) {
				c.out = b
				return ErrRequest("the field " + l.name + " holds a control byte")
			}
			b = append(b, "\r\n"...)
		}
	}
	c.out = append(append(b, "\r\n"...), q.Body...)
	return nil
}

// ours reports whether a field is written from the request itself, or is none that
// passes this hop. Expect is none: the body goes with the head, or there is none, and an
// expectation without content is not allowed (RFC 9110, Section 10.1.1).
func ours(name string) bool {
	switch name {
	case "Host", "Content-Length", "Transfer-Encoding", "Connection", "Expect", "Keep-Alive", "Proxy-Connection", "Proxy-Authenticate", "Proxy-Authorization", "Te", "Trailer", "Upgrade":
		return true
	}
	return false
}

// expectsLength: RFC 9110, Section 8.6: a method that gives a meaning to content says
// that there is none.
func expectsLength(method string) bool {
	return method == "POST" || method == "PUT" || method == "PATCH"
}
