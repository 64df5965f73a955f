package exchange

// Filter changes a body while it passes. It holds back as little as it can and never
// more than a bound of its own. A Filter serves one body and one goroutine.
type Filter interface {
	// Push takes the next bytes of the body and appends to dst what may leave now. It
	// keeps nothing of src.
	Push(dst, src []byte) []byte
	// Close appends to dst what was still held back. The body is complete, or broke
	// off; nothing follows.
	Close(dst []byte) []byte
}

// Chain is filters one after another.
type Chain []Filter

// Push implements Filter.
func (c Chain) Push(dst, src []byte) []byte {
	if len(c) == 0 {
		return append(dst, src...)
	}
	for _, f := range c[:len(c)-1] {
		src = f.Push(nil, src)
	}
	return c[len(c)-1].Push(dst, src)
}

// Close implements Filter.
func (c Chain) Close(dst []byte) []byte {
	var held []byte
	for i, f := range c {
		last := i == len(c)-1
		if last {
			dst = f.Push(dst, held)
			return f.Close(dst)
		}
		held = f.Close(f.Push(nil, held))
	}
	return dst
}
