package markup

// exits counts the ends of a noscript as a browser with scripting finds them, for whom its
// content is text, while the Scanner reads it as markup. Both have to end in one place, or
// a page could show one form to us and another one to the browser.
type exits struct {
	match int
	count int
}

const noscriptEnd = "</noscript"

// agree takes in what the Scanner has just read inside a noscript.
func (e *exits) agree(s *Scanner, read []byte) bool {
	for _, c := range read {
		e.step(c)
	}
	if !s.tree.noscript { // it ended with these bytes
		once := e.count == 1
		*e = exits{}
		return once
	}
	ending := s.end && s.known == Noscript && s.state >= beforeAttr && s.state <= selfClosing
	return e.count == 0 || e.count == 1 && ending
}

func (e *exits) step(c byte) {
	switch {
	case e.match == len(noscriptEnd):
		if endsName(c) {
			e.count++
		}
		e.match = 0
		fallthrough
	default:
		switch {
		case lower(c) == noscriptEnd[e.match]:
			e.match++
		case c == '<':
			e.match = 1
		default:
			e.match = 0
		}
	}
}
