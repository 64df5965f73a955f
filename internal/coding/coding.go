// Package coding undoes the content codings of responses whose bytes have to be seen (RFC
// 9110, Section 8.4.1): gzip, deflate, br and zstd. It streams: what the encoder flushed
// comes out, and no more memory is used than the window of the coding, however far a body
// expands.
package coding

import (
	"bufio"
	"compress/flate"
	"compress/gzip"
	"compress/zlib"
	"fmt"
	"io"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/zstd"
)

// window is the most memory that a zstd frame may ask for, as browsers bound it (RFC 9659,
// Section 3).
const window = 8 << 20

// Decoder returns what makes the plain reader of a coded body; nil for a coding that is
// not known. Names are in lower case.
func Decoder(name string) func(io.Reader) io.Reader {
	switch name {
	case "gzip", "x-gzip":
		return lazy(func(r *source) (io.Reader, error) {
			z, err := gzip.NewReader(r)
			if err == nil {
				z.Multistream(false) // browsers read one member and leave the rest
			}
			return z, err
		})
	case "deflate":
		return lazy(func(r *source) (io.Reader, error) { return inflate(r) })
	case "br":
		return lazy(func(r *source) (io.Reader, error) { return brotli.NewReader(r), nil })
	case "zstd":
		return lazy(func(r *source) (io.Reader, error) {
			return zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(window))
		})
	}
	return nil
}

// inflate reads zlib (RFC 1950), which is meant by "deflate", or the bare stream (RFC
// 1951), which some servers send.
func inflate(r *source) (io.Reader, error) {
	head, err := r.peek2()
	if err != nil {
		return nil, err
	}
	if head[0]&0x0f == 8 && (uint(head[0])<<8|uint(head[1]))%31 == 0 {
		return zlib.NewReader(r)
	}
	return flate.NewReader(r), nil
}

func lazy(open func(*source) (io.Reader, error)) func(io.Reader) io.Reader {
	return func(body io.Reader) io.Reader {
		return &reader{source: source{r: bufio.NewReaderSize(body, 4<<10)}, open: open}
	}
}

// reader opens its decoder with the first Read, so that the head of a response never
// waits for its body.
type reader struct {
	source source
	open   func(*source) (io.Reader, error)
	plain  io.Reader
	err    error
}

// Read implements io.Reader. Behind the end of the coding it reads the body to its own end,
// without giving anything more.
func (d *reader) Read(p []byte) (int, error) {
	if d.err != nil || len(p) == 0 {
		return 0, d.err
	}
	if d.plain == nil {
		if d.plain, d.err = d.open(&d.source); d.err != nil {
			return 0, d.fail()
		}
	}
	n, err := d.plain.Read(p)
	if d.err = err; err == nil {
		return n, nil
	}
	return n, d.fail()
}

// fail settles the reader's last error.
func (d *reader) fail() error {
	if z, ok := d.plain.(*zstd.Decoder); ok {
		z.Close()
	}
	switch {
	case d.source.err != nil && d.source.err != io.EOF:
		d.err = d.source.err
	case !d.source.began: // an empty body
		d.err = io.EOF
	case d.err == io.EOF && d.plain == nil:
		d.err = fmt.Errorf("undo the content coding: %w", io.ErrUnexpectedEOF)
	case d.err == io.EOF:
		if _, err := io.Copy(io.Discard, &d.source); err != nil {
			d.err = err
		}
	default:
		d.err = fmt.Errorf("undo the content coding: %w", d.err)
	}
	return d.err
}

// source is the coded body. It tells the body's own failures from those of the coding.
type source struct {
	r     *bufio.Reader
	began bool
	err   error
}

// Read implements io.Reader.
func (s *source) Read(p []byte) (int, error) { n, err := s.r.Read(p); return n, s.note(n, err) }

// ReadByte implements io.ByteReader, so that decoders read no further than they need.
func (s *source) ReadByte() (byte, error) {
	b, err := s.r.ReadByte()
	if err == nil {
		return b, s.note(1, nil)
	}
	return b, s.note(0, err)
}

func (s *source) peek2() ([]byte, error) {
	b, err := s.r.Peek(2)
	return b, s.note(len(b), err)
}

func (s *source) note(n int, err error) error {
	s.began = s.began || n > 0
	if err != nil {
		s.err = err
	}
	return err
}
