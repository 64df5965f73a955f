// Package octets has the bytes of HTTP/1: which may stand where (RFC 9110, Section 5),
// for those who read messages below net/http. Nothing here allocates.
package octets

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

func table(in func(byte) bool) (t [256]bool) {
	for c := range 256 {
		t[c] = in(byte(c))
	}
	return t
}

// IsToken reports whether c is a byte of a token.
func IsToken(c byte) bool { return tokens[c] }

// Text is what may be judged without a copy.
type Text interface{ ~string | ~[]byte }

// Token reports whether s is one or more bytes of a token.
func Token[T Text](s T) bool { return len(s) > 0 && TokenLen(s) == len(s) }

// TokenLen is how many bytes at the beginning of s are of a token.
func TokenLen[T Text](s T) int {
	n := 0
	for n < len(s) && tokens[s[n]] {
		n++
	}
	return n
}

const (
	each = 0x0101010101010101
	high = 0x8080808080808080
)

// Controlled reports whether b holds a control byte other than HTAB (RFC 9110,
// Section 5.5), eight bytes at a time.
func Controlled(b []byte) bool {
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

// Visible reports whether every byte is printable ASCII without the space.
func Visible[T Text](b T) bool {
	for i := range len(b) {
		if c := b[i]; c <= 0x20 || c >= 0x7f {
			return false
		}
	}
	return true
}

// Fold reports whether b is s in any case; s is lower-case ASCII.
func Fold(b []byte, s string) bool {
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

// Trim removes optional white space (RFC 9110, Section 5.6.3) at both ends.
func Trim(b []byte) []byte {
	for len(b) > 0 && (b[0] == ' ' || b[0] == '\t') {
		b = b[1:]
	}
	for len(b) > 0 && (b[len(b)-1] == ' ' || b[len(b)-1] == '\t') {
		b = b[:len(b)-1]
	}
	return b
}

// Canonical writes a field name as net/http has it, in place: the first letter and each
// behind a hyphen upper case, all others lower case.
func Canonical(name []byte) {
	upper := true
	for i, c := range name {
		switch {
		case upper && 'a' <= c && c <= 'z':
			name[i] = c - 0x20
		case !upper && 'A' <= c && c <= 'Z':
			name[i] = c + 0x20
		}
		upper = c == '-'
	}
}

// Unhex is the value of a hex digit, -1 when it is none.
func Unhex(c byte) int {
	switch {
	case '0' <= c && c <= '9':
		return int(c - '0')
	case 'a' <= c && c <= 'f':
		return int(c-'a') + 10
	case 'A' <= c && c <= 'F':
		return int(c-'A') + 10
	}
	return -1
}
