package nature

import "strings"

// element reports whether name is an element of HTML, old ones included (HTML, Sections
// 4 and 16.2), the root of SVG or MathML, or may be a custom one, which has a hyphen.
func element(name string) bool {
	if strings.IndexByte(name[:min(len(name), 64)], '-') > 0 {
		return true
	}
	if len(name) > len("selectedcontent") {
		return false
	}
	switch strings.ToLower(name) {
	case "a", "abbr", "acronym", "address", "applet", "area", "article", "aside", "audio",
		"b", "base", "basefont", "bdi", "bdo", "bgsound", "big", "blink", "blockquote", "body", "br", "button",
		"canvas", "caption", "center", "cite", "code", "col", "colgroup", "data", "datalist", "dd", "del", "details",
		"dfn", "dialog", "dir", "div", "dl", "dt", "em", "embed", "fencedframe", "fieldset", "figcaption", "figure",
		"font", "footer", "form", "frame", "frameset", "h1", "h2", "h3", "h4", "h5", "h6", "head", "header", "hgroup",
		"hr", "html", "i", "iframe", "image", "img", "input", "ins", "isindex", "kbd", "keygen", "label", "legend",
		"li", "link", "listing", "main", "map", "mark", "marquee", "math", "menu", "menuitem", "meta", "meter",
		"multicol", "nav", "nextid", "nobr", "noembed", "noframes", "noscript", "object", "ol", "optgroup", "option",
		"output", "p", "param", "picture", "plaintext", "portal", "pre", "progress", "q", "rb", "rbc", "rp", "rt",
		"rtc", "ruby", "s", "samp", "script", "search", "section", "select", "selectedcontent", "slot", "small",
		"source", "spacer", "span", "strike", "strong", "style", "sub", "summary", "sup", "svg", "table", "tbody",
		"td", "template", "textarea", "tfoot", "th", "thead", "time", "title", "tr", "track", "tt", "u", "ul", "var",
		"video", "wbr", "xmp":
		return true
	}
	return false
}
