package wire

// hosts are the bytes of a Host field: uri-host and port of RFC 3986, Section
// 3.2.2, which is what net/http takes as well.
var hosts = table(func(c byte) bool {
	switch {
	case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9':
		return true
	}
	switch c {
	case '!', '$', '%', '&', '(', ')', '*', '+', '-', '.', ':', ';', '=', '[', '\'', ']', '_', '~':
		return true
	}
	return false
})

func table(in func(byte) bool) (t [256]bool) {
	for c := range 256 {
		t[c] = in(byte(c))
	}
	return t
}

func all(b []byte, t *[256]bool) bool {
	for _, c := range b {
		if !t[c] {
			return false
		}
	}
	return true
}
