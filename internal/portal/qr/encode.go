package qr

import "errors"

// ErrTooLong says that no version holds the data: at level M at most 2331 bytes.
var ErrTooLong = errors.New("data too long for a QR code (at most 2331 bytes)")

// Code is one symbol. It has no quiet zone: SVG adds it.
type Code struct {
	Size int // modules on a side: 17 + 4 × version
	Mask int // 0 to 7
	dark []bool
}

// Dark reports whether the module in column x and row y is dark; none outside is.
func (c *Code) Dark(x, y int) bool {
	return x >= 0 && y >= 0 && x < c.Size && y < c.Size && c.dark[y*c.Size+x]
}

// Encode makes the smallest symbol for data, with the mask of the lowest penalty.
func Encode(data []byte) (*Code, error) {
	version := 1
	for ; version <= 40; version++ {
		if 4+lengthBits(version)+8*len(data) <= 8*dataCodewords(version) {
			break
		}
	}
	if version > 40 {
		return nil, ErrTooLong
	}
	s := newSymbol(version)
	s.place(interleave(version, codewords(version, data)))
	best := s.masked(0)
	for mask, least := 1, best.penalty(); mask < 8; mask++ {
		if c := s.masked(mask); c.penalty() < least {
			best, least = c, c.penalty()
		}
	}
	return best, nil
}

// lengthBits is the size of the character count of byte mode (Table 3).
func lengthBits(version int) int {
	if version < 10 {
		return 8
	}
	return 16
}

// codewords writes mode, count, data, terminator and padding (Section 7.4).
func codewords(version int, data []byte) []byte {
	b := bits{out: make([]byte, 0, dataCodewords(version))}
	b.add(0b0100, 4)
	b.add(len(data), lengthBits(version))
	for _, d := range data {
		b.add(int(d), 8)
	}
	b.add(0, min(4, 8*dataCodewords(version)-b.n))
	b.add(0, (8-b.n%8)%8)
	for pad := byte(0xEC); len(b.out) < dataCodewords(version); pad ^= 0xEC ^ 0x11 {
		b.add(int(pad), 8)
	}
	return b.out
}

type bits struct {
	out []byte
	n   int
}

func (b *bits) add(value, count int) {
	for i := count - 1; i >= 0; i-- {
		if b.n%8 == 0 {
			b.out = append(b.out, 0)
		}
		b.out[b.n/8] |= byte(value>>i&1) << (7 - b.n%8)
		b.n++
	}
}

// interleave cuts the data into blocks, adds the error correction of each, and takes them
// column by column (Section 7.6). The first blocks may be one codeword shorter.
func interleave(version int, data []byte) []byte {
	blocks, ecc := blocksOf(version), eccOf(version)
	short := len(data) / blocks
	long := len(data) % blocks // how many blocks have one more
	gen := generator(ecc)
	parts, checks := make([][]byte, blocks), make([][]byte, blocks)
	for i := range parts {
		n := short
		if i >= blocks-long {
			n++
		}
		parts[i], data = data[:n], data[n:]
		checks[i] = remainder(parts[i], gen)
	}
	var out []byte
	for col := range short + 1 {
		for _, p := range parts {
			if col < len(p) {
				out = append(out, p[col])
			}
		}
	}
	for col := range ecc {
		for _, c := range checks {
			out = append(out, c[col])
		}
	}
	return out
}
