package refresh

import "math"

// Base62 in blocks: 8 bytes, big-endian, are 11 characters (62^11 > 2^64). The alphabet
// is that of API keys, so a double click selects a whole token. Every block has one
// spelling: leading zeros are written, and what exceeds 64 bits is refused.
const (
	alphabet   = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	blockChars = 11
)

// appendBase62 appends n in exactly width characters; what does not fit is cut at the top.
func appendBase62(dst []byte, n uint64, width int) []byte {
	start := len(dst)
	for range width {
		dst = append(dst, 0)
	}
	for i := start + width - 1; i >= start; i-- {
		dst[i] = alphabet[n%62]
		n /= 62
	}
	return dst
}

// parseBase62 reads what appendBase62 wrote.
func parseBase62(s string) (n uint64, ok bool) {
	for i := range len(s) {
		d, ok := digit(s[i])
		if !ok || n > (math.MaxUint64-d)/62 {
			return 0, false
		}
		n = n*62 + d
	}
	return n, true
}

func digit(c byte) (uint64, bool) {
	switch {
	case '0' <= c && c <= '9':
		return uint64(c - '0'), true
	case 'A' <= c && c <= 'Z':
		return uint64(c-'A') + 10, true
	case 'a' <= c && c <= 'z':
		return uint64(c-'a') + 36, true
	}
	return 0, false
}
