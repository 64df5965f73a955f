package scan

import (
	"strings"
	"sync"
)

// kind is what a token is.
type kind uint8

const (
	ident  kind = iota + 1
	number      //
	str         // text is what stands between the quotes, escapes as written
	op          // one or two characters
	line        // end of a logical line (Python), or of a line (JavaScript)
)

// tok is a token of Python or JavaScript. Comments are not tokens.
type tok struct {
	kind    kind
	text    string
	at, end int
	dynamic bool // a string with values in it: f"…{x}…", `…${x}…`
	fresh   bool // the first of its line
	indent  int  // of the line, when fresh
}

func (t tok) is(text string) bool  { return t.kind != str && t.text == text }
func (t tok) str(text string) bool { return t.kind == str && t.text == text }

// lexer reads what Python and JavaScript have in common; it never fails, since what it
// reads may be cut or be another language.
type lexer struct {
	src   string
	at    int
	toks  []tok
	depth int   // of brackets
	start int   // of the line
	fresh bool  // nothing of the line was read
	hold  []int // depths at which a template's ${ began
}

// maxTokens bounds what one file may take; the rest of a longer one is not read as code.
const maxTokens = 2 << 20

// lexers are kept with the room of their tokens, up to maxKept of them.
var lexers = sync.Pool{New: func() any { return new(lexer) }}

const maxKept = 64 << 10

// newLexer returns a lexer at the beginning of src. Its tokens are good until it is freed.
func newLexer(src string) *lexer {
	l := lexers.Get().(*lexer)
	*l = lexer{src: src, fresh: true, toks: l.toks[:0], hold: l.hold[:0]}
	return l
}

func (l *lexer) free() {
	if cap(l.toks) <= maxKept {
		l.src = ""
		lexers.Put(l)
	}
}

func (l *lexer) add(k kind, from int, text string, dynamic bool) {
	l.toks = append(l.toks, tok{kind: k, text: text, at: from, end: l.at, dynamic: dynamic, fresh: l.fresh && k != line, indent: from - l.start})
	if k != line {
		l.fresh = false
	}
}

func (l *lexer) newline() {
	l.at++
	if l.depth == 0 && len(l.toks) > 0 && l.toks[len(l.toks)-1].kind != line {
		l.add(line, l.at-1, "\n", false)
	}
	l.start, l.fresh = l.at, true
}

func (l *lexer) word() {
	from := l.at
	for l.at < len(l.src) && isWord(l.src[l.at]) {
		l.at++
	}
	k := ident
	if c := l.src[from]; '0' <= c && c <= '9' {
		k = number
		for l.at+1 < len(l.src) && l.src[l.at] == '.' && isDigit(l.src[l.at+1]) {
			l.at++
			for l.at < len(l.src) && isWord(l.src[l.at]) {
				l.at++
			}
		}
	}
	l.add(k, from, l.src[from:l.at], false)
}

// quoted reads to the quote, or to the end of the line when the string may not go on.
func (l *lexer) quoted(from int, quote string, raw, dynamic bool) {
	body := l.at
	for l.at < len(l.src) {
		switch c := l.src[l.at]; {
		case c != '\\' && c != quote[0] && c != '\n':
		case c == '\\' && !raw || c == '\\' && strings.HasPrefix(l.src[l.at+1:], quote[:1]):
			l.at = min(l.at+2, len(l.src))
			continue
		case c == '\n' && len(quote) == 1:
			l.add(str, from, l.src[body:l.at], dynamic)
			return
		case c == quote[0] && strings.HasPrefix(l.src[l.at:], quote):
			text := l.src[body:l.at]
			l.at += len(quote)
			l.add(str, from, text, dynamic && strings.Contains(strings.ReplaceAll(text, "{{", ""), "{"))
			return
		}
		l.at++
	}
	l.add(str, from, l.src[body:], dynamic)
}

func (l *lexer) operator() {
	from := l.at
	c := l.src[l.at]
	l.at++
	switch c {
	case '(', '[', '{':
		l.depth++
	case ')', ']', '}':
		l.depth = max(0, l.depth-1)
	case '=', '!', '<', '>', '+', ':', '&', '|', '-', '?', '*', '/', '%':
		if l.at < len(l.src) {
			switch n := l.src[l.at]; {
			case n == '=' && c != ':' || c == '=' && n == '>' || c == n && strings.IndexByte("&|*?", c) >= 0 || c == '-' && n == '>' || c == ':' && n == '=':
				l.at++
				if n == '=' && (c == '=' || c == '!') && l.at < len(l.src) && l.src[l.at] == '=' {
					l.at++
				}
			}
		}
	}
	l.add(op, from, l.src[from:l.at], false)
}

// python reads Python. Strings keep to their triple quotes, comments are left out.
func (l *lexer) python() []tok {
	src := l.src
	for l.at < len(src) && len(l.toks) < maxTokens {
		switch c := src[l.at]; {
		case c == '\n':
			l.newline()
		case c == '#':
			l.toEndOfLine()
		case c == '\\' && l.at+1 < len(src) && src[l.at+1] == '\n':
			l.at += 2
		case c == '"' || c == '\'':
			l.pythonString(l.at)
		case isLetter(c):
			if n := stringPrefix(src[l.at:]); n > 0 {
				from := l.at
				l.at += n
				l.pythonString(from)
				continue
			}
			l.word()
		case isDigit(c):
			l.word()
		case c <= ' ':
			l.at++
		default:
			l.operator()
		}
	}
	return l.toks
}

func (l *lexer) toEndOfLine() {
	n := strings.IndexByte(l.src[l.at:], '\n')
	if n < 0 {
		n = len(l.src) - l.at
	}
	l.at += n
}

// stringPrefix is the length of r, b, f, u before a quote (The Python Language
// Reference, Section 2.4.1).
func stringPrefix(s string) int {
	for i := 0; i < len(s) && i < 3; i++ {
		switch s[i] {
		case '"', '\'':
			return i
		case 'r', 'R', 'b', 'B', 'f', 'F', 'u', 'U', 't', 'T':
		default:
			return 0
		}
	}
	return 0
}

func (l *lexer) pythonString(from int) {
	prefix, end := l.src[from:l.at], l.at+1
	if q := l.src[l.at]; end+1 < len(l.src) && l.src[end] == q && l.src[end+1] == q {
		end += 2
	}
	quote := l.src[l.at:end]
	l.at = end
	l.quoted(from, quote, strings.ContainsAny(prefix, "rR"), strings.ContainsAny(prefix, "fFtT"))
}

// javascript reads JavaScript, TypeScript and JSX, with templates and regular expressions.
func (l *lexer) javascript() []tok {
	src := l.src
	for l.at < len(src) && len(l.toks) < maxTokens {
		switch c := src[l.at]; {
		case c == '\n':
			l.newline()
		case strings.HasPrefix(src[l.at:], "//"):
			l.toEndOfLine()
		case strings.HasPrefix(src[l.at:], "/*"):
			n := strings.Index(src[l.at+2:], "*/")
			if n < 0 {
				return l.toks
			}
			l.at += n + 4
		case c == '"' || c == '\'':
			from := l.at
			l.at++
			l.quoted(from, src[from:from+1], false, false)
		case c == '`':
			l.at++
			l.template(l.at - 1)
		case c == '}' && len(l.hold) > 0 && l.hold[len(l.hold)-1] == l.depth:
			l.hold = l.hold[:len(l.hold)-1]
			l.depth--
			l.at++
			l.template(l.at - 1)
		case c == '/' && l.regexHere():
			l.regex()
		case isLetter(c) || isDigit(c) || c == '$':
			l.word()
		case c <= ' ':
			l.at++
		default:
			l.operator()
		}
	}
	return l.toks
}

// template reads a piece of a template literal, up to its end or to the next ${.
func (l *lexer) template(from int) {
	body := l.at
	for l.at < len(l.src) {
		switch {
		case l.src[l.at] == '\\':
			l.at = min(l.at+2, len(l.src))
			continue
		case l.src[l.at] == '`':
			text := l.src[body:l.at]
			l.at++
			l.add(str, from, text, l.src[from] == '}')
			return
		case strings.HasPrefix(l.src[l.at:], "${"):
			text := l.src[body:l.at]
			l.at += 2
			l.depth++
			l.hold = append(l.hold, l.depth)
			l.add(str, from, text, true)
			return
		}
		l.at++
	}
	l.add(str, from, l.src[min(body, len(l.src)):], true)
}

// regexHere tells a regular expression from a division by what stands before it.
func (l *lexer) regexHere() bool {
	if l.at+1 < len(l.src) && l.src[l.at+1] == '>' {
		return false // JSX
	}
	if len(l.toks) == 0 {
		return true
	}
	switch t := l.toks[len(l.toks)-1]; t.kind {
	case number, str:
		return false
	case ident:
		return t.text == "return" || t.text == "typeof" || t.text == "case" || t.text == "in"
	case line:
		return true
	default:
		return !t.is(")") && !t.is("]") && !t.is("}") && !t.is("<")
	}
}

func (l *lexer) regex() {
	from, class := l.at, false
	for l.at++; l.at < len(l.src) && l.src[l.at] != '\n'; l.at++ {
		switch c := l.src[l.at]; {
		case c == '\\':
			l.at++
		case c == '[':
			class = true
		case c == ']':
			class = false
		case c == '/' && !class:
			l.at++
			for l.at < len(l.src) && isLetter(l.src[l.at]) {
				l.at++
			}
			l.add(str, from, "", true)
			return
		}
	}
	l.at = min(l.at, len(l.src))
	l.add(str, from, "", true)
}

func isDigit(c byte) bool  { return '0' <= c && c <= '9' }
func isLetter(c byte) bool { return c|32 >= 'a' && c|32 <= 'z' || c == '_' || c >= 0x80 }
func isWord(c byte) bool   { return isLetter(c) || isDigit(c) || c == '$' }
