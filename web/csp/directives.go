package csp

import "slices"

// fallbacks lists what holds in the absence of a fetch directive, in order (CSP3, Section
// 6.8.3): default-src comes last for each. Other directives have none.
func fallbacks(name string) []string {
	switch name {
	case "child-src", "connect-src", "font-src", "img-src", "manifest-src", "media-src", "object-src", "script-src", "style-src":
		return []string{"default-src"}
	case "frame-src":
		return []string{"child-src", "default-src"}
	case "script-src-elem", "script-src-attr":
		return []string{"script-src", "default-src"}
	case "style-src-elem", "style-src-attr":
		return []string{"style-src", "default-src"}
	case "worker-src":
		return []string{"child-src", "script-src", "default-src"}
	}
	return nil
}

// fetches lists the fetch directives (CSP3, Section 6.1).
func fetches() []string {
	return []string{
		"child-src", "connect-src", "font-src", "frame-src", "img-src", "manifest-src", "media-src", "object-src",
		"script-src", "script-src-elem", "script-src-attr", "style-src", "style-src-elem", "style-src-attr", "worker-src",
	}
}

// isFetch reports whether default-src stands in for the directive, or is it.
func isFetch(name string) bool { return name == "default-src" || fallbacks(name) != nil }

// Known reports whether a directive is one that browsers know (CSP3; Trusted Types;
// Upgrade Insecure Requests), deprecated ones included.
func Known(name string) bool {
	return isFetch(name) || slices.Contains([]string{
		"base-uri", "form-action", "frame-ancestors", "sandbox", "report-uri", "report-to", "upgrade-insecure-requests",
		"block-all-mixed-content", "require-trusted-types-for", "trusted-types", "webrtc",
	}, name)
}

// Governing returns the name of the directive that decides about name: itself or what
// stands in for it; "" when the policy says nothing, and everything is allowed.
func (p Policy) Governing(name string) string {
	if _, ok := p.Get(name); ok {
		return name
	}
	for _, f := range fallbacks(name) {
		if _, ok := p.Get(f); ok {
			return f
		}
	}
	return ""
}

// Effective returns the source list that decides about name; false when none does.
func (p Policy) Effective(name string) ([]string, bool) { return p.Get(p.Governing(name)) }
