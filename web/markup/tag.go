package markup

func (s *Scanner) beginTag(end bool) {
	s.end, s.closed, s.told, s.nameLen = end, false, false, 0
	s.kept = s.kept[:0]
	s.state = tagName
}

// readName reads a name as far as src goes; with Ahead, no further than it may be needed.
func (s *Scanner) readName(src []byte, i int) int {
	for i < len(src) {
		c := src[i]
		if !isAlpha(c) && endsName(c) {
			return i
		}
		if s.nameLen < maxName {
			s.name[s.nameLen] = lower(c)
		} else if s.Ahead && !s.told && s.nameLen > maxName {
			return i
		}
		s.nameLen++
		i++
	}
	return i
}

// nameIs is called when the name of a tag is complete.
func (s *Scanner) nameIs() {
	s.known = Other
	if s.nameLen <= 14 { // the longest one known
		s.known = nameOf(s.name[:s.nameLen])
	}
	s.keep = !s.end && s.known != Other && (s.Want.has(s.known) || s.tree.reads(s.known))
}

// carry keeps the attributes of a tag that goes on in the next bytes.
func (s *Scanner) carry(attrs []byte) {
	if !s.keep || s.state < beforeAttr || s.state > selfClosing {
		return
	}
	if len(s.kept)+len(attrs) > MaxTag {
		s.GiveUp(TagTooLong)
		return
	}
	s.kept = append(s.kept, attrs...)
}

// endTag is called behind the ">" of a tag.
func (s *Scanner) endTag(attrs []byte, i int) Event {
	s.state = data
	if idle.has(s.known) && !s.Want.has(s.known) && s.tree.calm() {
		return Nothing
	}
	if !s.keep {
		attrs = nil
	} else if len(s.kept) > 0 || len(attrs) > MaxTag {
		if s.carryLast(attrs); s.reason != "" {
			return Nothing
		}
		attrs = s.kept
	}
	s.tag = Tag{Name: s.known, End: s.end, SelfClosing: s.closed, Start: s.start, Stop: s.offset + int64(i), Attrs: attrs}
	name := s.name[:min(s.nameLen, maxName)]
	if r := s.tree.follow(&s.tag, name, s.nameLen); r != "" {
		s.GiveUp(r)
		return Nothing
	}
	if !s.end && !s.tag.Foreign {
		s.switchTo(s.known)
	}
	if s.Want.has(s.known) || s.known == Noscript { // Scan looks at noscripts
		return TagEvent
	}
	return Nothing
}

func (s *Scanner) carryLast(attrs []byte) {
	if len(s.kept)+len(attrs) > MaxTag {
		s.GiveUp(TagTooLong)
		return
	}
	s.kept = append(s.kept, attrs...)
}

// switchTo changes to the state that the content of an element of HTML is read in.
func (s *Scanner) switchTo(n Name) {
	s.script, s.rcdata = false, false
	switch n {
	case Title:
		s.state, s.text, s.rcdata = rawText, "title", true
	case Textarea:
		s.state, s.text, s.rcdata = rawText, "textarea", true
	case Style:
		s.state, s.text = rawText, "style"
	case Xmp:
		s.state, s.text = rawText, "xmp"
	case Iframe:
		s.state, s.text = rawText, "iframe"
	case Noembed:
		s.state, s.text = rawText, "noembed"
	case Noframes:
		s.state, s.text = rawText, "noframes"
	case Script:
		s.state, s.text, s.script = rawText, "script", true
	case Plaintext:
		s.state = plain
	}
}
