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

// Watcher is a Filter that changes nothing: its Push looks at the bytes and passes them on.
type Watcher interface {
	Filter
	Look(src []byte)
}
