package foreign

import "math/big"

// primes are the first 39 primes, whose product is what the broken generator builds
// 2048-bit keys on, less 2, which says nothing about an odd number.
var primes = [...]int64{3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83, 89, 97, 101, 103, 107, 109, 113, 127, 131, 137, 139, 149, 151, 157, 163, 167}

// roca reports whether a modulus has the fingerprint of keys whose private half can be
// computed (CVE-2017-15361; Nemec and others, "The Return of Coppersmith's Attack", 2017,
// Section 3): modulo every small prime it is a power of 65537. Of the other moduli about
// one in 2^27 is.
func roca(n *big.Int) bool {
	var r big.Int
	for _, p := range primes {
		if !power(r.Mod(n, big.NewInt(p)).Int64(), p) {
			return false
		}
	}
	return true
}

// power reports whether r is a power of 65537 modulo p.
func power(r, p int64) bool {
	x := int64(1)
	for range p {
		if x == r {
			return true
		}
		x = x * 65537 % p
	}
	return false
}
