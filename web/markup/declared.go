package markup

import "bytes"

// declared reads what begins with "<!" or is treated so: comments, DOCTYPE and CDATA
// sections (WHATWG HTML, Sections 13.2.5.41 to 13.2.5.71). It returns where it stopped; the
// state may have changed there.
func (s *Scanner) declared(src []byte, i int) int {
	switch s.state {
	case declaration:
		return s.declare(src, i)
	case bogus, doctype: // in a DOCTYPE too, ">" ends even what is quoted
		j := bytes.IndexByte(src[i:], '>')
		if j < 0 {
			return len(src)
		}
		s.state = data
		return i + j + 1
	case comment:
		// What the specification reads in the states behind "<" gives the same ends.
		j := bytes.IndexByte(src[i:], '-')
		if j < 0 {
			return len(src)
		}
		s.state = commentDash
		return i + j + 1
	case cdata:
		j := bytes.IndexByte(src[i:], ']')
		if j < 0 {
			return len(src)
		}
		s.state = cdataBracket
		return i + j + 1
	}
	if !s.step(src[i]) {
		return i
	}
	return i + 1
}

// declare reads the keyword behind "<!".
func (s *Scanner) declare(src []byte, i int) int {
	c := src[i]
	if s.match == 0 {
		switch c {
		case '-':
			s.text = "--"
		case 'd', 'D':
			s.text = "doctype"
		case '[':
			s.text = "[CDATA["
		default:
			s.state = bogus
			return i
		}
	}
	if s.text[0] != '[' { // only CDATA is compared case-sensitively
		c = lower(c)
	}
	if c != s.text[s.match] {
		s.state = bogus
		return i
	}
	if s.match++; s.match < len(s.text) {
		return i + 1
	}
	switch s.text[0] {
	case '-':
		s.state = commentStart
	case 'd':
		s.state, s.doctyped = doctype, true
	case '[':
		s.state = s.section()
	}
	return i + 1
}

// section is the state behind "<![CDATA[": a section where the current node is foreign, a
// comment in HTML (WHATWG HTML, Section 13.2.5.42).
func (s *Scanner) section() state {
	foreign, certain := s.tree.current()
	if !certain {
		s.GiveUp(InCDATA)
	}
	if foreign {
		return cdata
	}
	return bogus
}

// step moves on by one byte inside a comment or a section; false when the byte is to be
// read again in the new state.
func (s *Scanner) step(c byte) bool {
	switch s.state {
	case commentStart:
		switch c {
		case '-':
			s.state = commentStartDash
		case '>':
			s.state = data
		default:
			s.state = comment
			return false
		}
	case commentStartDash:
		switch c {
		case '-':
			s.state = commentEnd
		case '>':
			s.state = data
		default:
			s.state = comment
			return false
		}
	case commentDash:
		if s.state = comment; c == '-' {
			s.state = commentEnd
		}
	case commentEnd:
		switch c {
		case '>':
			s.state = data
		case '!':
			s.state = commentBang
		case '-':
		default:
			s.state = comment
		}
	case commentBang:
		switch c {
		case '>':
			s.state = data
		case '-':
			s.state = commentDash
		default:
			s.state = comment
		}
	case cdataBracket:
		if s.state = cdata; c == ']' {
			s.state = cdataEnd
		}
	case cdataEnd:
		switch c {
		case '>':
			s.state = data
		case ']':
		default:
			s.state = cdata
		}
	}
	return true
}
