package markup

// Event says why Scan returned.
type Event uint8

// The events.
const (
	Nothing   Event = iota // all bytes were read
	TagEvent               // a wanted tag ended; Tag describes it
	NameAhead              // the name of a tag is complete, nothing of it was acted on
	TextAhead              // text other than white space begins
)

// Tag is a start or end tag.
type Tag struct {
	Name        Name
	End         bool
	SelfClosing bool
	// Foreign says that the tag belongs to SVG or MathML.
	Foreign bool
	// Opens says of a start tag of a form that it certainly makes a form element: forms
	// inside forms are dropped.
	Opens bool
	// InTemplate and InNoscript say that the tag stands in such an element.
	InTemplate, InNoscript bool
	// Start is the offset in the page of "<", Stop that behind ">".
	Start, Stop int64
	// Attrs is what stands between name and ">", for start tags; see Attribute. It is valid
	// until the next Scan.
	Attrs []byte
}

// Context is where in the page the Scanner stands.
type Context uint8

// The contexts.
const (
	Text       Context = iota // between tags
	TagStart                  // "<", and the name of a tag
	Attributes                // inside a tag, outside of values
	Unquoted                  // attribute value
	Quoted                    // attribute value in ' or "
	RCDATA                    // textarea, title
	RawText                   // style, xmp, iframe, noembed, noframes
	ScriptText                // script
	Comment                   // comments, and what is treated like one
	Doctype                   // <!DOCTYPE
	CDATA                     // section in SVG or MathML
	Plain                     // behind <plaintext>
)

// Context returns where the Scanner stands.
func (s *Scanner) Context() Context {
	switch s.state {
	case tagOpen, endTagOpen, tagName, declaration:
		return TagStart
	case beforeAttr, attrName, afterAttr, beforeValue, selfClosing:
		return Attributes
	case unquoted:
		return Unquoted
	case quoted:
		return Quoted
	case rawText, rawLess, rawEnd, rawEndName:
		switch {
		case s.script:
			return ScriptText
		case s.rcdata:
			return RCDATA
		}
		return RawText
	case escapeStart, escapeStartDash, escaped, escapedDash, escapedDashDash, escapedLess, doubleStart,
		double, doubleDash, doubleDashDash, doubleLess, doubleEnd:
		return ScriptText
	case comment, commentStart, commentStartDash, commentDash, commentEnd, commentBang, bogus:
		return Comment
	case doctype:
		return Doctype
	case cdata, cdataBracket, cdataEnd:
		return CDATA
	case plain:
		return Plain
	}
	return Text
}
