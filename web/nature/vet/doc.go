// Package vet is an analyzer for go vet that finds what goes around declared natures:
//
//   - conversions that switch escaping off: template.HTML(x) and its like of what is no
//     constant, and fields of such types that a decoder fills;
//   - text/template that writes to a browser, or holds HTML;
//   - HTML put together by hand and written to an http.ResponseWriter;
//   - fields without an `out` tag in structs that web/nature puts out, and wrong tags.
//
// A finding that is right as it is carries a comment with the reason, on its line or the
// line before:
//
//	//nature:allow the only place where sanitised markup becomes template.HTML
//
// A comment without a reason is a finding, and so is one that allows nothing. With the
// flag -nature.allowed the allowed places are reported too, so
// that they can be counted (M7).
//
// The analyzer sees expressions, not the flow of data: HTML that is put together in a
// variable first is not found.
package vet
