package coding

import (
	"github.com/klauspost/compress/gzip"

	"github.com/sanmon-gate/sanmon/exchange"
)

// Encoder returns a filter that puts a coding on a body; nil for one that it does not put
// on. What is pushed leaves at once. It keeps no window between two pushes, so that a
// response costs little memory: it is for bodies whose coding had to be undone.
func Encoder(name string) exchange.Filter {
	if name != "gzip" {
		return nil
	}
	e := &encoder{}
	e.z, _ = gzip.NewWriterLevel((*sink)(e), gzip.StatelessCompression) // fails for unknown levels only
	return e
}

type encoder struct {
	z   *gzip.Writer
	dst []byte
}

// Push implements exchange.Filter.
func (e *encoder) Push(dst, src []byte) []byte {
	if len(src) == 0 {
		return dst
	}
	e.dst = dst
	_, _ = e.z.Write(src) // a sink takes everything
	return e.take()
}

// Close implements exchange.Filter.
func (e *encoder) Close(dst []byte) []byte {
	e.dst = dst
	_ = e.z.Close()
	return e.take()
}

func (e *encoder) take() []byte {
	dst := e.dst
	e.dst = nil
	return dst
}

// sink is where the writer of an encoder writes.
type sink encoder

func (s *sink) Write(p []byte) (int, error) {
	s.dst = append(s.dst, p...)
	return len(p), nil
}
