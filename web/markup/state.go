package markup

// state is a state of the tokenizer of WHATWG HTML, Section 13.2.5, or several of them
// that the Scanner need not tell apart.
type state uint8

const (
	data state = iota
	tagOpen
	endTagOpen
	tagName
	beforeAttr
	attrName
	afterAttr
	beforeValue
	quoted
	unquoted
	selfClosing
	declaration // behind "<!"
	commentStart
	commentStartDash
	comment
	commentDash
	commentEnd
	commentBang
	bogus
	doctype
	cdata
	cdataBracket
	cdataEnd
	plain
	rawText // RCDATA, RAWTEXT and script data: they differ in what may follow "<"
	rawLess
	rawEnd
	rawEndName
	escapeStart
	escapeStartDash
	escaped
	escapedDash
	escapedDashDash
	escapedLess
	doubleStart
	double
	doubleDash
	doubleDashDash
	doubleLess
	doubleEnd
)
