package csp

import "strings"

// Within reports whether a source list admits nothing that wide does not (CSP3, Section
// 6.7). It answers no where it is not sure: then the wider list is added beside it, which
// never loosens. Script says that the lists are about scripts, where 'strict-dynamic'
// counts.
func Within(sources, wide []string, script bool) bool {
	wide = normal(wide, script)
	for _, s := range normal(sources, script) {
		if !admits(wide, s) {
			return false
		}
	}
	return true
}

// normal leaves out what has no effect: 'none' and 'report-sample'; 'unsafe-inline' beside
// a nonce, a hash or 'strict-dynamic' (Section 6.7.3.2); beside 'strict-dynamic' every
// host, scheme and 'self' (Section 6.7.1.1).
func normal(sources []string, script bool) []string {
	dynamic := script && has(sources, "'strict-dynamic'")
	named := dynamic || hasKind(sources, nonceSource) || hasKind(sources, hashSource)
	kept := make([]string, 0, len(sources))
	for _, s := range sources {
		k := kindOf(s)
		switch {
		case k == invalid, is(s, "'none'"), is(s, "'report-sample'"):
		case named && is(s, "'unsafe-inline'"):
		case dynamic && (k == hostSource || k == schemeSource || is(s, "'self'")):
		case is(s, "'strict-dynamic'") && !dynamic:
		default:
			kept = append(kept, s)
		}
	}
	return kept
}

func admits(wide []string, s string) bool {
	k := kindOf(s)
	for _, w := range wide {
		switch wk := kindOf(w); {
		case k == keyword && is(s, w), (k == nonceSource || k == hashSource) && s == w:
			return true
		case k == schemeSource && wk == schemeSource:
			if schemeWithin(scheme(s), scheme(w)) {
				return true
			}
		case k == hostSource && wk == schemeSource:
			if h, _ := parseHost(s); h.scheme != "" && schemeWithin(h.scheme, scheme(w)) {
				return true
			}
		case k == hostSource && wk == hostSource:
			h, _ := parseHost(s)
			if wh, _ := parseHost(w); h.within(wh) {
				return true
			}
		}
	}
	return false
}

func scheme(s string) string { return strings.ToLower(strings.TrimSuffix(s, ":")) }
