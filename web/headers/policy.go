package headers

import (
	"strings"

	"github.com/sanmon-gate/sanmon/exchange"
)

// directive is one directive of a policy of ours.
type directive struct {
	name     string
	fallback string   // directive that holds where this one is absent; "" none
	allowed  []string // sources; none is 'none'
}

// policy is a Content-Security-Policy of ours, with the text of each of its subsets, so
// that a policy which adds only what the backend's lacks is never put together anew.
type policy struct {
	directives []directive
	text       []string // by the bits of the directives that are in it
}

func newPolicy(ds ...directive) policy {
	p := policy{ds, make([]string, 1<<len(ds))}
	for mask := range p.text {
		var parts []string
		for i, d := range ds {
			sources := "'none'"
			if len(d.allowed) > 0 {
				sources = strings.Join(d.allowed, " ")
			}
			if mask&(1<<i) != 0 {
				parts = append(parts, d.name+" "+sources)
			}
		}
		p.text[mask] = strings.Join(parts, "; ")
	}
	return p
}

// policy adds those directives of ours that no policy of the backend holds already. The
// backend's own stay untouched: browsers enforce every policy (CSP3, Section 8.1), so an
// added one can only tighten.
func (f *Floor) policy(name string, ours *policy, res exchange.Fields, buf []Edit) []Edit {
	missing := len(ours.text) - 1
	for _, line := range res.Values("Content-Security-Policy") {
		for more := true; more; { // a line may hold several policies (CSP3, Section 3.1)
			var theirs string
			theirs, line, more = strings.Cut(line, ",")
			missing &^= ours.heldBy(theirs)
		}
	}
	if missing == 0 {
		return buf
	}
	return append(buf, Edit{name, ours.text[missing], Add})
}

// heldBy returns the bits of the directives that a policy is at least as strict about.
func (p *policy) heldBy(theirs string) (held int) {
	for i := range p.directives {
		d := &p.directives[i]
		sources, ok := lookup(theirs, d.name)
		if !ok && d.fallback != "" {
			sources, ok = lookup(theirs, d.fallback)
		}
		if ok && d.admits(sources) {
			held |= 1 << i
		}
	}
	return held
}

// lookup finds the first directive of that name, as browsers do (CSP3, Section 2.2.1).
func lookup(policy, name string) (sources string, ok bool) {
	for more := true; more; {
		var d string
		d, policy, more = strings.Cut(policy, ";")
		d = strings.Trim(d, " \t")
		if len(d) >= len(name) && strings.EqualFold(d[:len(name)], name) &&
			(len(d) == len(name) || d[len(name)] == ' ' || d[len(name)] == '\t') {
			return d[len(name):], true
		}
	}
	return "", false
}

// admits reports whether every source is one of ours. No source is 'none'.
func (d *directive) admits(sources string) bool {
	for {
		sources = strings.TrimLeft(sources, " \t")
		if sources == "" {
			return true
		}
		end := strings.IndexAny(sources, " \t")
		if end < 0 {
			end = len(sources)
		}
		if !d.allows(sources[:end]) {
			return false
		}
		sources = sources[end:]
	}
}

func (d *directive) allows(source string) bool {
	if strings.EqualFold(source, "'none'") || strings.EqualFold(source, "'report-sample'") {
		return true
	}
	for _, a := range d.allowed {
		if strings.EqualFold(a, source) {
			return true
		}
	}
	return false
}
