package headers

import (
	"fmt"
	"strings"
	"time"

	"github.com/sanmon-gate/sanmon/exchange"
)

// Op says what an Edit does to the response's header.
type Op uint8

// The operations.
const (
	Set    Op = iota // replace every line of the field by one
	Add              // add a line
	Remove           // remove every line
)

// Edit is one change to a response's header. Names are canonical.
type Edit struct {
	Name, Value string
	Op          Op
}

// FloorOptions says what the floor is. The zero value is the floor for plain http.
type FloorOptions struct {
	HTTPS bool          // browsers reach us over https: send HSTS
	HSTS  time.Duration // lifetime of HSTS; 0 sends none and removes the backend's
	// HostOnly leaves out includeSubDomains.
	HostOnly bool
	// Ramp lets HSTS grow to a year as RampHSTS does, whatever HSTS and HostOnly say; the
	// floor of a time is Floor.At. Zero: no ramp.
	Ramp time.Time
	// Opener and Resource are the least that Cross-Origin-Opener-Policy and
	// Cross-Origin-Resource-Policy say; "" is same-origin-allow-popups for documents, and
	// same-origin for documents and data where the backend chooses nothing itself. A
	// Resource that is set is for answers of every type, and a weaker value of the
	// backend's does not stand beside it.
	Opener, Resource string
	// Observe sends the floor's CSP for documents as Content-Security-Policy-Report-Only.
	Observe bool
	// Uploads is for answers that are what users have uploaded: see Floor.
	Uploads bool
	// FormAction and FrameAncestors are origins (scheme://host[:port]) beside 'self' that
	// forms may post to and that may frame us. With FrameAncestors no X-Frame-Options is
	// set, for it cannot name them.
	FormAction, FrameAncestors []string
}

// Floor is the least that every response carries, whatever the backend sent. Where a
// backend's own value is at least as strict, it stays; where it is weaker, invalid or
// doubled, one line of the floor's replaces it. It is immutable and safe for concurrent use.
//
// With Uploads, a successful answer is also a download in a sandbox, whatever its type.
type Floor struct {
	before     []stage // of a ramp, in order of time
	hsts       hsts
	opener     isolation
	resource   isolation
	everything bool // resource is for answers of every type
	uploads    bool
	framing    bool // X-Frame-Options is set
	cspName    string
	document   policy
	data       policy
	permission [1 << len(powers)]string
}

// NewFloor checks the options and prepares every value that the floor can send.
func NewFloor(o FloorOptions) (*Floor, error) {
	for _, origin := range append(append([]string(nil), o.FormAction...), o.FrameAncestors...) {
		if !strings.Contains(origin, "://") || strings.ContainsAny(origin, " \t;,'\"") {
			return nil, fmt.Errorf("floor: %q is no origin (write scheme://host[:port])", origin)
		}
	}
	if o.HSTS < 0 || o.HSTS%time.Second != 0 {
		return nil, fmt.Errorf("floor: the HSTS lifetime %v is not in whole seconds", o.HSTS)
	}
	f := &Floor{
		uploads: o.Uploads,
		framing: len(o.FrameAncestors) == 0,
		cspName: "Content-Security-Policy",
		document: newPolicy(
			directive{"object-src", "default-src", nil},
			directive{"base-uri", "", nil},
			directive{"form-action", "", append([]string{"'self'"}, o.FormAction...)},
			directive{"frame-ancestors", "", append([]string{"'self'"}, o.FrameAncestors...)}),
		data: newPolicy(
			directive{"default-src", "", nil},
			directive{"frame-ancestors", "", nil}),
	}
	if o.Observe {
		f.cspName += "-Report-Only"
	}
	if err := f.isolate(o); err != nil {
		return nil, err
	}
	for missing := range f.permission {
		f.permission[missing] = permissions(missing)
	}
	switch {
	case o.HTTPS && !o.Ramp.IsZero():
		f.ramp(RampHSTS(o.Ramp))
	case o.HTTPS && o.HSTS > 0:
		f.hsts = newHSTS(int64(o.HSTS/time.Second), !o.HostOnly)
	}
	return f, nil
}

// Edits appends to buf what has to change in a response with this status and Content-Type
// and these fields, and returns it. It allocates only where a backend's own HSTS or
// Permissions-Policy must be merged with ours.
func (f *Floor) Edits(status int, contentType string, res exchange.Fields, buf []Edit) []Edit {
	if f.uploads && status/100 == 2 {
		return f.upload(status, contentType, res, buf)
	}
	buf = f.everywhere(res, buf)
	kind, buf := typed(status, contentType, res, buf)
	switch kind {
	case document:
		buf = f.policy(f.cspName, &f.document, res, buf)
		buf = one(buf, res, openerName, f.opener.value, f.opener.strict)
		buf = f.embedded(res, buf)
		buf = one(buf, res, "Origin-Agent-Cluster", "?1", agentRank)
		buf = f.framed(res, buf)
		buf = f.powers(res, buf)
	case data:
		buf = f.policy("Content-Security-Policy", &f.data, res, buf)
		buf = f.embedded(res, buf)
		buf = f.framed(res, buf)
	case inert:
		if f.everything {
			buf = f.embedded(res, buf)
		}
	case fresh: // a 304 replaces stored fields (RFC 9111, Section 4.3.4): tighten the policy it brings
		buf = f.policy(f.cspName, &f.document, res, buf)
	}
	return buf
}

// everywhere is for responses of every type.
func (f *Floor) everywhere(res exchange.Fields, buf []Edit) []Edit {
	buf = one(buf, res, "X-Content-Type-Options", "nosniff", sniffRank)
	buf = one(buf, res, "Referrer-Policy", "strict-origin-when-cross-origin", referrerRank)
	// The filters that it switched on could be turned against pages.
	buf = one(buf, res, "X-Xss-Protection", "0", filterRank)
	buf = f.hsts.edit(res, buf)
	for _, name := range banners {
		if res.Values(name) != nil {
			buf = append(buf, Edit{Name: name, Op: Remove})
		}
	}
	return buf
}

func (f *Floor) framed(res exchange.Fields, buf []Edit) []Edit {
	if !f.framing {
		if res.Values("X-Frame-Options") != nil {
			buf = append(buf, Edit{Name: "X-Frame-Options", Op: Remove})
		}
		return buf
	}
	return one(buf, res, "X-Frame-Options", "SAMEORIGIN", frameRank)
}

// banners name products and versions (OWASP Secure Headers, "headers to remove"), or are
// ours alone, so that a backend which echoes requests does not publish an assertion.
var banners = [...]string{
	"Server", "X-Powered-By", "X-Powered-Cms", "X-Aspnet-Version", "X-Aspnetmvc-Version",
	"X-Generator", "X-Runtime", "X-Version", "Powered-By", "Sanmon-Assertion",
}

// Apply makes the change in a header that is a map.
func (e Edit) Apply(header map[string][]string) {
	switch e.Op {
	case Set:
		header[e.Name] = []string{e.Value}
	case Add:
		header[e.Name] = append(header[e.Name], e.Value)
	case Remove:
		delete(header, e.Name)
	}
}
