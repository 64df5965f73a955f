package scan

// skimmer finds which of many words stand in a text, in any case of letters, by the
// method of Wu and Manber: a table over pairs of bytes says how far it is safe to jump.
// It is what lets most files go by without being read as a language.
type skimmer struct {
	shift [1 << 16]uint8
	first [1 << 16][]int // words whose window ends in that pair
	words []word
	size  int // window: the shortest word
}

type word struct {
	text string // lower case
	bit  uint64
}

func newSkimmer(words []word) *skimmer {
	s := &skimmer{words: words, size: len(words[0].text)}
	for _, w := range words {
		s.size = min(s.size, len(w.text))
	}
	for i := range s.shift {
		s.shift[i] = uint8(s.size - 1)
	}
	for n, w := range words {
		for j := 1; j < s.size; j++ {
			for _, p := range pairs(w.text[j-1], w.text[j]) {
				s.shift[p] = min(s.shift[p], uint8(s.size-1-j))
				if j == s.size-1 {
					s.first[p] = append(s.first[p], n)
				}
			}
		}
	}
	return s
}

// pairs gives the spellings of two bytes in both cases.
func pairs(a, b byte) []uint16 {
	var out []uint16
	for _, x := range cases(a) {
		for _, y := range cases(b) {
			out = append(out, uint16(x)<<8|uint16(y))
		}
	}
	return out
}

func cases(c byte) []byte {
	if 'a' <= c && c <= 'z' {
		return []byte{c, c - 32}
	}
	return []byte{c}
}

// each calls found with every place of every word, until it returns false.
func (s *skimmer) each(b []byte, found func(w word, at int) bool) {
	for i := s.size - 1; i < len(b); {
		p := uint16(b[i-1])<<8 | uint16(b[i])
		if jump := s.shift[p]; jump > 0 {
			i += int(jump)
			continue
		}
		for _, n := range s.first[p] {
			at := i - s.size + 1
			if w := s.words[n]; foldedPrefix(b[at:], w.text) && !found(w, at) {
				return
			}
		}
		i++
	}
}

// foldedPrefix reports whether b begins with word, which is in lower case.
func foldedPrefix(b []byte, word string) bool {
	if len(b) < len(word) {
		return false
	}
	for i := range len(word) {
		c := b[i]
		if 'A' <= c && c <= 'Z' {
			c += 32
		}
		if c != word[i] {
			return false
		}
	}
	return true
}
