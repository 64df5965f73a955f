package wire

import "encoding/binary"

// token is the set of RFC 9110, Section 5.6.2: field names and methods.
func token(c byte) bool {
	switch {
	case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9':
		return true
	}
	switch c {
	case '!', '#', '$', '%', '&', '\'', '*', '+', '-', '.', '^', '_', '`', '|', '~':
		return true
	}
	return false
}

// tokens is token as a table: one look-up a byte.
var tokens = table(token)

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

const (
	each = 0x0101010101010101
	high = 0x8080808080808080
)

// controlled reports whether b holds a control byte other than HTAB (RFC 9110,
// Section 5.5), eight bytes at a time.
func controlled(b []byte) bool {
	for len(b) >= 8 {
		v := binary.LittleEndian.Uint64(b)
		del := v ^ each*0x7f
		if ((v-each*0x20)&^v|(del-each)&^del)&high != 0 && slowControlled(b[:8]) {
			return true
		}
		b = b[8:]
	}
	return slowControlled(b)
}

func slowControlled(b []byte) bool {
	for _, c := range b {
		if c < 0x20 && c != '\t' || c == 0x7f {
			return true
		}
	}
	return false
}

// visible reports whether every byte is printable ASCII without the space.
func visible(b []byte) bool {
	for _, c := range b {
		if c <= 0x20 || c >= 0x7f {
			return false
		}
	}
	return true
}

// fold reports whether b is s in any case; s is lower-case ASCII.
func fold(b []byte, s string) bool {
	if len(b) != len(s) {
		return false
	}
	for i, c := range b {
		if 'A' <= c && c <= 'Z' {
			c |= 0x20
		}
		if c != s[i] {
			return false
		}
	}
	return true
}

// trim removes optional white space (RFC 9110, Section 5.6.3) at both ends.
func trim(b []byte) []byte {
	for len(b) > 0 && (b[0] == ' ' || b[0] == '\t') {
		b = b[1:]
	}
	for len(b) > 0 && (b[len(b)-1] == ' ' || b[len(b)-1] == '\t') {
		b = b[:len(b)-1]
	}
	return b
}
