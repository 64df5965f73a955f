package qr

import (
	"strconv"
	"strings"
)

// Quiet is the light border that readers need, in modules (Section 6.3.8).
const Quiet = 4

// Box is the side of the picture in modules, with its border.
func (c *Code) Box() int { return c.Size + 2*Quiet }

// Path draws the dark modules as the data of one SVG path, in a picture of Box units: runs
// of a row in one stroke. It has digits, signs and letters only.
func (c *Code) Path() string {
	var b strings.Builder
	for y := range c.Size {
		for x := 0; x < c.Size; x++ {
			if !c.Dark(x, y) {
				continue
			}
			start := x
			for c.Dark(x, y) {
				x++
			}
			n := strconv.Itoa(x - start)
			b.WriteString("M" + strconv.Itoa(start+Quiet) + " " + strconv.Itoa(y+Quiet) + "h" + n + "v1h-" + n + "z")
		}
	}
	return b.String()
}
