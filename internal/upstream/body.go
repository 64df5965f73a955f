package upstream

import (
	"io"

	"github.com/sanmon-gate/sanmon/internal/octets"
)

// ending is a way in which the body of an answer ends (RFC 9112, Section 6.3).
type ending uint8

const (
	ended      ending = iota // there is none, or it was read to its end
	sized                    // after left bytes
	inChunk                  // after left bytes of a chunk
	atChunkEnd               // with more, behind an empty line
	atChunk                  // with more, behind a chunk-size line
	atTrailer                // with an empty line, behind fields
	byClosing                // with the connection
)

// body is where in its body an answer is.
type body struct {
	ending
	left   int64
	excess int64 // bytes of chunk framing beyond a fair share
	lines  int   // fields of the trailer section so far
	size   int   // and their bytes
}

// bodyOf decides how the body of an answer ends. keep says that the connection may be
// used again after it.
func bodyOf(f framing, method string) (b body, length int64, keep bool) {
	keep = !f.close && !f.http10
	length = -1
	if f.declared {
		length = f.length
	}
	switch {
	case f.status == 204:
		return b, 0, keep && !f.chunked && f.length == 0 // a length or chunks must not stand here, and may be followed by content
	case method == "HEAD" || f.status == 304:
		if length < 0 && !f.chunked {
			length = 0
		}
		// Some servers send what an application returns for HEAD behind the head all the same
		// (gunicorn does). Content that comes later than its head would be taken for the answer
		// to whoever gets the connection next.
		return b, length, keep && method != "HEAD" && !f.chunked && f.length == 0
	case f.chunked:
		return body{ending: atChunk}, -1, keep
	case f.declared && f.length == 0:
		return b, 0, keep
	case f.declared:
		return body{ending: sized, left: f.length}, f.length, keep
	}
	return body{ending: byClosing}, -1, false
}

// readBody reads from the body. It is at its end exactly where io.EOF comes, which may be
// together with the last bytes.
func (r *Response) readBody(p []byte) (int, error) {
	switch r.body.ending {
	case ended:
		return 0, io.EOF
	case byClosing:
		n, err := r.conn.read(p, r.idle)
		if err == io.EOF {
			r.body.ending = ended
		}
		return n, err
	case sized:
		n, err := r.some(p)
		if err == nil && r.body.left == 0 {
			r.body.ending = ended
			return n, io.EOF
		}
		return n, err
	}
	return r.readChunked(p)
}

// some reads no more than is left of what was announced.
func (r *Response) some(p []byte) (int, error) {
	if int64(len(p)) > r.body.left {
		p = p[:r.body.left]
	}
	n, err := r.conn.read(p, r.idle)
	r.body.left -= int64(n)
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return n, err
}

// readChunked gives as much as there is of one chunk and, when no wait is needed for it,
// of those behind it.
func (r *Response) readChunked(p []byte) (n int, err error) {
	for {
		switch waits := n > 0 && !r.conn.lineBuffered(); {
		case r.body.ending == ended:
			return n, io.EOF
		case r.body.ending == inChunk && n > 0 && (n == len(p) || r.conn.r == r.conn.w), r.body.ending != inChunk && waits:
			return n, nil
		case r.body.ending == inChunk:
			var m int
			m, err = r.some(p[n:])
			n += m
		case r.body.ending == atChunkEnd:
			err = r.endChunk()
		case r.body.ending == atChunk:
			err = r.nextChunk()
		default:
			err = r.trailerLine()
		}
		if err != nil {
			return n, unexpected(err)
		}
		if r.body.ending == inChunk && r.body.left == 0 {
			r.body.ending = atChunkEnd
		}
	}
}

func (r *Response) endChunk() error {
	l, err := r.conn.line(0, r.idle)
	if err == nil && len(l) > 0 {
		err = Malformed("a chunk is longer than its size")
	}
	r.body.ending = atChunk
	return err
}

// nextChunk reads a chunk-size line (RFC 9112, Section 7.1): hex digits, then nothing or
// extensions. White space before the semicolon, which RFC 9112 lets a reader tolerate, is
// refused. After the last chunk it reads the trailer section.
func (r *Response) nextChunk() error {
	l, err := r.conn.line(maxChunkLine, r.idle)
	if err != nil {
		return err
	}
	n, size := 0, int64(0)
	for n < len(l) && octets.Unhex(l[n]) >= 0 {
		if n == 15 {
			return Malformed("a chunk size is too large")
		}
		size = size<<4 | int64(octets.Unhex(l[n]))
		n++
	}
	if rest := l[n:]; n == 0 || len(rest) > 0 && (rest[0] != ';' || octets.Controlled(rest)) {
		return Malformed("a chunk size is not a hex number")
	}
	// As net/http: 16 bytes of framing to a chunk, and one to each of its bytes, are fair.
	r.body.excess = max(0, r.body.excess+int64(len(l))+2-16-2*size)
	if r.body.excess > maxExcess {
		return Malformed("its chunks have too much framing for what they carry")
	}
	if r.body.ending, r.body.left = inChunk, size; size == 0 {
		r.body.ending = atTrailer
	}
	return nil
}

// trailerLine reads one line of the trailer section and keeps the field if it was
// announced.
func (r *Response) trailerLine() error {
	l, err := r.conn.line(maxHead-r.body.size, r.idle)
	if err != nil {
		return err
	}
	if len(l) == 0 {
		r.body.ending = ended
		return nil
	}
	name, from, to, err := splitField(l)
	if err != nil {
		return err
	}
	r.body.size += len(l)
	if r.body.lines++; r.body.lines > maxFields {
		return Malformed("its trailer has too many fields")
	}
	if values, announced := r.Trailer[string(l[:name])]; announced {
		r.Trailer[string(l[:name])] = append(values, string(l[from:to]))
	}
	return nil
}

func unexpected(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}
