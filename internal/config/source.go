package config

import (
	"bytes"
	"strings"
	"unicode/utf8"
)

// Bounds of what is handed to the YAML parser, which recurses.
const (
	maxIndent  = 80   // columns before the first character of a line
	maxNesting = 16   // levels of lists and mappings
	maxLine    = 8192 // bytes of a line
)

// checkSource judges the bytes before anybody parses them, and reports whether
// parsing makes sense.
func checkSource(r *report, src []byte) bool {
	if len(src) > MaxSize {
		r.fault(position{1, 1}, "is this the right file?", "the file is larger than 1 MiB")
		return false
	}
	if bytes.HasPrefix(src, []byte("\xef\xbb\xbf")) {
		r.fault(position{1, 1}, "save it as UTF-8 without one", "the file begins with a byte order mark")
		return false
	}
	ok, number := true, 0
	for line := range bytes.Lines(src) {
		number++
		line = bytes.TrimRight(line, "\r\n")
		r.columns = append(r.columns, utf8.RuneCount(line))
		if !checkLine(r, number, line) {
			ok = false
		}
	}
	return ok
}

func checkLine(r *report, number int, line []byte) bool {
	if len(line) > maxLine {
		r.fault(position{number, 1}, "break it up", "the line is longer than %d bytes", maxLine)
		return false
	}
	if !utf8.Valid(line) {
		r.fault(position{number, 1}, "save the file as UTF-8", "the line is not valid UTF-8")
		return false
	}
	text := string(line)
	checkSecrets(r, number, text)
	if i := strings.IndexFunc(text, unprintable); i >= 0 {
		c, _ := utf8.DecodeRuneInString(text[i:])
		message, remedy := "the line contains the control character %U", "remove it"
		if c == '\t' {
			message, remedy = "the line contains a tab (%U)", "use spaces"
		}
		r.fault(position{number, utf8.RuneCountInString(text[:i]) + 1}, remedy, message, c)
		return false
	}
	body := strings.TrimLeft(text, " ")
	if len(text)-len(body) > maxIndent && !strings.HasPrefix(body, "#") {
		r.fault(position{number, maxIndent + 1}, "no key of this file lies so deep", "the line is indented by more than %d spaces", maxIndent)
		return false
	}
	return true
}

// unprintable reports what YAML 1.2.2, Section 5.1, does not let a file contain,
// the tab, and the characters that make a line look like another one (line and
// paragraph separators, bidirectional overrides).
func unprintable(c rune) bool {
	switch {
	case c < ' ', c >= 0x7f && c < 0xa0:
		return true
	case c == 0x2028, c == 0x2029, c >= 0x202a && c <= 0x202e, c >= 0x2066 && c <= 0x2069, c == 0xfeff:
		return true
	}
	return false
}
