// Package base64url reads base64url (RFC 4648, Section 5) in its one canonical form: no
// padding, no line ends, no other alphabet, no bits left over. The standard library skips
// line ends even where it is strict, so that one token would have several spellings.
package base64url

// digits is the value of each digit; other bytes are negative.
var digits = func() (t [256]int8) {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	for i := range t {
		t[i] = -1
	}
	for i := range len(alphabet) {
		t[alphabet[i]] = int8(i)
	}
	return t
}()

// AppendDecode appends the bytes that s stands for to dst, false when s is not in
// canonical form. It allocates only to grow dst.
func AppendDecode(dst []byte, s string) ([]byte, bool) {
	var bad int8
	for len(s) >= 4 {
		a, b, c, d := digits[s[0]], digits[s[1]], digits[s[2]], digits[s[3]]
		bad |= a | b | c | d
		bits := uint32(a)<<18 | uint32(b)<<12 | uint32(c)<<6 | uint32(d)
		dst = append(dst, byte(bits>>16), byte(bits>>8), byte(bits))
		s = s[4:]
	}
	switch len(s) {
	case 0:
		return dst, bad >= 0
	case 2:
		a, b := digits[s[0]], digits[s[1]]
		return append(dst, byte(uint32(a)<<2|uint32(b)>>4)), bad|a|b >= 0 && b&15 == 0
	case 3:
		a, b, c := digits[s[0]], digits[s[1]], digits[s[2]]
		bits := uint32(a)<<10 | uint32(b)<<4 | uint32(c)>>2
		return append(dst, byte(bits>>8), byte(bits)), bad|a|b|c >= 0 && c&3 == 0
	}
	return dst, false
}
