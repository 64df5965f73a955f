package content

import "math/bits"

// maxDepth bounds how deep values may be nested; the stack of the grammar takes a bit
// for each level. What is nested deeper counts as no JSON from there on.
const maxDepth = 1 << 16

// state is where in the grammar of RFC 8259 the next byte stands.
type state uint8

const (
	wantValue   state = iota // a value; before the text also a byte order mark
	wantElement              // a value or "]", after "["
	wantMember               // a name or "}", after "{"
	wantName                 // a name, after "," in an object
	wantColon                // ":"
	afterValue               // "," or the end of the container
	inString                 // inside quotes
	inEscape                 // after a backslash
	inHex                    // in the four digits after \u
	inLiteral                // in true, false or null
	numMinus                 // after "-"
	numZero                  // after a leading zero
	numInt                   // in the integer part
	numDot                   // after "."
	numFrac                  // in the fraction
	numExp                   // after "e"
	numSign                  // after the sign of the exponent
	numPower                 // in the exponent
	finished                 // after the value; white space may follow
	stopped                  // this is no JSON, from here on
)

// grammar follows a JSON text byte by byte, in pieces of any size. Its memory is a bit
// for each open array or object. The zero value is ready for one text.
type grammar struct {
	state   state
	name    bool   // the string is the name of a member
	begun   bool   // something other than a byte order mark was seen
	literal string // what is still to come of true, false or null
	hex     int    // digits still to come
	depth   int
	object  bool     // the innermost open container is an object
	stack   []uint64 // bit n: container n is an object
}

// next moves on from src[i] to the next byte inside a string that Escaper might replace,
// and returns its index; len(src) when there is none, or when the text has stopped being
// JSON. That byte counts as consumed: the caller goes on after it.
func (g *grammar) next(src []byte, i int) int {
	for i < len(src) {
		if g.state == inString {
			i = plain(src, i)
			if i == len(src) {
				return i
			}
			switch c := src[i]; {
			case c == '"':
				i = g.closeString(src, i+1)
				continue
			case c == '\\':
				g.state = inEscape
			case c < 0x20:
				g.state = stopped
				return len(src)
			default:
				return i
			}
			i++
			continue
		}
		c := src[i]
		if c <= ' ' && space(c) && g.state < inString {
			i++
			continue
		}
		switch g.state {
		case wantColon:
			if c != ':' {
				g.state = stopped
				return len(src)
			}
			g.state = wantValue
			i++
		case afterValue:
			i = g.after(src, i)
		case wantValue, wantElement:
			i = g.value(src, i)
		case wantMember, wantName:
			g.member(c)
			i++
		case stopped:
			return len(src)
		default:
			i = g.inside(src, i)
		}
	}
	return i
}

func space(c byte) bool { return c == ' ' || c == '\n' || c == '\r' || c == '\t' }

// closeString goes on behind a string, as far as what mostly follows one: a colon, or a comma
// and the next name. It returns where to go on.
func (g *grammar) closeString(src []byte, i int) int {
	if !g.name {
		if g.closeValue(); i < len(src) && src[i] == ',' && g.depth > 0 {
			return g.after(src, i)
		}
		return i
	}
	if i == len(src) || src[i] != ':' {
		g.state = wantColon
		return i
	}
	g.state = wantValue
	if i++; i < len(src) && src[i] == '"' {
		g.state, g.name = inString, false
		i++
	}
	return i
}

func (g *grammar) closeValue() {
	if g.state = afterValue; g.depth == 0 {
		g.state = finished
	}
}

// after takes src[i], which follows a value in a container, and the quote of the name behind
// a comma. It returns where to go on.
func (g *grammar) after(src []byte, i int) int {
	switch c := src[i]; {
	case c == ',' && g.object:
		g.state = wantName
		if i++; i < len(src) && src[i] == '"' {
			g.state, g.name = inString, true
			i++
		}
		return i
	case c == ',':
		g.state = wantValue
	case c == '}' && g.object, c == ']' && !g.object:
		g.pop()
	default:
		g.state = stopped
	}
	return i + 1
}

func (g *grammar) member(c byte) {
	switch {
	case c == '"':
		g.state, g.name = inString, true
	case c == '}' && g.state == wantMember:
		g.pop()
	default:
		g.state = stopped
	}
}

// value begins a value at src[i] and returns where to go on.
func (g *grammar) value(src []byte, i int) int {
	switch c := src[i]; c {
	case '"':
		g.state, g.name = inString, false
	case '{':
		g.push(true, wantMember)
	case '[':
		g.push(false, wantElement)
	case '-':
		g.state = numMinus
	case '0':
		g.state = numZero
	case '1', '2', '3', '4', '5', '6', '7', '8', '9':
		g.state, g.begun = numInt, true
		return digits(src, i+1)
	case 't':
		return g.begin(src, i, "true")
	case 'f':
		return g.begin(src, i, "false")
	case 'n':
		return g.begin(src, i, "null")
	case ']':
		if g.state != wantElement {
			g.state = stopped
			break
		}
		g.pop()
	case 0xef: // a byte order mark may be ignored (RFC 8259, Section 8.1)
		if g.begun || g.depth > 0 {
			g.state = stopped
			break
		}
		g.state, g.literal = inLiteral, "\xbb\xbf"
	default:
		g.state = stopped
	}
	g.begun = true
	return i + 1
}

// begin takes a literal, as a whole if it is there.
func (g *grammar) begin(src []byte, i int, literal string) int {
	g.begun = true
	if n := len(literal); len(src)-i >= n && string(src[i:i+n]) == literal {
		g.closeValue()
		return i + n
	}
	g.state, g.literal = inLiteral, literal[1:]
	return i + 1
}

// inside goes on in what is neither a string nor between values.
func (g *grammar) inside(src []byte, i int) int {
	switch g.state {
	case inEscape:
		return g.escape(src[i], i)
	case inHex:
		if !hexDigit(src[i]) {
			g.state = stopped
		} else if g.hex--; g.hex == 0 {
			g.state = inString
		}
		return i + 1
	case inLiteral:
		return g.literally(src[i], i)
	case finished:
		if !space(src[i]) {
			g.state = stopped
		}
		return i + 1
	}
	return g.number(src, i)
}

func (g *grammar) escape(c byte, i int) int {
	switch c {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		g.state = inString
	case 'u':
		g.state, g.hex = inHex, 4
	default:
		g.state = stopped
	}
	return i + 1
}

func hexDigit(c byte) bool {
	return c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'f'
}

func (g *grammar) literally(c byte, i int) int {
	if c != g.literal[0] {
		g.state = stopped
		return i + 1
	}
	g.literal = g.literal[1:]
	switch {
	case g.literal != "":
	case c == 0xbf: // the end of the byte order mark
		g.state = wantValue
	default:
		g.closeValue()
	}
	return i + 1
}

// number goes on in a number; its end shows only in what follows, which is not consumed.
func (g *grammar) number(src []byte, i int) int {
	for ; i < len(src); i++ {
		s := g.state
		switch c := src[i]; {
		case c >= '1' && c <= '9', c == '0' && s != numMinus:
			switch s {
			case numMinus:
				g.state = numInt
			case numDot:
				g.state = numFrac
			case numExp, numSign:
				g.state = numPower
			case numZero:
				g.state = stopped
				return len(src)
			}
			i = digits(src, i+1) - 1
		case c == '0':
			g.state = numZero
		case c == '.' && (s == numInt || s == numZero):
			g.state = numDot
		case c|0x20 == 'e' && (s == numInt || s == numZero || s == numFrac):
			g.state = numExp
		case (c == '+' || c == '-') && s == numExp:
			g.state = numSign
		case s == numInt || s == numZero || s == numFrac || s == numPower:
			g.closeValue()
			return i
		default:
			g.state = stopped
			return len(src)
		}
	}
	return i
}

// digits returns the index of the next byte that is no digit.
func digits(src []byte, i int) int {
	for i < len(src) && src[i]-'0' <= 9 {
		i++
	}
	return i
}

func (g *grammar) push(object bool, next state) {
	if g.depth == maxDepth {
		g.state = stopped
		return
	}
	word, bit := g.depth/64, uint64(1)<<(g.depth%64)
	if word == len(g.stack) {
		g.stack = append(g.stack, 0)
	}
	if g.stack[word] &^= bit; object {
		g.stack[word] |= bit
	}
	g.depth++
	g.object, g.state = object, next
}

func (g *grammar) pop() {
	g.depth--
	if top := g.depth - 1; top >= 0 {
		g.object = g.stack[top/64]>>(top%64)&1 == 1
	}
	g.closeValue()
}

// complete reports whether what was seen is a whole JSON text.
func (g *grammar) complete() bool {
	switch g.state {
	case finished:
		return true
	case numInt, numZero, numFrac, numPower:
		return g.depth == 0
	}
	return false
}

const (
	ones  = 0x0101010101010101
	highs = 0x8080808080808080
)

// plain returns the index of the next byte of a string that is not simply passed over: a
// quote, a backslash, a control, <, >, &, or 0xE2, with which U+2028 begins; len(src) when
// there is none. It looks at eight bytes at a time. A byte is found by the borrow of a
// subtraction, which may also mark bytes above it but none below: the lowest mark is true.
func plain(src []byte, i int) int {
	for ; i+8 <= len(src); i += 8 {
		b := src[i : i+8 : i+8]
		w := uint64(b[0]) | uint64(b[1])<<8 | uint64(b[2])<<16 | uint64(b[3])<<24 |
			uint64(b[4])<<32 | uint64(b[5])<<40 | uint64(b[6])<<48 | uint64(b[7])<<56
		angle := w | ones*0x02 ^ ones*0x3e  // < and >, which differ in one bit
		quote := w&^(ones*0x04) ^ ones*0x22 // " and &, likewise
		slash := w ^ ones*0x5c
		lead := w ^ ones*0xe2
		found := (angle-ones)&^angle | (quote-ones)&^quote | (slash-ones)&^slash |
			(lead-ones)&^lead | (w-ones*0x20)&^w
		if found &= highs; found != 0 {
			return i + bits.TrailingZeros64(found)/8
		}
	}
	for ; i < len(src); i++ {
		if special[src[i]] {
			return i
		}
	}
	return i
}

// special marks the bytes that plain stops at.
var special = func() (t [256]bool) {
	for c := range 0x20 {
		t[c] = true
	}
	for _, c := range []byte{'"', '\\', '<', '>', '&', 0xe2} {
		t[c] = true
	}
	return t
}()
