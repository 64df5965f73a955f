// Package content sees to it that a body is what its header says it is, and that data
// does not become a document by accident (B.5 of the design's research):
//
//   - Escaper is an exchange.Filter that writes <, >, &, U+2028 and U+2029 inside the
//     strings of a JSON body as \u003c and so on. To a JSON parser both are the same
//     string (RFC 8259, Section 7); to an HTML or JavaScript parser that gets to see the
//     body nevertheless, only one of them is harmless.
//   - Classify says from the header alone what has to be done with a body.
//   - Settle says from a body that is at hand what its Content-Type should be: JSON that
//     was typed text/html, and text/html without a charset. Witness tells the former of a
//     body that streams by.
//
// Nothing is guessed: what cannot be decided stays as it came and is reported.
package content
