package schema

import (
	"math/big"
	"strings"
)

// decimal is a number of a schema, exact. Comparisons with whole numbers of up to 18
// digits need no arithmetic of arbitrary size.
type decimal struct {
	whole int64
	fits  bool // whole is the value
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
	if d.whole, d.fits = whole(s); !d.fits && rat.IsInt() && rat.Num().IsInt64() && short(rat.Num()) {
		d.whole, d.fits = rat.Num().Int64(), true
	}
	return d, true
}

func short(n *big.Int) bool { return n.BitLen() < 60 }

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
	if n, ok := whole(s); ok && d.fits {
		switch {
		case n < d.whole:
			return -1
		case n > d.whole:
			return 1
		}
		return 0
	}
	return ratOf(s).Cmp(d.rat)
}

// divides reports whether s is a multiple of d.
func (d *decimal) divides(s string) bool {
	if n, ok := whole(s); ok && d.fits && d.whole != 0 {
		return n%d.whole == 0
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
