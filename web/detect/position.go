package detect

import "github.com/sanmon-gate/sanmon/web/markup"

// Context is the place in the markup at which a value begins. Its text is a label.
type Context string

// The contexts.
const (
	InText      Context = "text"
	InTag       Context = "tag" // where attributes stand
	InAttribute Context = "attribute"
	InUnquoted  Context = "attribute_unquoted"
	InURL       Context = "attribute_url"     // the beginning of an attribute that is an address
	InHandler   Context = "attribute_handler" // of an attribute that is a script
	InScript    Context = "script"
	InRawText   Context = "raw_text" // style, textarea, title and their like
	InComment   Context = "comment"
	InOther     Context = "other"   // doctype, plaintext, CDATA
	Unknown     Context = "unknown" // behind markup that parsers read differently
)

// mark says that from a byte of the page on, the context is another one, or another value
// of an attribute begins.
type mark struct {
	from    int64
	context markup.Context
	url     bool // the value of an attribute that is an address
	handler bool // the value of an attribute that is a script
}

// position follows a page byte by byte and remembers the contexts of its last bytes.
type position struct {
	scanner markup.Scanner
	at      int64 // bytes read
	last    byte
	marks   []mark // in order; the first holds at every byte that is still asked about
	window  int64  // how many of the last bytes are asked about
	name    [16]byte
	nameLen int
	gap     bool    // the name of the attribute is complete
	one     [1]byte // what the scanner is given, here so that it is not allocated
}

func newPosition(window int) *position {
	return &position{window: int64(window), marks: make([]mark, 1, 64)}
}

// step reads the next byte.
func (p *position) step(c byte) {
	p.one[0] = c
	p.scanner.Scan(p.one[:])
	now, was := p.scanner.Context(), p.marks[len(p.marks)-1].context
	p.at++
	if now == markup.TagStart && was != markup.TagStart && (c == '<' || c == '/' && p.last == '<') {
		now = was // "<" may still be text
	}
	p.last = c
	if now == markup.Attributes {
		p.attribute(c, was)
	}
	if now == was {
		return
	}
	m := mark{from: p.at, context: now}
	if now == markup.Quoted || now == markup.Unquoted {
		m.url, m.handler = p.kind()
	}
	if now == markup.Unquoted {
		m.from-- // its first byte is the one that was read
	}
	p.append(m)
}

// text reports whether the page stands between tags, and not behind a "<" either.
func (p *position) text() bool { return p.scanner.Context() == markup.Text }

// skip reads bytes between tags that begin none.
func (p *position) skip(run []byte) {
	p.scanner.Scan(run)
	p.at += int64(len(run))
	p.last = run[len(run)-1]
}

// append adds a mark and forgets those that no question reaches any more.
func (p *position) append(m mark) {
	if len(p.marks) == cap(p.marks) {
		oldest, keep := p.at-p.window, 0
		for keep+1 < len(p.marks) && p.marks[keep+1].from <= oldest {
			keep++
		}
		p.marks = p.marks[:copy(p.marks, p.marks[keep:])]
	}
	p.marks = append(p.marks, m)
}

// attribute follows the name of the attribute that is being read.
func (p *position) attribute(c byte, was markup.Context) {
	switch {
	case was != markup.Attributes, c == '/', c == '"', c == '\'':
		p.nameLen, p.gap = 0, true
	case blank(c):
		p.gap = true
		return
	case c == '=':
		return
	}
	if blank(c) || c == '/' || c == '"' || c == '\'' {
		return
	}
	if p.gap {
		p.nameLen, p.gap = 0, false
	}
	if p.nameLen < len(p.name) {
		p.name[p.nameLen] = lower(c)
		p.nameLen++
	}
}

func lower(c byte) byte {
	if c >= 'A' && c <= 'Z' {
		return c + 0x20
	}
	return c
}

// kind says what the value of the attribute is to a browser.
func (p *position) kind() (url, handler bool) {
	switch name := p.name[:p.nameLen]; string(name) {
	case "href", "src", "action", "formaction", "xlink:href", "data", "poster", "background", "ping", "srcdoc", "cite", "to", "from", "values":
		return true, false
	default:
		return false, len(name) > 2 && name[0] == 'o' && name[1] == 'n'
	}
}

// span says in which context the last n bytes began, and whether they changed it.
func (p *position) span(n int) (begin mark, first, changed bool) {
	start := p.at - int64(n)
	i := len(p.marks) - 1
	for i > 0 && p.marks[i].from > start {
		i--
	}
	begin = p.marks[i]
	return begin, begin.from == start, i < len(p.marks)-1
}

// lost reports that the scanner cannot say where it stands.
func (p *position) lost() bool { return p.scanner.Reason() != "" }
