package target

// The classes of a raw byte in a path.
const (
	bad       uint8 = iota // must not stand there
	plain                  // stands for itself
	escape                 // %
	semicolon              // ;
	query                  // ?
)

// class is the class of each raw byte of a path: pchar and "/" of RFC 3986, Section 3.3,
// and the four bytes beyond it that browsers send bare (WHATWG URL, path percent-encode
// set). "\", "#", space, controls and everything from 0x80 are bad.
var class = classes("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~" + // unreserved
	"!$&'()*+,=" + // sub-delims without ";"
	":@/" +
	"[]^|") // browsers

func classes(plainBytes string) (t [256]uint8) {
	for _, c := range []byte(plainBytes) {
		t[c] = plain
	}
	t['%'], t[';'], t['?'] = escape, semicolon, query
	return t
}

func isHex(c byte) bool {
	return c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'f'
}

// unhex gives the value of a hexadecimal digit.
func unhex(c byte) byte {
	if c <= '9' {
		return c - '0'
	}
	return c | 0x20 - 'a' + 10
}
