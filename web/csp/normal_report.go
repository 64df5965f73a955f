package csp

import (
	"net/url"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Other stands for what no browser would have written.
const Other = "other"

// directiveName is the name of a directive that browsers know, Other for the rest, so
// that names can be labels.
func directiveName(s string) string {
	fields := strings.Fields(clip(s, 200))
	if len(fields) > 0 {
		if name := strings.ToLower(fields[0]); Known(name) {
			return name
		}
	}
	return Other
}

// blockedName reduces what was blocked to its origin, its scheme, or the keyword that
// stands for code without a URL (CSP3, Section 2.4.1; Trusted Types, Section 4.2.3).
// Browsers write "" and "self" for scripts of the page itself, too.
func blockedName(s string) string {
	switch s {
	case "":
		return "inline"
	case "inline", "eval", "wasm-eval", "self", "trusted-types-policy", "trusted-types-sink", "about", "data", "blob":
		return s
	}
	if o := Origin(s); o != "" {
		return o
	}
	if name, _, ok := strings.Cut(s, ":"); ok && schemeName(name) && len(name) <= 32 {
		return strings.ToLower(name)
	}
	if schemeName(s) && len(s) <= 32 {
		return strings.ToLower(s)
	}
	return Other
}

// Origin returns the origin of an absolute URL as browsers write it: scheme://host[:port]
// in lower case without a default port; "" when there is none.
func Origin(s string) string {
	u, err := url.Parse(s)
	if err != nil || u.Host == "" || !schemeName(u.Scheme) {
		return ""
	}
	h := strings.ToLower(u.Hostname())
	if h == "" || len(h) > 253 || strings.Trim(h, "abcdefghijklmnopqrstuvwxyz0123456789-_.:") != "" {
		return ""
	}
	if strings.Contains(h, ":") {
		h = "[" + h + "]"
	}
	scheme := strings.ToLower(u.Scheme)
	if p := u.Port(); p != "" && p != defaultPort(scheme) {
		h += ":" + p
	}
	return scheme + "://" + h
}

// extensions are the schemes of what a person added to the browser.
func extensions() []string {
	return []string{"chrome-extension", "moz-extension", "safari-extension", "safari-web-extension", "ms-browser-extension", "webkit-masked-url", "chrome", "resource"}
}

// Noise says why a report tells nothing about our pages, "" when it does: it is of a page
// of somebody else, or about what an extension did. ours knows the origins of our pages.
func (r *Report) Noise(ours func(origin string) bool) string {
	switch o := Origin(r.Document); {
	case o == "" || !ours(o):
		return "document"
	case extension(r.Blocked), extension(r.Source):
		return "extension"
	case r.Blocked == "about":
		return "about"
	case r.Directive == Other || r.Blocked == Other:
		return "unknown"
	}
	return ""
}

func extension(s string) bool {
	name, _, _ := strings.Cut(strings.ToLower(s), ":")
	return slices.Contains(extensions(), name)
}

// printable makes a text harmless for logs and terminals.
func printable(s string) string {
	s = strings.ToValidUTF8(s, "")
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) && r != utf8.RuneError {
			return r
		}
		return ' '
	}, s)
}
