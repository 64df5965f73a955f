package detect

// Gate reports whether the raw, percent-encoded text of a query, path or form may hold a
// value that could become markup. It reads each byte at most once and allocates nothing:
// most requests end here.
func Gate[T string | []byte](raw T) bool {
	for i := 0; i < len(raw); i++ {
		if c := raw[i]; telling[c] && tells(raw, i, c) {
			return true
		}
	}
	return false
}

// telling marks the bytes at which Gate looks closer.
var telling = [256]bool{'<': true, '"': true, '\'': true, '%': true, ':': true}

// tells reports whether what stands at i is <, a quote, the colon of a javascript: URL,
// or something that is encoded twice.
func tells[T string | []byte](raw T, i int, c byte) bool {
	at := i
	if c == '%' {
		if i+2 >= len(raw) {
			return false
		}
		c = unhex(raw[i+1])<<4 | unhex(raw[i+2])&15
	}
	switch c {
	case '<', '"', '\'', '%':
		return true
	case ':': // the t before it, or a tab or line end, which browsers leave out
		return at > 0 && (raw[at-1]|0x20 == 't' || at > 2 && raw[at-3] == '%' && raw[at-2] == '0')
	}
	return false
}

func unhex(c byte) byte {
	switch {
	case c >= '0' && c <= '9':
		return c - '0'
	case c|0x20 >= 'a' && c|0x20 <= 'f':
		return c | 0x20 - 'a' + 10
	}
	return 0xff
}

// unescape decodes percent encoding, and plus as space in forms. What is no encoding
// stays as it is: backends differ, and this is only read.
func unescape(s string, form bool) string {
	plain := true
	for i := 0; i < len(s) && plain; i++ {
		plain = s[i] != '%' && (s[i] != '+' || !form)
	}
	if plain {
		return s
	}
	out := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '+' && form:
			out = append(out, ' ')
		case c == '%' && i+2 < len(s) && unhex(s[i+1]) < 16 && unhex(s[i+2]) < 16:
			out = append(out, unhex(s[i+1])<<4|unhex(s[i+2]))
			i += 2
		default:
			out = append(out, c)
		}
	}
	return string(out)
}
