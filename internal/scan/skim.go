package scan

// skimmer finds which of many words stand in a text, in any case of letters, by the
// method of Wu and Manber: a table over pairs of bytes says how far it is safe to jump.
// It is what lets most files go by without being read as a language.
type skimmer struct {
	shift [1 << 16]uint8
	lists [1 << 16]uint8 // for a shift of 0: which list of ends holds the words
	ends  [][]*word
	size  int // window: the shortest word
}

// word is what a skimmer looks for.
type word struct {
	text string // lower case
	bit  uint64
	// exact is the one spelling that counts, empty when every case does.
	exact string
	// test looks at what stands around the word, which is b[from:to]; nil when the word is
	// enough. It may say yes too often, and never no where a rule would find something.
	test func(b []byte, from, to int) bool
}

// counts reports whether the word at b[at:], found in some case of letters, is meant.
func (w *word) counts(b []byte, at int) bool {
	end := at + len(w.text)
	return (w.exact == "" || string(b[at:end]) == w.exact) && (w.test == nil || w.test(b, at, end))
}

func newSkimmer(words []word) *skimmer {
	s := &skimmer{size: len(words[0].text), ends: [][]*word{nil}}
	for _, w := range words {
		s.size = min(s.size, len(w.text))
	}
	for i := range s.shift {
		s.shift[i] = uint8(s.size - 1)
	}
	byEnd := map[string]uint8{} // list of words by the end of their window
	for n := range words {
		w := &words[n]
		for j := 1; j < s.size; j++ {
			for _, p := range pairs(w.text[j-1], w.text[j]) {
				s.shift[p] = min(s.shift[p], uint8(s.size-1-j))
			}
		}
		end := w.text[s.size-2 : s.size]
		if byEnd[end] == 0 {
			byEnd[end] = uint8(len(s.ends))
			s.ends = append(s.ends, nil)
			for _, p := range pairs(end[0], end[1]) {
				s.lists[p] = byEnd[end]
			}
		}
		s.ends[byEnd[end]] = append(s.ends[byEnd[end]], w)
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
func (s *skimmer) each(b []byte, found func(w *word, at int) bool) {
	for i := s.size - 1; i < len(b); {
		p := uint16(b[i-1])<<8 | uint16(b[i])
		if jump := s.shift[p]; jump > 0 {
			i += int(jump)
			continue
		}
		at := i - s.size + 1
		for _, w := range s.ends[s.lists[p]] {
			if foldedPrefix(b[at:], w.text) && !found(w, at) {
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
