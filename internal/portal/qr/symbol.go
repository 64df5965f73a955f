package qr

import "slices"

// symbol is a Code before its mask, and which modules the mask leaves alone.
type symbol struct {
	version int
	Code
	fixed []bool
}

func newSymbol(version int) *symbol {
	size := 17 + 4*version
	s := &symbol{version, Code{Size: size, dark: make([]bool, size*size)}, make([]bool, size*size)}
	for i := range size { // timing (Section 6.3.5)
		s.set(6, i, i%2 == 0)
		s.set(i, 6, i%2 == 0)
	}
	for _, at := range [][2]int{{3, 3}, {size - 4, 3}, {3, size - 4}} {
		s.finder(at[0], at[1])
	}
	places := alignments(version)
	for i, x := range places {
		for j, y := range places {
			if last := len(places) - 1; i == 0 && (j == 0 || j == last) || i == last && j == 0 {
				continue // a finder is there
			}
			s.square(x, y, 2, func(d int) bool { return d != 1 })
		}
	}
	s.format(0) // reserves its modules
	s.versionInfo()
	return s
}

func (s *symbol) set(x, y int, dark bool) {
	s.dark[y*s.Size+x], s.fixed[y*s.Size+x] = dark, true
}

// square draws rings around a centre: dark tells by the distance from it.
func (s *symbol) square(cx, cy, radius int, dark func(distance int) bool) {
	for dy := -radius; dy <= radius; dy++ {
		for dx := -radius; dx <= radius; dx++ {
			if x, y := cx+dx, cy+dy; x >= 0 && y >= 0 && x < s.Size && y < s.Size {
				s.set(x, y, dark(max(abs(dx), abs(dy))))
			}
		}
	}
}

// finder draws a finder pattern with its separator (Sections 6.3.3 and 6.3.4).
func (s *symbol) finder(cx, cy int) {
	s.square(cx, cy, 4, func(d int) bool { return d != 2 && d != 4 })
}

// alignments are the coordinates of alignment patterns (Annex E).
func alignments(version int) []int {
	if version == 1 {
		return nil
	}
	n := version/7 + 2
	step := 26
	if version != 32 {
		step = (version*4 + n*2 + 1) / (n*2 - 2) * 2
	}
	all := []int{6}
	for i, at := 1, 17+4*version-7; i < n; i, at = i+1, at-step {
		all = append(all, at)
	}
	slices.Sort(all)
	return all
}

// format writes level and mask twice (Section 7.9). Level M is 00.
func (s *symbol) format(mask int) {
	rest := mask
	for range 10 {
		rest = rest<<1 ^ (rest>>9)*0x537
	}
	word := (mask<<10 | rest) ^ 0x5412
	bit := func(i int) bool { return word>>i&1 == 1 }
	for i := range 6 {
		s.set(8, i, bit(i))
	}
	s.set(8, 7, bit(6))
	s.set(8, 8, bit(7))
	s.set(7, 8, bit(8))
	for i := 9; i < 15; i++ {
		s.set(14-i, 8, bit(i))
	}
	for i := range 8 {
		s.set(s.Size-1-i, 8, bit(i))
	}
	for i := 8; i < 15; i++ {
		s.set(8, s.Size-15+i, bit(i))
	}
	s.set(8, s.Size-8, true)
}

// versionInfo writes the version twice, from version 7 (Section 7.10).
func (s *symbol) versionInfo() {
	if s.version < 7 {
		return
	}
	rest := s.version
	for range 12 {
		rest = rest<<1 ^ (rest>>11)*0x1F25
	}
	word := s.version<<12 | rest
	for i := range 18 {
		a, b := s.Size-11+i%3, i/3
		s.set(a, b, word>>i&1 == 1)
		s.set(b, a, word>>i&1 == 1)
	}
}

// place writes the codewords in pairs of columns, upwards and downwards in turn, from the
// right (Section 7.7.3).
func (s *symbol) place(data []byte) {
	i := 0
	up := true
	for right := s.Size - 1; right >= 1; right -= 2 {
		if right == 6 { // the timing column
			right = 5
		}
		for v := range s.Size {
			y := v
			if up {
				y = s.Size - 1 - v
			}
			for _, x := range [2]int{right, right - 1} {
				if at := y*s.Size + x; !s.fixed[at] && i < 8*len(data) {
					s.dark[at] = data[i/8]>>(7-i%8)&1 == 1
					i++
				}
			}
		}
		up = !up
	}
}

// masked returns the finished code under a mask (Section 7.8.2).
func (s *symbol) masked(mask int) *Code {
	c := symbol{s.version, Code{s.Size, mask, slices.Clone(s.dark)}, slices.Clone(s.fixed)}
	for y := range s.Size {
		for x := range s.Size {
			if at := y*s.Size + x; !s.fixed[at] && flips(mask, x, y) {
				c.dark[at] = !c.dark[at]
			}
		}
	}
	c.format(mask)
	return &c.Code
}

func flips(mask, x, y int) bool {
	switch mask {
	case 0:
		return (x+y)%2 == 0
	case 1:
		return y%2 == 0
	case 2:
		return x%3 == 0
	case 3:
		return (x+y)%3 == 0
	case 4:
		return (x/3+y/2)%2 == 0
	case 5:
		return x*y%2+x*y%3 == 0
	case 6:
		return (x*y%2+x*y%3)%2 == 0
	}
	return ((x+y)%2+x*y%3)%2 == 0
}

func abs(n int) int { return max(n, -n) }
