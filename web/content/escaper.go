package content

import "bytes"

// Escaper is an exchange.Filter for a JSON body. Inside strings it writes <, >, &, U+2028
// and U+2029 as escapes and passes everything else byte for byte. From the point where
// the body stops being JSON, it passes everything untouched.
//
// It holds back at most two bytes, of a character that may be U+2028, and keeps a bit for
// each level of nesting. The zero value is ready for one body.
type Escaper struct {
	// Found, when set, hears of a body that was no JSON.
	Found func(Finding)

	g       grammar
	held    int  // how many bytes of U+2028 (E2 80 A8) are held back
	changed bool // something was escaped
}

// separator is what U+2028 and U+2029 begin with in UTF-8.
const separator = "\xe2\x80"

// Push implements exchange.Filter.
func (e *Escaper) Push(dst, src []byte) []byte {
	if e.held > 0 {
		dst, src = e.resume(dst, src)
	}
	from := 0
	for i := 0; ; i++ {
		if i = e.g.next(src, i); i >= len(src) {
			return append(dst, src[from:]...)
		}
		c := src[i]
		if c != 0xe2 {
			dst = append(dst, src[from:i]...)
			dst = append(dst, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
			e.changed, from = true, i+1
			continue
		}
		switch rest := src[i+1:]; {
		case len(rest) >= 2:
			if rest[0] == 0x80 && rest[1]|1 == 0xa9 {
				dst = e.separate(append(dst, src[from:i]...), rest[1])
				i += 2
				from = i + 1
			}
		case len(rest) == 0 || rest[0] == 0x80:
			e.held = 1 + len(rest)
			return append(dst, src[from:i]...)
		}
	}
}

const hexDigits = "0123456789abcdef"

// separate appends the escape of the separator whose last byte is c.
func (e *Escaper) separate(dst []byte, c byte) []byte {
	e.changed = true
	return append(dst, '\\', 'u', '2', '0', '2', '8'+c-0xa8)
}

// resume decides about the bytes that were held back. What it returns of src is still to
// be read.
func (e *Escaper) resume(dst, src []byte) (to, rest []byte) {
	if len(src) > 0 && e.held == 1 {
		if src[0] != 0x80 {
			e.held = 0
			return append(dst, separator[0]), src
		}
		e.held, src = 2, src[1:]
	}
	if len(src) == 0 {
		return dst, src
	}
	e.held = 0
	if src[0]|1 == 0xa9 {
		return e.separate(dst, src[0]), src[1:]
	}
	return append(dst, separator...), src
}

// Close implements exchange.Filter.
func (e *Escaper) Close(dst []byte) []byte {
	if e.Found != nil && e.g.state == stopped { // a body that broke off may have been JSON
		e.Found(JSONInvalid)
	}
	held := e.held
	e.held = 0
	return append(dst, separator[:held]...)
}

// Harmless reports whether a body has none of the bytes with which anything that Escaper
// would replace begins.
func Harmless(body []byte) bool {
	for _, c := range [...]byte{'<', '>', '&', separator[0]} { // four passes at many bytes at a time
		if bytes.IndexByte(body, c) >= 0 {
			return false
		}
	}
	return true
}

// Changed reports whether anything was escaped.
func (e *Escaper) Changed() bool { return e.changed }

// Complete reports whether what passed is one whole JSON text.
func (e *Escaper) Complete() bool { return e.held == 0 && e.g.complete() }
