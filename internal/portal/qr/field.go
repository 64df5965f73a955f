package qr

// mul multiplies in GF(2^8) with the polynomial x^8+x^4+x^3+x^2+1 (Section 7.5.2).
func mul(a, b byte) byte {
	var p byte
	for b > 0 {
		if b&1 == 1 {
			p ^= a
		}
		carry := a&0x80 != 0
		a <<= 1
		if carry {
			a ^= 0x1D
		}
		b >>= 1
	}
	return p
}

// generator is the product of (x - 2^i) for i from 0 to degree-1, highest power first,
// without the leading one (Annex A).
func generator(degree int) []byte {
	g := make([]byte, degree)
	g[degree-1] = 1
	root := byte(1)
	for range degree {
		for j := range g {
			g[j] = mul(g[j], root)
			if j+1 < len(g) {
				g[j] ^= g[j+1]
			}
		}
		root = mul(root, 2)
	}
	return g
}

// remainder is the error correction of a block.
func remainder(data, gen []byte) []byte {
	r := make([]byte, len(gen))
	for _, d := range data {
		factor := d ^ r[0]
		copy(r, r[1:])
		r[len(r)-1] = 0
		for i := range r {
			r[i] ^= mul(gen[i], factor)
		}
	}
	return r
}

// eccOf and blocksOf are of Table 9, level M: codewords of error correction in a block,
// and blocks.
func eccOf(version int) int {
	return [...]int{0, 10, 16, 26, 18, 24, 16, 18, 22, 22, 26, 30, 22, 22, 24, 24, 28, 28, 26, 26, 26, 26,
		28, 28, 28, 28, 28, 28, 28, 28, 28, 28, 28, 28, 28, 28, 28, 28, 28, 28, 28}[version]
}

func blocksOf(version int) int {
	return [...]int{0, 1, 1, 1, 2, 2, 4, 4, 4, 5, 5, 5, 8, 9, 9, 10, 10, 11, 13, 14, 16, 17,
		17, 18, 20, 21, 23, 25, 26, 28, 29, 31, 33, 35, 37, 38, 40, 43, 45, 47, 49}[version]
}

// dataCodewords is how many codewords of a version are data (Table 7, level M).
func dataCodewords(version int) int { return rawModules(version)/8 - eccOf(version)*blocksOf(version) }

// rawModules counts the modules that no function pattern takes (Table 1).
func rawModules(version int) int {
	n := (16*version+128)*version + 64
	if version >= 2 {
		a := version/7 + 2
		n -= (25*a-10)*a - 55
	}
	if version >= 7 {
		n -= 36
	}
	return n
}
