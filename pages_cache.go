package sanmon

import (
	"strings"

	"github.com/sanmon-gate/sanmon/exchange"
	"github.com/sanmon-gate/sanmon/web/headers"
)

// targeted are fields that override Cache-Control for some caches (RFC 9213).
var targeted = [...]string{"Cdn-Cache-Control", "Surrogate-Control", "Cloudflare-Cdn-Cache-Control", "Vercel-Cdn-Cache-Control", "Netlify-Cdn-Cache-Control", "X-Accel-Expires"}

// sharable reports whether the backend wants caches to give one answer to everybody.
func sharable(header map[string][]string) bool {
	if directive(header["Cache-Control"], "private") || directive(header["Cache-Control"], "no-store") {
		return false
	}
	for _, name := range targeted {
		if v := header[name]; len(v) > 0 && !directive(v, "no-store") && !directive(v, "private") {
			return true
		}
	}
	return directive(header["Cache-Control"], "public") || directive(header["Cache-Control"], "s-maxage")
}

// directive reports whether a field like Cache-Control has a directive.
func directive(lines []string, name string) bool {
	for _, line := range lines {
		for item := range strings.SplitSeq(line, ",") {
			item, _, _ = strings.Cut(item, "=")
			if strings.EqualFold(strings.Trim(item, " \t"), name) {
				return true
			}
		}
	}
	return false
}

// changed lists what a page that is about to be rewritten must not say any more: its
// length, what was computed over its bytes, and, where it carries a token, everything by
// which it could be stored or found unchanged (RFC 9110, Section 8.8; RFC 9111, Section 3;
// RFC 9530, Section 2).
func changed(header map[string][]string, shared bool, coding string) []headers.Edit {
	edits := []headers.Edit{
		{Name: "Content-Length", Op: headers.Remove}, {Name: "Accept-Ranges", Op: headers.Remove},
		{Name: "Content-Md5", Op: headers.Remove}, {Name: "Digest", Op: headers.Remove},
		{Name: "Repr-Digest", Op: headers.Remove}, {Name: "Content-Digest", Op: headers.Remove},
	}
	if coding != "" || header["Content-Encoding"] != nil {
		edits = append(edits, headers.Edit{Name: "Content-Encoding", Op: headers.Remove})
	}
	if !directive(header["Vary"], "Cookie") && !directive(header["Vary"], "*") {
		edits = append(edits, headers.Edit{Name: "Vary", Value: "Cookie", Op: headers.Add})
	}
	if shared {
		if tag := exchange.First(exchange.Header(header), "Etag"); tag != "" && !strings.HasPrefix(tag, "W/") {
			edits = append(edits, headers.Edit{Name: "Etag", Value: "W/" + tag, Op: headers.Set})
		}
		return edits
	}
	edits = append(edits, headers.Edit{Name: "Etag", Op: headers.Remove}, headers.Edit{Name: "Last-Modified", Op: headers.Remove}, headers.Edit{Name: "Expires", Op: headers.Remove})
	for _, name := range targeted {
		edits = append(edits, headers.Edit{Name: name, Op: headers.Remove})
	}
	if !directive(header["Cache-Control"], "no-store") {
		edits = append(edits, headers.Edit{Name: "Cache-Control", Value: "private, no-store", Op: headers.Set})
	}
	return edits
}
