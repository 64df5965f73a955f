package exchange

// piece is how many bytes pass a chain of more than one filter that changes something at
// once: what is between two of them stays small, whatever a filter makes of its bytes.
const piece = 8 << 10

// Chain is filters one after another. Watchers among them cost no copy. For one body and
// one goroutine.
type Chain struct {
	filters []Filter
	changes int      // filters that are no Watcher
	between [][]byte // what each of them gave last, but the last of them
}

// NewChain returns the chain of filters; a chain among them is taken apart.
func NewChain(filters ...Filter) *Chain {
	c := &Chain{}
	for _, f := range filters {
		if inner, ok := f.(*Chain); ok {
			c.filters = append(c.filters, inner.filters...)
			c.changes += inner.changes
			continue
		}
		c.filters = append(c.filters, f)
		if _, watches := f.(Watcher); !watches {
			c.changes++
		}
	}
	c.between = make([][]byte, max(0, c.changes-1))
	return c
}

// Push implements Filter.
func (c *Chain) Push(dst, src []byte) []byte {
	if c.changes < 2 {
		return c.push(dst, src)
	}
	for len(src) > 0 {
		n := min(len(src), piece)
		dst = c.push(dst, src[:n])
		src = src[n:]
	}
	return dst
}

func (c *Chain) push(dst, src []byte) []byte {
	changed := 0
	for _, f := range c.filters {
		if w, ok := f.(Watcher); ok {
			w.Look(src)
			continue
		}
		if changed < len(c.between) {
			c.between[changed] = f.Push(c.between[changed][:0], src)
			src = c.between[changed]
		} else {
			from := len(dst)
			dst = f.Push(dst, src)
			src = dst[from:]
		}
		changed++
	}
	if c.changes == 0 {
		dst = append(dst, src...)
	}
	return dst
}

// Close implements Filter.
func (c *Chain) Close(dst []byte) []byte {
	var held []byte // by the filters so far
	changed := 0
	for _, f := range c.filters {
		if w, ok := f.(Watcher); ok {
			w.Look(held)
			w.Close(nil)
			continue
		}
		if changed++; changed < c.changes {
			held = f.Close(f.Push(nil, held))
			continue
		}
		from := len(dst)
		dst = f.Close(f.Push(dst, held))
		held = dst[from:]
	}
	return dst
}
