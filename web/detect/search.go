package detect

// search looks for one text in a stream, byte by byte (Knuth, Morris and Pratt). It never
// reads a byte twice, and nothing of the stream is kept.
type search struct {
	text string
	fail []uint16 // fail[i]: length of the longest border of text[:i+1]
	at   int      // how much of text the stream ends with
}

func newSearch(text string) search {
	fail := make([]uint16, len(text))
	for i, k := 1, 0; i < len(text); i++ {
		for k > 0 && text[i] != text[k] {
			k = int(fail[k-1])
		}
		if text[i] == text[k] {
			k++
		}
		fail[i] = uint16(k)
	}
	return search{text: text, fail: fail}
}

// step takes the next byte of the stream and reports whether text ends with it.
func (s *search) step(c byte) bool {
	for s.at > 0 && s.text[s.at] != c {
		s.at = int(s.fail[s.at-1])
	}
	if s.text[s.at] == c {
		s.at++
	}
	if s.at < len(s.text) {
		return false
	}
	s.at = int(s.fail[s.at-1])
	return true
}
