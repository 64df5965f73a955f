package schema

import (
	"cmp"
	"math/big"
	"strings"
)

// decimal is a number of a schema, exact. Numbers as people write them need no arithmetic
// of arbitrary size.
type decimal struct {
	small short
	fits  bool // small is the value
	rat   *big.Rat
}

func decimalOf(s string) (decimal, bool) {
	if n := numberLength(s); n == 0 || n != len(s) || !reasonable(s) {
		return decimal{}, false
	}
	rat, ok := new(big.Rat).SetString(s)
	if !ok {
		return decimal{}, false
	}
	d := decimal{rat: rat}
	d.small, d.fits = shortOf(s)
	return d, true
}

// short is the number digits / 10^scale.
type short struct {
	digits int64
	scale  int
}

// maxDigits bounds short, so that two of them can be brought to one scale.
const maxDigits = 18

// shortOf reads a JSON number without an exponent and with few digits.
func shortOf(s string) (short, bool) {
	if len(s) > maxDigits+2 {
		return short{}, false
	}
	var n short
	count, dot := 0, false
	for i := range len(s) {
		switch c := s[i]; {
		case c >= '0' && c <= '9':
			n.digits = n.digits*10 + int64(c-'0')
			if count++; dot {
				n.scale++
			}
		case c == '.':
			dot = true
		case c != '-':
			return short{}, false
		}
	}
	if s[0] == '-' {
		n.digits = -n.digits
	}
	return n, count <= maxDigits
}

// aligned brings two numbers to one scale, false when they do not fit.
func aligned(a, b short) (x, y int64, ok bool) {
	for ; a.scale < b.scale; a.scale++ {
		if a.digits > 1<<59 || a.digits < -(1<<59) {
			return 0, 0, false
		}
		a.digits *= 10
	}
	for ; b.scale < a.scale; b.scale++ {
		if b.digits > 1<<59 || b.digits < -(1<<59) {
			return 0, 0, false
		}
		b.digits *= 10
	}
	return a.digits, b.digits, true
}

// whole reads a plain integer of at most 18 digits.
func whole(s string) (int64, bool) {
	digits := strings.TrimPrefix(s, "-")
	if len(digits) == 0 || len(digits) > 18 {
		return 0, false
	}
	var n int64
	for i := range len(digits) {
		if digits[i] < '0' || digits[i] > '9' {
			return 0, false
		}
		n = n*10 + int64(digits[i]-'0')
	}
	if len(digits) < len(s) {
		n = -n
	}
	return n, true
}

// compare orders a number of a body against d.
func (d *decimal) compare(s string) int {
	if n, ok := shortOf(s); ok && d.fits {
		if x, y, ok := aligned(n, d.small); ok {
			return cmp.Compare(x, y)
		}
	}
	return ratOf(s).Cmp(d.rat)
}

// divides reports whether s is a multiple of d.
func (d *decimal) divides(s string) bool {
	if n, ok := shortOf(s); ok && d.fits && d.small.digits != 0 {
		if x, y, ok := aligned(n, d.small); ok {
			return x%y == 0
		}
	}
	return d.rat.Sign() != 0 && new(big.Rat).Quo(ratOf(s), d.rat).IsInt()
}

// ratOf is the exact value of a number that the reader has let through, so it is short.
func ratOf(s string) *big.Rat {
	r, ok := new(big.Rat).SetString(s)
	if !ok {
		return new(big.Rat)
	}
	return r
}

// isWhole reports whether a number has no fraction: 1, 1.0 and 1e2 have none.
func isWhole(s string) bool {
	if !strings.ContainsAny(s, ".eE") {
		return true
	}
	return ratOf(s).IsInt()
}
