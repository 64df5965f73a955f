// Package terminal shows text of strangers to people. Paths of requests, names of files and
// notes of other people stand in what the commands print, and must not move the cursor,
// write the title of a window, or turn the text around them (CWE-150).
package terminal

import (
	"bytes"
	"fmt"
	"io"
	"unicode/utf8"
)

// Rune is r, or a blank for what a terminal acts on instead of showing it: the controls of
// ISO/IEC 6429, C0 with the line end and C1, and the marks that turn the direction of text
// (Unicode Standard Annex 9, Section 2).
func Rune(r rune) rune {
	switch {
	case r < ' ', r >= 0x7f && r < 0xa0, r == 0x2028, r == 0x2029, r >= 0x202a && r <= 0x202e, r >= 0x2066 && r <= 0x2069:
		return ' '
	}
	return r
}

// Writer writes text for people: each rune as Rune has it, but line ends and tabs, which are
// ours. A rune must not be cut by the end of a call; bytes that are no UTF-8 stay, for a
// terminal that reads UTF-8 shows them as such. The count of Write is in bytes of what came.
type Writer struct{ To io.Writer }

// Write implements io.Writer.
func (w Writer) Write(b []byte) (int, error) {
	return write(w.To, b, func(out []byte, _ rune) []byte { return append(out, ' ') })
}

// JSON writes JSON for programs, and for the people who look at it: what a terminal acts on
// is escaped (RFC 8259, Section 7), which says the same. It is for what is JSON already.
type JSON struct{ To io.Writer }

// Write implements io.Writer.
func (j JSON) Write(b []byte) (int, error) {
	return write(j.To, b, func(out []byte, r rune) []byte { return fmt.Appendf(out, "\\u%04x", r) })
}

// write writes b with what instead gives for each rune that a terminal acts on.
func write(to io.Writer, b []byte, instead func(out []byte, r rune) []byte) (int, error) {
	out := b
	if bytes.ContainsFunc(b, acts) {
		out = make([]byte, 0, len(b)+64)
		for rest := b; len(rest) > 0; {
			r, n := utf8.DecodeRune(rest)
			if acts(r) {
				out = instead(out, r)
			} else {
				out = append(out, rest[:n]...)
			}
			rest = rest[n:]
		}
	}
	if _, err := to.Write(out); err != nil {
		return 0, err
	}
	return len(b), nil
}

func acts(r rune) bool { return r != '\n' && r != '\t' && Rune(r) != r }
