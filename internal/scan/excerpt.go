package scan

import (
	"bytes"
	"path/filepath"
	"slices"
	"strings"

	"github.com/sanmon-gate/sanmon/internal/terminal"
)

// maxLine is how much of a line is looked at on either side of a finding: a file may be one
// line, and have a thousand of them.
const maxLine = 4 << 10

// lineAround is the line that has the byte at.
func lineAround(b []byte, at int) (start, end int) {
	start, end = bytes.LastIndexByte(b[:at], '\n')+1, len(b)
	if n := bytes.IndexByte(b[at:], '\n'); n >= 0 {
		end = at + n
	}
	return start, end
}

// excerpt is a line with every secret that was found in it masked, cut to 160 bytes.
func excerpt(b []byte, start, end int, hits []hit) string {
	var out strings.Builder
	at := start
	masks := make([][2]int, 0, 4)
	for _, h := range hits {
		if h.mask[1] > h.mask[0] && h.mask[1] > start && h.mask[0] < end {
			masks = append(masks, h.mask)
		}
	}
	slices.SortFunc(masks, func(x, y [2]int) int { return x[0] - y[0] })
	for _, m := range masks {
		if m[1] <= at {
			continue
		}
		if m[0] > at {
			out.Write(b[at:m[0]])
		}
		out.WriteString("****")
		at = min(m[1], end)
	}
	out.Write(b[at:end])
	text := strings.TrimSpace(strings.ToValidUTF8(strings.Map(terminal.Rune, out.String()), "?"))
	if len(text) > 160 {
		text = strings.ToValidUTF8(text[:160], "") + "…"
	}
	return text
}

// shownPath is a path as it is printed. Whoever wrote the tree chose its names: they must
// not move a terminal's cursor, or begin a line of their own.
func shownPath(name string) string {
	return strings.Map(terminal.Rune, filepath.ToSlash(name))
}
