package headers

import (
	"strings"

	"github.com/sanmon-gate/sanmon/exchange"
)

// uploadCSP leaves nothing of an upload that a browser opens all the same: no script, no
// origin of its own (CSP3, Section 6.3.2; OWASP File Upload, "content served back").
const uploadCSP = "default-src 'none'; sandbox; frame-ancestors 'none'"

// upload is for what users have uploaded: browsers save it and do not show it, whatever
// its type. As image or media of a page it still works. Answers of the application, such
// as its 404, are left to the rest of the floor.
func (f *Floor) upload(status int, contentType string, res exchange.Fields, buf []Edit) []Edit {
	_, buf = typed(status, contentType, res, f.everywhere(res, buf))
	buf = append(buf, Edit{"Content-Security-Policy", uploadCSP, Add})
	buf = f.embedded(res, buf)
	buf = f.framed(res, buf)
	lines := res.Values("Content-Disposition")
	if len(lines) == 1 && attached(lines[0]) {
		return buf
	}
	value := "attachment"
	if len(lines) == 1 {
		if disposition, rest, named := strings.Cut(lines[0], ";"); named && strings.EqualFold(strings.Trim(disposition, " \t"), "inline") {
			value += ";" + rest // the name of the file
		}
	}
	return append(buf, Edit{"Content-Disposition", value, Set})
}

// attached reports whether a disposition is attachment (RFC 6266, Section 4.2).
func attached(value string) bool {
	disposition, _, _ := strings.Cut(value, ";")
	return strings.EqualFold(strings.Trim(disposition, " \t"), "attachment")
}
