package qr

// penalty says how hard a code is to read (Section 7.8.3, Table 11).
func (c *Code) penalty() int {
	total, dark := 0, 0
	for i := range c.Size {
		row := func(j int) bool { return c.dark[i*c.Size+j] }
		column := func(j int) bool { return c.dark[j*c.Size+i] }
		total += line(c.Size, row) + line(c.Size, column)
		for j := range c.Size {
			if row(j) {
				dark++
			}
			if i > 0 && j > 0 && c.Dark(j, i) == c.Dark(j-1, i) && c.Dark(j, i) == c.Dark(j, i-1) && c.Dark(j, i) == c.Dark(j-1, i-1) {
				total += 3
			}
		}
	}
	all := c.Size * c.Size
	return total + abs(20*dark-10*all)/all*10
}

// line counts runs of five and more, and what looks like a finder with four light modules
// beside it.
func line(size int, at func(int) bool) int {
	total, run := 0, 1
	for j := 1; j <= size; j++ {
		if j < size && at(j) == at(j-1) {
			run++
			continue
		}
		if run >= 5 {
			total += run - 2
		}
		run = 1
	}
	const pattern = 0b00001011101
	word := 0
	for j := range size {
		word = word << 1 & 0x7FF
		if at(j) {
			word |= 1
		}
		if j >= 10 && (word == pattern || word == 0b10111010000) {
			total += 40
		}
	}
	return total
}
