package content

// Witness is an exchange.Filter that changes nothing, and tells when what passes as HTML
// turns out to be one whole JSON text. It follows only what begins like one. The zero
// value, with Found, is ready for one body.
type Witness struct {
	Found func(Finding)

	g      grammar
	begun  bool
	follow bool
}

// Push implements exchange.Filter.
func (w *Witness) Push(dst, src []byte) []byte {
	w.Look(src)
	return append(dst, src...)
}

// Look implements exchange.Watcher.
func (w *Witness) Look(src []byte) {
	for i := 0; i < len(src) && !w.begun; i++ {
		if !space(src[i]) {
			w.begun, w.follow = true, src[i] == '{' || src[i] == '['
		}
	}
	if w.follow {
		for i := 0; i < len(src); i++ {
			i = w.g.next(src, i)
		}
		w.follow = w.g.state != stopped
	}
}

// Close implements exchange.Filter.
func (w *Witness) Close(dst []byte) []byte {
	if w.follow && w.g.complete() {
		w.Found(JSONAsHTML)
	}
	return dst
}
