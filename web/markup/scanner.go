package markup

import "bytes"

// MaxTag is how many bytes of attributes of one tag are kept.
const MaxTag = 64 << 10

// Scanner reads one page. Its fields are set before the first Scan; it is for one
// goroutine. The zero value reads tags and reports none.
type Scanner struct {
	// Want is the set of names whose start and end tags are reported. The attributes of
	// other tags are skipped without being kept.
	Want Names
	// Ahead also reports the name of every tag before the tag is acted on, and where text
	// begins. It may be changed between two Scans.
	Ahead bool

	state  state
	quote  byte // that ends a quoted value
	end    bool // the tag is an end tag
	closed bool // the tag is self-closing
	told   bool // NameAhead was reported for this tag
	keep   bool // the tag's attributes are kept
	script bool // rawText is script data
	rcdata bool // rawText is RCDATA

	name    [maxName]byte // of the tag, in lower case
	nameLen int           // may exceed maxName
	known   Name
	match   int    // how much of a keyword has been read
	back    state  // where an end tag in raw text returns to when it is none
	text    string // element that ends the raw text

	offset int64 // in the page, of the next Scan's first byte
	start  int64 // in the page, of the tag's "<"
	kept   []byte
	tag    Tag
	tree   tree
	exits  exits
	reason Reason

	doctyped bool
}

// Tag describes the tag that the last TagEvent was for.
func (s *Scanner) Tag() *Tag { return &s.tag }

// Start is the offset in the page at which what was reported ahead begins; while Undecided,
// that of the tag whose name is not complete.
func (s *Scanner) Start() int64 { return s.start }

// Name is the name that was reported ahead.
func (s *Scanner) Name() (n Name, end bool) { return s.known, s.end }

// Doctype reports whether a DOCTYPE has been read.
func (s *Scanner) Doctype() bool { return s.doctyped }

// Undecided reports that the last bytes may become a tag.
func (s *Scanner) Undecided() bool {
	return s.state == tagOpen || s.state == endTagOpen || s.state == tagName && !s.told
}

// Reason is why the Scanner gave up, "" while it has not. From then on it reads nothing.
func (s *Scanner) Reason() Reason { return s.reason }

// GiveUp makes the Scanner stop for a reason that its user found.
func (s *Scanner) GiveUp(r Reason) {
	if s.reason == "" {
		s.reason, s.kept = r, nil
	}
}

// Scan reads src, the next bytes of the page, until something is to be reported, and
// returns how much it read. It keeps nothing of src, but Tag may refer to it.
func (s *Scanner) Scan(src []byte) (n int, e Event) {
	for s.reason == "" {
		n0 := n
		inside := s.tree.noscript
		n, e = s.scan(src[n0:])
		if inside && !s.exits.agree(s, src[n0:n0+n]) {
			s.GiveUp(InNoscript)
		}
		s.offset += int64(n)
		n += n0
		if s.reason == "" && (e != TagEvent || s.Want.has(s.tag.Name)) {
			return n, e
		}
	}
	s.offset += int64(len(src) - n)
	return len(src), Nothing
}

// scan is the tokenizer: one loop over the states of text and tags, so that a page costs no
// call per byte. Comments and raw text have files of their own.
func (s *Scanner) scan(src []byte) (int, Event) {
	from := 0 // of the attributes that are to be kept
	for i := 0; i < len(src); {
		switch s.state {
		case data:
			if s.Ahead {
				if i = skipSpace(src, i); i == len(src) {
					return i, Nothing
				}
				if src[i] != '<' {
					s.start = s.offset + int64(i)
					return i, TextAhead
				}
			} else {
				if s.quick() {
					i = skipIdle(src, i)
				}
				j := bytes.IndexByte(src[i:], '<')
				if j < 0 {
					return len(src), Nothing
				}
				i += j
			}
			s.start = s.offset + int64(i)
			i++
			s.state = tagOpen
		case tagOpen:
			switch c := src[i]; {
			case isAlpha(c):
				s.beginTag(false)
			case c == '/':
				i++
				s.state = endTagOpen
			case c == '!':
				i++
				s.state, s.match, s.back = declaration, 0, data
			case c == '?':
				s.state = bogus
			default:
				s.state = data
				if s.Ahead {
					return i, TextAhead
				}
			}
		case endTagOpen:
			switch c := src[i]; {
			case isAlpha(c):
				s.beginTag(true)
			case c == '>':
				i++
				s.state = data
			default:
				s.state = bogus
			}
		case tagName:
			i = s.readName(src, i)
			if i == len(src) && (!s.Ahead || s.told || s.nameLen <= maxName) {
				return i, Nothing
			}
			long := i == len(src) || !endsName(src[i])
			if !long {
				s.nameIs()
				s.state, from = beforeAttr, i
			}
			if s.Ahead && !s.told {
				if s.told = true; long {
					s.known = Other
				}
				return i, NameAhead
			}
		case beforeAttr:
			if i = skim(src, i); i == len(src) {
				break
			}
			switch src[i] {
			case '/':
				i++
				s.state = selfClosing
			case '>':
				i++
				if e := s.endTag(src[from:i-1], i); e != Nothing || s.reason != "" {
					return i, e
				}
			default: // "=" begins a name here
				i++
				s.state = attrName
			}
		case attrName:
			for i < len(src) && !endsAttrName(src[i]) {
				i++
			}
			if i < len(src) {
				if s.state = afterAttr; src[i] == '=' {
					i++
					s.state = beforeValue
				}
			}
		case afterAttr:
			if i = skipSpace(src, i); i == len(src) {
				break
			}
			if s.state = beforeAttr; src[i] == '=' {
				i++
				s.state = beforeValue
			}
		case beforeValue:
			if i = skipSpace(src, i); i == len(src) {
				break
			}
			switch c := src[i]; c {
			case '"', '\'':
				i++
				s.state, s.quote = quoted, c
			case '>':
				s.state = beforeAttr
			default:
				s.state = unquoted
			}
		case quoted:
			j := bytes.IndexByte(src[i:], s.quote)
			if j < 0 {
				i = len(src)
				break
			}
			i += j + 1
			s.state = beforeAttr
		case unquoted:
			for i < len(src) && src[i] != '>' && !isSpace(src[i]) {
				i++
			}
			if i < len(src) {
				s.state = beforeAttr
			}
		case selfClosing:
			if s.closed = src[i] == '>'; !s.closed {
				s.state = beforeAttr
				break
			}
			i++
			if e := s.endTag(src[from:i-1], i); e != Nothing || s.reason != "" {
				return i, e
			}
		case plain:
			return len(src), Nothing
		default:
			if s.state < rawText {
				i = s.declared(src, i)
			} else {
				if i = s.raw(src, i); s.state == beforeAttr {
					from = i
				}
			}
			if s.reason != "" {
				return i, Nothing
			}
		}
	}
	s.carry(src[from:])
	return len(src), Nothing
}
