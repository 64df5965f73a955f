package headers

// cleanValue reports whether v has no control byte but tab (RFC 9110, Section 5.5). It
// looks at eight bytes at a time: header values are most of what a request makes us read.
func cleanValue(v string) bool {
	const (
		ones = 0x0101010101010101
		high = 0x8080808080808080
	)
	for ; len(v) >= 8; v = v[8:] {
		w := uint64(v[0]) | uint64(v[1])<<8 | uint64(v[2])<<16 | uint64(v[3])<<24 |
			uint64(v[4])<<32 | uint64(v[5])<<40 | uint64(v[6])<<48 | uint64(v[7])<<56
		low := (w - ones*0x20) &^ w // high bit set where a byte is below 0x20, or after a borrow
		del := w ^ ones*0x7f
		del = (del - ones) &^ del
		if (low|del)&high != 0 && !cleanBytes(v[:8]) {
			return false
		}
	}
	return cleanBytes(v)
}

// cleanBytes is the rule itself.
func cleanBytes(v string) bool {
	for i := 0; i < len(v); i++ {
		if c := v[i]; c < 0x20 && c != '\t' || c == 0x7f {
			return false
		}
	}
	return true
}
