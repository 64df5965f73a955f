package csrf

import "net/url"

// nextPair returns the bounds of the pair that begins at from; false behind the last.
func nextPair[T string | []byte](s T, from int) (start, end int, ok bool) {
	if from > len(s) {
		return 0, 0, false
	}
	for end = from; end < len(s) && s[end] != '&'; end++ {
	}
	return from, end, true
}

// widen adds the one "&" that goes with the pair.
func widen[T string | []byte](s T, start, end int) (int, int) {
	switch {
	case end < len(s):
		return start, end + 1
	case start > 0:
		return start - 1, end
	}
	return start, end
}

// tokenPair returns the decoded value when the decoded name is FieldName. A value that
// does not decode is returned as it stands: no token has a "%".
func tokenPair[T string | []byte](pair T) (string, bool) {
	if len(pair) == 0 || pair[0] != FieldName[0] && pair[0] != '%' { // most pairs
		return "", false
	}
	eq := 0
	for eq < len(pair) && pair[eq] != '=' {
		eq++
	}
	if !isFieldName(pair[:eq]) {
		return "", false
	}
	if eq == len(pair) {
		return "", true
	}
	raw := string(pair[eq+1:])
	if value, err := url.QueryUnescape(raw); err == nil {
		return value, true
	}
	return raw, true
}

// isFieldName compares without allocating, decoding as it goes.
func isFieldName[T string | []byte](name T) bool {
	at := 0
	for i := 0; i < len(name); i++ {
		c := name[i]
		if c == '%' {
			if i+2 >= len(name) {
				return false
			}
			hi, lo := unhex(name[i+1]), unhex(name[i+2])
			if hi > 15 || lo > 15 {
				return false
			}
			c, i = hi<<4|lo, i+2
		} else if c == '+' {
			c = ' '
		}
		if at >= len(FieldName) || c != FieldName[at] {
			return false
		}
		at++
	}
	return at == len(FieldName)
}

func unhex(c byte) byte {
	switch {
	case c >= '0' && c <= '9':
		return c - '0'
	case c >= 'a' && c <= 'f':
		return c - 'a' + 10
	case c >= 'A' && c <= 'F':
		return c - 'A' + 10
	}
	return 255
}
