package redact

// class says what a byte may be part of.
type class uint8

const (
	classAlnum class = 1 << iota
	classHex
	classBase64 // both alphabets of RFC 4648, and padding
	className
)

// classes is made once and never changed.
var classes = classify()

func classify() (c [256]class) {
	for b := range c {
		switch b := byte(b); {
		case '0' <= b && b <= '9', 'a' <= b|0x20 && b|0x20 <= 'f':
			c[b] = classAlnum | classHex | classBase64 | className
		case 'a' <= b|0x20 && b|0x20 <= 'z':
			c[b] = classAlnum | classBase64 | className
		}
	}
	for _, b := range []byte("+/-_=") {
		c[b] |= classBase64
	}
	for _, b := range []byte("_-.") {
		c[b] |= className
	}
	return c
}

func isAlnum(b byte) bool  { return classes[b]&classAlnum != 0 }
func isHex(b byte) bool    { return classes[b]&classHex != 0 }
func isBase64(b byte) bool { return classes[b]&classBase64 != 0 }
func isName(b byte) bool   { return classes[b]&className != 0 }
