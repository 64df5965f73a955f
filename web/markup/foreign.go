package markup

import "bytes"

type space uint8

const (
	inHTML space = iota
	inSVG
	inMath
)

// point is a kind of integration point (WHATWG HTML, Section 13.2.6).
type point uint8

const (
	none     point = iota
	htmlOnly       // all start tags inside are HTML
	textOnly       // all but mglyph and malignmark
	svgOnly        // annotation-xml: svg is HTML's, nothing else
)

type node struct {
	name  [maxName]byte
	size  uint8
	space space
	point point
}

func (n *node) is(name []byte) bool { return bytes.Equal(n.name[:n.size], name) }

// push opens an element where that has to be followed: foreign ones, and HTML inside them.
func (t *tree) push(tag *Tag, name []byte) Reason {
	n := node{space: inHTML}
	switch {
	case tag.End:
		return ""
	case tag.Name == SVG:
		n.space = inSVG
	case tag.Name == Math:
		n.space = inMath
	case len(t.open) == 0 && tag.Name != Select, void(name), t.selects && tag.Name == Choice:
		return ""
	}
	if n.space != inHTML && tag.SelfClosing {
		return ""
	}
	switch tag.Name {
	case Body, Head, HTML: // dropped, or not, depending on what came before
		if len(t.open) > 0 {
			return InForeign
		}
	}
	return t.add(n, name)
}

func (t *tree) add(n node, name []byte) Reason {
	if len(t.open) == maxForeign {
		return TooDeep
	}
	n.size = uint8(copy(n.name[:], name))
	t.open = append(t.open, n)
	return ""
}

// startForeign takes a start tag in while foreign elements are open. It reports false when
// the tag is one of HTML: inside an integration point, or because it ends foreign content
// (WHATWG HTML, Sections 13.2.6 and 13.2.6.5).
func (t *tree) startForeign(tag *Tag, name []byte) (foreign bool, r Reason) {
	top := &t.open[len(t.open)-1]
	if top.takes(tag.Name, name) {
		return false, ""
	}
	if breaksOut(name) || tag.Name == Font && styled(tag.Attrs) {
		t.leave()
		return false, ""
	}
	tag.Foreign = true
	if tag.SelfClosing {
		return true, ""
	}
	return true, t.add(node{space: top.space, point: pointOf(top.space, tag, name)}, name)
}

// takes reports whether a start tag inside n is read by the rules of HTML.
func (n *node) takes(known Name, name []byte) bool {
	switch {
	case n.space == inHTML, n.point == htmlOnly:
		return true
	case n.point == textOnly:
		return string(name) != "mglyph" && string(name) != "malignmark"
	case n.point == svgOnly:
		return known == SVG
	}
	return false
}

// leave closes foreign elements up to the nearest place where HTML is read.
func (t *tree) leave() {
	for n := len(t.open); n > 0; n-- {
		top := &t.open[n-1]
		if top.space == inHTML || top.point == htmlOnly || top.point == textOnly {
			return
		}
		t.open = t.open[:n-1]
	}
}

func pointOf(s space, tag *Tag, name []byte) point {
	switch {
	case s == inSVG:
		switch string(name) {
		case "foreignobject", "desc", "title":
			return htmlOnly
		}
	case tag.Name == AnnotationXML:
		switch v, _ := Attribute(tag.Attrs, "encoding"); {
		case hasFold(v, "text/html"), hasFold(v, "application/xhtml+xml"):
			return htmlOnly
		}
		return svgOnly
	default:
		switch string(name) {
		case "mi", "mo", "mn", "ms", "mtext":
			return textOnly
		}
	}
	return none
}

// styled reports whether a font has an attribute that makes it one of HTML.
func styled(attrs []byte) bool {
	for _, name := range [...]string{"color", "face", "size"} {
		if _, ok := Attribute(attrs, name); ok {
			return true
		}
	}
	return false
}

// endForeign takes an end tag in while foreign elements are open. One that does not close
// an element that is followed here closes one further out, or none: then there is no
// telling where the page stands.
func (t *tree) endForeign(tag *Tag, name []byte) Reason {
	n := len(t.open)
	if t.open[n-1].space == inHTML {
		switch {
		case t.open[n-1].is(name):
		case t.selects && tag.Name == Choice:
			return ""
		case t.selects:
			return InSelect
		default:
			return InForeign
		}
		t.open = t.open[:n-1]
		return t.endHTML(tag)
	}
	for ; n > 0 && t.open[n-1].space != inHTML; n-- {
		if t.open[n-1].is(name) {
			t.open = t.open[:n-1]
			tag.Foreign = true
			return ""
		}
	}
	return InForeign
}
