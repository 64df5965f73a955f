package proxy

import (
	"net/http"
	"net/textproto"
	"strings"

	"github.com/sanmon-gate/sanmon/refusal"
)

// prepareHeader takes the hop-by-hop fields out of the outgoing header (RFC 9110,
// Section 7.6.1) and puts back what an upgrade needs. Framing fields and Host are
// written by the transport from the request, never from the header.
func prepareHeader(out *Outgoing) error {
	if out.Header == nil {
		out.Header = make(http.Header, 2)
	}
	h := out.Header
	var upgrade []string
	if out.Upgrade {
		upgrade = h["Upgrade"]
	}
	dropHopByHop(h)
	if bodiless(out) {
		delete(h, "Expect") // RFC 9110, Section 10.1.1: not without content
	}
	if out.Upgrade && len(upgrade) != 1 {
		return refusal.New(refusal.HeaderAmbiguous, "an upgrade names %d protocols [name one in Upgrade]", len(upgrade))
	}
	if out.Upgrade {
		h["Connection"] = []string{"Upgrade"}
		h["Upgrade"] = upgrade
	}
	if _, ok := h["User-Agent"]; !ok {
		h["User-Agent"] = nil // or the transport writes its own
	}
	return nil
}

// dropHopByHop removes the fields that end at this hop, without those that
// Connection lists.
func dropHopByHop(h http.Header) {
	delete(h, "Connection")
	delete(h, "Keep-Alive")
	delete(h, "Proxy-Connection")
	delete(h, "Proxy-Authenticate")
	delete(h, "Proxy-Authorization")
	delete(h, "Te")
	delete(h, "Trailer")
	delete(h, "Transfer-Encoding")
	delete(h, "Upgrade")
}

// moveHeader moves a response header into dst, without its hop-by-hop fields and
// those that Connection lists (RFC 9110, Section 7.6.1). The slices are moved,
// not copied: the transport made them for this response and is done with them.
// The transport has refused control bytes in names and values before.
func moveHeader(dst, src http.Header) {
	if listed, ok := src["Connection"]; ok {
		dropListed(src, listed)
	}
	for name, values := range src {
		if !hopByHop(name) {
			dst[name] = values
		}
	}
}

func hopByHop(name string) bool {
	switch name {
	case "Connection", "Keep-Alive", "Proxy-Connection", "Proxy-Authenticate", "Proxy-Authorization",
		"Te", "Trailer", "Transfer-Encoding", "Upgrade":
		return true
	}
	return false
}

// dropListed deletes what Connection names. Content-Length stays: it is framing,
// and a message whose length a hop could name away would be read to the wrong end.
func dropListed(h http.Header, listed []string) {
	for _, line := range listed {
		for token := range strings.SplitSeq(line, ",") {
			name := textproto.CanonicalMIMEHeaderKey(textproto.TrimString(token))
			if name != "Content-Length" {
				delete(h, name)
			}
		}
	}
}

// fields counts the field lines of a header.
func fields(h http.Header) int {
	n := 0
	for _, values := range h {
		n += len(values)
	}
	return n
}
