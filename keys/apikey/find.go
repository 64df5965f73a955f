package apikey

import "bytes"

// Span is where something in the form of a key stands in a text.
type Span struct {
	Start, End int // End is after the last character
	Secret     int // where the secret part begins
	ID         ID
	Env        Env
	// Valid says that it is a whole key with a right checksum. A span that is not
	// valid is cut, mistyped or made up, and still gives away what was in it.
	Valid bool
}

// Find returns the whole keys in b, with right checksums, wherever they stand,
// written plainly or percent-encoded once (RFC 3986, Section 2.1).
func Find(b []byte) []Span {
	var spans []Span
	for sc := Scan(b); ; {
		s, ok := sc.Next()
		if !ok {
			return spans
		}
		if s.Valid {
			spans = append(spans, s)
		}
	}
}

// Looks reports whether something in b has the form of a key as far as its id and a
// first character of secret, whole or not. It is the test for places where no key
// may stand at all, such as an address.
func Looks(b []byte) bool {
	sc := Scan(b)
	_, ok := sc.Next()
	return ok
}

// Scanner finds one span after the other, in time linear in the text and without
// allocating.
type Scanner struct {
	b       []byte
	at      int
	raw     int // the next plain prefix at or after at
	percent int // the next '%' at or after at
}

// Scan returns a Scanner at the beginning of b.
func Scan(b []byte) Scanner { return Scanner{b: b, raw: -1, percent: -1} }

// Next returns the next span, false when there is none.
func (sc *Scanner) Next() (Span, bool) {
	for {
		sc.look()
		if sc.raw == len(sc.b) && sc.percent == len(sc.b) {
			return Span{}, false
		}
		first, last := sc.raw, sc.raw
		if sc.percent < sc.raw { // an encoded prefix: its first '%' is one of its four characters
			first, last = max(sc.at, sc.percent-len(prefix)+1), sc.percent
		}
		sc.at = last + 1
		for at := first; at <= last; at++ {
			if s, ok := match(sc.b, at); ok {
				sc.at = s.End
				return s, true
			}
		}
	}
}

// look moves raw and percent on to where they hold again.
func (sc *Scanner) look() {
	if sc.raw < sc.at {
		sc.raw = index(sc.b, sc.at, bytes.Index(sc.b[sc.at:], []byte(prefix)))
	}
	if sc.percent < sc.at {
		sc.percent = index(sc.b, sc.at, bytes.IndexByte(sc.b[sc.at:], '%'))
	}
}

// index makes a position in b of one after at; the end of b when there is none.
func index(b []byte, at, i int) int {
	if i < 0 {
		return len(b)
	}
	return at + i
}

// At returns the span that begins at b[at].
func At(b []byte, at int) (Span, bool) {
	if at < 0 || at >= len(b) {
		return Span{}, false
	}
	return match(b, at)
}

// match reads a key that begins at b[at], through percent-encoding, up to the
// 38 characters of secret and checksum.
func match(b []byte, at int) (Span, bool) {
	var key [Size]byte
	n, pos, hidden := 0, at, at
	for n < Size && pos < len(b) {
		c, width := char(b, pos)
		if !fits(key[:n], c) {
			break
		}
		key[n] = c
		n++
		pos += width
		if n == secretAt {
			hidden = pos
		}
	}
	if n <= secretAt {
		return Span{}, false
	}
	s := Span{Start: at, End: pos, Secret: hidden, ID: ID(key[idAt : secretAt-1]), Env: Live}
	if key[len(prefix)] == 't' {
		s.Env = Test
	}
	if n == Size {
		sum := checksum(crc(string(key[:sumAt])))
		s.Valid = string(sum[:]) == string(key[sumAt:])
	}
	if !s.Valid { // the rest of a key that was padded or mistyped goes with it
		for s.End < len(b) {
			c, width := char(b, s.End)
			if !isBase62(c) {
				break
			}
			s.End += width
		}
	}
	return s, true
}

// fits reports whether c may follow the characters in key.
func fits(key []byte, c byte) bool {
	switch n := len(key); {
	case n < len(prefix):
		return c == prefix[n]
	case n == len(prefix):
		return c == 'l' || c == 't'
	case n < idAt-1:
		env := string(Live)
		if key[len(prefix)] == 't' {
			env = string(Test)
		}
		return c == env[n-len(prefix)]
	case n == idAt-1 || n == secretAt-1:
		return c == '_'
	default:
		return isBase62(c)
	}
}

// char returns the character at b[at] and how many bytes it takes: one, or three
// when it is percent-encoded.
func char(b []byte, at int) (byte, int) {
	if b[at] != '%' || at+2 >= len(b) {
		return b[at], 1
	}
	hi, lo := unhex(b[at+1]), unhex(b[at+2])
	if hi > 15 || lo > 15 {
		return '%', 1
	}
	return hi<<4 | lo, 3
}

func unhex(c byte) byte {
	switch {
	case '0' <= c && c <= '9':
		return c - '0'
	case 'a' <= c && c <= 'f':
		return c - 'a' + 10
	case 'A' <= c && c <= 'F':
		return c - 'A' + 10
	}
	return 255
}
