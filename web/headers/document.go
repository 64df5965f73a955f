package headers

import "strings"

// Document reports whether browsers render a response with this Content-Type as a
// document in which scripts can run: HTML, SVG, XML.
func Document(contentType string) bool {
	essence, _, _ := strings.Cut(contentType, ";")
	return kindOf(strings.Trim(essence, " \t")) == document
}
