package scan

import (
	"bytes"
	"sort"
	"strings"
)

// goParts is Go source without the declarations in which no rule can find anything: parsing
// is the dearest part of a scan, and one declaration of a file in five has a word that a
// rule looks for.
type goParts struct {
	src  []byte
	cuts []goCut
}

// goCut is where a kept piece begins, in what is parsed and in the file.
type goCut struct{ at, from int }

// offset is the place in the file of one in what is parsed.
func (p goParts) offset(at int) int {
	n := sort.Search(len(p.cuts), func(i int) bool { return p.cuts[i].at > at })
	if n == 0 {
		return at
	}
	return at - p.cuts[n-1].at + p.cuts[n-1].from
}

// cutGo keeps what is before the first declaration, the imports, and the declarations that
// wanted says yes to.
func cutGo(b []byte, wanted func(from, to int) bool) goParts {
	var p goParts
	from := 0
	keep := func(to int) {
		if from == 0 || begins(b[from:], "import") || wanted(from, to) {
			p.cuts = append(p.cuts, goCut{at: len(p.src), from: from})
			p.src = append(p.src, b[from:to]...)
		}
		from = to
	}
	eachGoDecl(b, keep)
	keep(len(b))
	return p
}

// eachGoDecl calls found with every beginning of a line that begins a declaration of the
// file: one of the keywords, outside of brackets, literals and comments, where the line
// before does not go on.
func eachGoDecl(b []byte, found func(at int)) {
	depth, line, before := 0, 0, byte(0) // where the line began, or its last comment ended; the last byte of code before it
	for i := 0; i < len(b); i++ {
		switch goSpecial[b[i]] {
		case goOpens:
			depth++
		case goCloses:
			depth--
		case goQuotes:
			i = literalEnd(b, i)
		case goSlash:
			if end := commentEnd(b, i); end > i {
				before = lastOr(b[line:i], before)
				i, line = end-1, end
			}
		case goLine:
			before = lastOr(b[line:i], before)
			line = i + 1
			if depth == 0 && goKeyword(b[line:]) && strings.IndexByte(",=+-*/%|&^<>!.(", before) < 0 {
				found(line)
			}
		}
	}
}

// What a byte of Go source may begin or end.
const (
	goOpens = 1 + iota
	goCloses
	goQuotes
	goSlash
	goLine
)

var goSpecial = [256]uint8{'(': goOpens, '[': goOpens, '{': goOpens, ')': goCloses, ']': goCloses, '}': goCloses,
	'"': goQuotes, '\'': goQuotes, '`': goQuotes, '/': goSlash, '\n': goLine}

func goKeyword(b []byte) bool {
	return begins(b, "func ", "type ", "var ", "const ", "import ", "var(", "const(", "type(", "import(")
}

// commentEnd is behind the comment at i, the end of its line not included; i if there is none.
func commentEnd(b []byte, i int) int {
	stop, length := "", 0
	switch {
	case begins(b[i:], "//"):
		stop = "\n"
	case begins(b[i:], "/*"):
		stop, length = "*/", 2
	default:
		return i
	}
	n := bytes.Index(b[i+2:], []byte(stop))
	if n < 0 {
		return len(b)
	}
	return i + 2 + n + length
}

// lastOr is the last byte of b that is no blank, or c if there is none.
func lastOr(b []byte, c byte) byte {
	for i := len(b) - 1; i >= 0; i-- {
		if b[i] > ' ' {
			return b[i]
		}
	}
	return c
}
