package markup

import "bytes"

// raw reads the content of elements that have no markup in them (WHATWG HTML, Sections
// 13.2.5.2 to 13.2.5.4 and 13.2.5.9 to 13.2.5.31). It returns where it stopped; the state is
// beforeAttr there when the element's end tag begins.
func (s *Scanner) raw(src []byte, i int) int {
	switch s.state {
	case rawText:
		j := bytes.IndexByte(src[i:], '<')
		if j < 0 {
			return len(src)
		}
		i += j
		s.start = s.offset + int64(i)
		s.state, s.back = rawLess, rawText
		return i + 1
	case escaped, double:
		for i < len(src) && src[i] != '-' && src[i] != '<' {
			i++
		}
		if i == len(src) {
			return i
		}
	case rawEndName:
		return s.rawName(src, i)
	}
	if src[i] == '<' && s.state >= escaped && s.state <= escapedDashDash {
		s.start = s.offset + int64(i)
	}
	if !s.rawStep(src[i]) {
		return i
	}
	return i + 1
}

// rawName reads the name of an end tag in raw text. Only that of the element ends it.
func (s *Scanner) rawName(src []byte, i int) int {
	for i < len(src) && s.nameLen < len(s.text) && lower(src[i]) == s.text[s.nameLen] {
		s.name[s.nameLen] = s.text[s.nameLen]
		s.nameLen++
		i++
	}
	if i == len(src) {
		return i
	}
	if s.nameLen == len(s.text) && endsName(src[i]) {
		s.nameIs()
		s.script, s.rcdata = false, false
		s.state = beforeAttr
		return i
	}
	s.state = s.back
	return i
}

// rawStep moves on by one byte; false when the byte is to be read again in the new state.
func (s *Scanner) rawStep(c byte) bool {
	switch s.state {
	case rawLess:
		switch {
		case c == '/':
			s.state = rawEnd
		case c == '!' && s.script:
			s.state = escapeStart
		default:
			s.state = rawText
			return false
		}
	case rawEnd:
		s.state = s.back
		if isAlpha(c) {
			s.beginTag(true)
			s.state = rawEndName
		}
		return false
	case escapeStart, escapeStartDash:
		next := escapeStartDash
		if s.state == escapeStartDash {
			next = escapedDashDash
		}
		if s.state = rawText; c != '-' {
			return false
		}
		s.state = next
	case escaped, escapedDash, escapedDashDash:
		s.escapedStep(c)
	case escapedLess:
		switch {
		case c == '/':
			s.state, s.back = rawEnd, escaped
		case isAlpha(c):
			s.state, s.match = doubleStart, 0
			return false
		default:
			s.state = escaped
			return false
		}
	case doubleStart:
		return s.doubleName(c, double, escaped)
	case double, doubleDash, doubleDashDash:
		s.doubleStep(c)
	case doubleLess:
		if s.state, s.match = doubleEnd, 0; c != '/' {
			s.state = double
			return false
		}
	case doubleEnd:
		return s.doubleName(c, escaped, double)
	}
	return true
}

// escapedStep is script data behind "<!--".
func (s *Scanner) escapedStep(c byte) {
	switch {
	case c == '<':
		s.state = escapedLess
	case c == '-' && s.state == escaped:
		s.state = escapedDash
	case c == '-':
		s.state = escapedDashDash
	case c == '>' && s.state == escapedDashDash:
		s.state = rawText
	default:
		s.state = escaped
	}
}

// doubleStep is script data behind "<!--" and "<script".
func (s *Scanner) doubleStep(c byte) {
	switch {
	case c == '<':
		s.state = doubleLess
	case c == '-' && s.state == double:
		s.state = doubleDash
	case c == '-':
		s.state = doubleDashDash
	case c == '>' && s.state == doubleDashDash:
		s.state = rawText
	default:
		s.state = double
	}
}

// doubleName reads a name: "script" leads to state yes, any other to state no.
func (s *Scanner) doubleName(c byte, yes, no state) bool {
	const script = "script"
	switch {
	case endsName(c):
		if s.state = no; s.match == len(script) {
			s.state = yes
		}
		return true
	case !isAlpha(c):
		s.state = no
		return false
	case s.match < len(script) && lower(c) == script[s.match]:
		s.match++
	default:
		s.match = len(script) + 1 // some other name
	}
	return true
}
