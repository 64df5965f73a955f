package markup

// Name is an element name that the package knows. Names of other elements are Other.
type Name uint8

// The names that mean something to the tokenizer, to the tree or to the Injector.
const (
	Other Name = iota
	AnnotationXML
	Base
	Body
	Button
	Col
	Colgroup
	Font
	Form
	Frameset
	Head
	HTML
	Iframe
	Input
	Keygen
	Math
	Meta
	Noembed
	Noframes
	Noscript
	Plaintext
	Script
	Select
	Style
	SVG
	Table
	TableSection // tbody, thead, tfoot, tr, caption
	Template
	Textarea
	Title
	Xmp
	BR
	P
	Cell   // td, th
	Marker // applet, marquee, object: what is inside is out of scope for end tags outside
	Choice // option, optgroup: their end tags are optional
	names
)

// Names is a set of Name.
type Names uint64

// NamesOf returns the set of its arguments.
func NamesOf(list ...Name) (s Names) {
	for _, n := range list {
		s |= 1 << n
	}
	return s
}

func (s Names) has(n Name) bool { return s&(1<<n) != 0 }

// All is every name, Other included.
const All Names = 1<<names - 1

// maxName is how much of a name is kept, in bytes: more than any name of HTML, MathML and
// SVG that can be told apart only by its end.
const maxName = 32

// nameOf knows a name in lower case.
func nameOf(b []byte) Name {
	switch string(b) { // no allocation: the compiler compares in place
	case "annotation-xml":
		return AnnotationXML
	case "base":
		return Base
	case "body":
		return Body
	case "button":
		return Button
	case "col":
		return Col
	case "colgroup":
		return Colgroup
	case "font":
		return Font
	case "form":
		return Form
	case "frameset":
		return Frameset
	case "head":
		return Head
	case "html":
		return HTML
	case "iframe":
		return Iframe
	case "input":
		return Input
	case "keygen":
		return Keygen
	case "math":
		return Math
	case "meta":
		return Meta
	case "noembed":
		return Noembed
	case "noframes":
		return Noframes
	case "noscript":
		return Noscript
	case "plaintext":
		return Plaintext
	case "script":
		return Script
	case "select":
		return Select
	case "style":
		return Style
	case "svg":
		return SVG
	case "table":
		return Table
	case "tbody", "thead", "tfoot", "tr", "caption":
		return TableSection
	case "template":
		return Template
	case "textarea":
		return Textarea
	case "title":
		return Title
	case "xmp":
		return Xmp
	case "br":
		return BR
	case "p":
		return P
	case "td", "th":
		return Cell
	case "applet", "marquee", "object":
		return Marker
	case "option", "optgroup":
		return Choice
	}
	return Other
}

// breaksOut reports whether a start tag ends foreign content (WHATWG HTML, Section
// 13.2.6.5). font does so with some attributes only.
func breaksOut(name []byte) bool {
	switch string(name) {
	case "b", "big", "blockquote", "body", "br", "center", "code", "dd", "div", "dl", "dt", "em", "embed",
		"h1", "h2", "h3", "h4", "h5", "h6", "head", "hr", "i", "img", "li", "listing", "menu", "meta", "nobr",
		"ol", "p", "pre", "ruby", "s", "small", "span", "strong", "strike", "sub", "sup", "table", "tt", "u", "ul", "var":
		return true
	}
	return false
}

// void reports whether an element of HTML never has content, so that its start tag opens
// nothing (WHATWG HTML, Section 13.2.6.4.7).
func void(name []byte) bool {
	switch string(name) {
	case "area", "base", "basefont", "bgsound", "br", "col", "embed", "hr", "image", "img", "input", "keygen", "link",
		"meta", "param", "source", "track", "wbr", "frame":
		return true
	}
	return false
}
