package token

// digit is the value of a base64url digit (RFC 4648, Section 5), -1 for every other byte.
var digit = func() (t [256]int8) {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	for i := range t {
		t[i] = -1
	}
	for i := range len(alphabet) {
		t[alphabet[i]] = int8(i)
	}
	return t
}()

// decode appends the bytes of a base64url text to dst, false when it is not in the one
// canonical form: no padding, no line ends, no other alphabet, no bits left over. The
// standard library skips line ends, so that one token would have several spellings.
func decode(dst []byte, s string) ([]byte, bool) {
	var bits uint32
	var bad int8
	for len(s) >= 4 {
		a, b, c, d := digit[s[0]], digit[s[1]], digit[s[2]], digit[s[3]]
		bad |= a | b | c | d
		bits = uint32(a)<<18 | uint32(b)<<12 | uint32(c)<<6 | uint32(d)
		dst = append(dst, byte(bits>>16), byte(bits>>8), byte(bits))
		s = s[4:]
	}
	switch len(s) {
	case 0:
		return dst, bad >= 0
	case 2:
		a, b := digit[s[0]], digit[s[1]]
		return append(dst, byte(uint32(a)<<2|uint32(b)>>4)), bad|a|b >= 0 && b&15 == 0
	case 3:
		a, b, c := digit[s[0]], digit[s[1]], digit[s[2]]
		bits = uint32(a)<<10 | uint32(b)<<4 | uint32(c)>>2
		return append(dst, byte(bits>>8), byte(bits)), bad|a|b|c >= 0 && c&3 == 0
	}
	return dst, false
}
