package markup

// Reason says why a page was not read to its end, or passed without being read. It is a
// label of a metric: one of the constants.
type Reason string

// The reasons.
const (
	TagTooLong     Reason = "tag_too_long"   // the attributes of one tag exceed MaxTag
	TooDeep        Reason = "too_deep"       // foreign content or templates nested beyond all use
	InSelect       Reason = "select"         // parsers differ in what a select drops
	InFrameset     Reason = "frameset"       // a frameset drops what is not a frame, if it is one
	InForeign      Reason = "foreign"        // SVG or MathML that is closed from outside
	InCDATA        Reason = "cdata"          // CDATA or comment, depending on elements that are not followed
	InNoscript     Reason = "noscript"       // with and without scripting the page has another shape
	InTemplate     Reason = "template"       // a template whose content is dropped in part
	BadCharset     Reason = "charset"        // "<" may be part of another character
	UnknownCoding  Reason = "content_coding" // bytes that cannot be read
	UnknownAddress Reason = "document_url"   // no form of the page can be resolved
)
