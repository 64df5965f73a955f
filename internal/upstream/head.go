package upstream

import (
	"bytes"

	"github.com/sanmon-gate/sanmon/internal/octets"
)

// span is where a field stands in a head.
type span struct{ name, colon, value, end int }

// framing is what the end of an answer depends on.
type framing struct {
	status   int
	http10   bool
	chunked  bool
	declared bool  // Content-Length was seen
	length   int64 // its value
	close    bool  // Connection: close
	listed   bool  // Connection names fields
	trailer  bool  // Trailer was seen
}

// lineEnd finds the CRLF that ends the first line of b and returns where it begins, -1
// when it has not come yet. Nothing before scanned can be a line feed. A line feed
// without a carriage return is no end of a line here (RFC 9112, Section 2.2 allows to
// take it for one, and not every reader does).
func lineEnd(b []byte, scanned int) (int, error) {
	i := bytes.IndexByte(b[scanned:], '\n')
	switch {
	case i < 0:
		return -1, nil
	case scanned+i == 0 || b[scanned+i-1] != '\r':
		return -1, Malformed("a line ends without CRLF")
	}
	return scanned + i - 1, nil
}

// readHead reads one head. Its fields are where c.fields says, in what is returned; that
// is valid until the next read.
func (c *conn) readHead() ([]byte, framing, error) {
	c.compact()
	c.fields = c.fields[:0]
	var f framing
	for begin, scanned := 0, 0; ; {
		end, err := lineEnd(c.buf[begin:c.w], scanned-begin)
		if err != nil {
			return nil, f, err
		}
		if end < 0 {
			if c.w >= maxHead {
				return nil, f, Malformed("its head is too large")
			}
			scanned = c.w
			if err := c.fill(); err != nil {
				return nil, f, err
			}
			continue
		}
		l := c.buf[begin : begin+end]
		switch {
		case begin == 0:
			err = f.statusLine(l)
		case len(l) == 0:
			c.r = begin + 2
			return c.buf[:begin], f, nil
		case len(c.fields) == maxFields:
			err = Malformed("its head has too many fields")
		default:
			err = c.fieldLine(&f, l, begin)
		}
		if err != nil {
			return nil, f, err
		}
		begin += end + 2
		scanned = begin
	}
}

// statusLine reads HTTP-version SP status-code [SP reason] (RFC 9112, Section 4). The
// space behind the code is often left out, and cannot be taken for anything else.
func (f *framing) statusLine(l []byte) error {
	if len(l) < len("HTTP/1.1 200") || !bytes.HasPrefix(l, []byte("HTTP/1.")) || l[8] != ' ' || l[7] != '1' && l[7] != '0' {
		return Malformed("its first line is no status line of HTTP/1.1")
	}
	f.http10 = l[7] == '0'
	for _, c := range l[9:12] {
		if c < '0' || c > '9' {
			return Malformed("its status is not three digits")
		}
		f.status = f.status*10 + int(c-'0')
	}
	if f.status < 100 || f.status > 599 { // RFC 9110, Section 15
		return Malformed("its status is outside 100 to 599")
	}
	if rest := l[12:]; len(rest) > 0 && (rest[0] != ' ' || octets.Controlled(rest)) {
		return Malformed("its reason phrase has bytes that do not belong there")
	}
	return nil
}

// splitField finds name and value in a field line (RFC 9112, Section 5): l[:name], a
// colon, l[from:to]. The name is made canonical in place. A folded line begins with a
// space and is refused as one without a name: Section 5.2.
func splitField(l []byte) (name, from, to int, err error) {
	name = octets.TokenLen(l)
	if name == 0 || name == len(l) || l[name] != ':' {
		return 0, 0, 0, Malformed("a field name is empty, folded, or not followed by a colon")
	}
	for from, to = name+1, len(l); from < to && blank(l[from]); from++ {
	}
	for from < to && blank(l[to-1]) {
		to--
	}
	if octets.Controlled(l[from:to]) {
		return 0, 0, 0, Malformed("a field value has a control byte")
	}
	octets.Canonical(l[:name])
	return name, from, to, nil
}

func blank(c byte) bool { return c == ' ' || c == '\t' }

// fieldLine takes one field line of a head, which begins at begin in the buffer.
func (c *conn) fieldLine(f *framing, l []byte, begin int) error {
	name, from, to, err := splitField(l)
	if err != nil {
		return err
	}
	c.fields = append(c.fields, span{begin, begin + name, begin + from, begin + to})
	value := l[from:to]
	switch string(l[:name]) {
	case "Content-Length":
		return f.contentLength(value)
	case "Transfer-Encoding":
		return f.transferEncoding(value)
	case "Connection":
		f.connection(value)
	case "Trailer":
		return f.announced(value)
	}
	return nil
}

// contentLength takes digits once (RFC 9112, Section 6.3, without the tolerance of equal
// values).
func (f *framing) contentLength(value []byte) error {
	if f.declared || f.chunked || len(value) == 0 || len(value) > 18 {
		return Malformed("its Content-Length is empty, too large, repeated, or beside Transfer-Encoding")
	}
	f.declared = true
	for _, c := range value {
		if c < '0' || c > '9' {
			return Malformed("its Content-Length is not a number")
		}
		f.length = f.length*10 + int64(c-'0')
	}
	return nil
}

// transferEncoding takes "chunked" once, in HTTP/1.1 (RFC 9112, Section 6.1).
func (f *framing) transferEncoding(value []byte) error {
	if f.declared || f.chunked || f.http10 || !octets.Fold(value, "chunked") {
		return Malformed("its Transfer-Encoding is not chunked alone, or beside Content-Length, or in HTTP/1.0")
	}
	f.chunked = true
	return nil
}

func (f *framing) connection(value []byte) {
	for token := range bytes.SplitSeq(value, []byte{','}) {
		switch token = octets.Trim(token); {
		case octets.Fold(token, "close"):
			f.close = true
		case !octets.Fold(token, "keep-alive"):
			f.listed = true
		}
	}
}

// announced refuses the announcement of trailers that would be framing (RFC 9110, Section
// 6.5.1).
func (f *framing) announced(value []byte) error {
	f.trailer = true
	for name := range bytes.SplitSeq(value, []byte{','}) {
		name = octets.Trim(name)
		if octets.Fold(name, "transfer-encoding") || octets.Fold(name, "content-length") || octets.Fold(name, "trailer") {
			return Malformed("its Trailer announces a framing field")
		}
	}
	return nil
}
