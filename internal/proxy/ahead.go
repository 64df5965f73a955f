package proxy

import (
	"io"
	"net/http"
	"strconv"
)

// maxAhead is how much of a body may be seen before the head is sent.
const maxAhead = 64 << 10

// aheadBuffer has room for one byte more, so that a body of just that length is seen to end.
type aheadBuffer [maxAhead + 1]byte

// beginning is what has been read of a body.
type beginning struct {
	buf   *aheadBuffer // nil when nothing was asked for
	head  []byte
	whole bool // nothing follows
}

// lookAhead reads the beginning of a body for as long as out.Ahead asks for more. What
// the backend does wrong meanwhile shows when the rest is read.
func (b *Backend) lookAhead(res *answer, out *Outgoing, h http.Header) (v beginning) {
	if out.Ahead == nil || res.body == http.NoBody {
		return v
	}
	for out.Ahead(res.status, h, v.head) && len(v.head) <= maxAhead {
		if v.buf == nil {
			if v.head = res.whole(); v.head != nil {
				v.whole = true
				return v
			}
			v.buf = b.ahead.Get().(*aheadBuffer)
		}
		n, err := res.body.Read(v.buf[len(v.head):])
		v.head = v.buf[:len(v.head)+n]
		if err != nil {
			v.whole = err == io.EOF
			return v
		}
	}
	return v
}

// settle runs the filter over a body that is there as a whole, into buf, and gives it its
// right length.
func (v *beginning) settle(content *Content, buf []byte, h http.Header, trailers bool) []byte {
	buf = content.Filter.Close(content.Filter.Push(buf[:0], v.head))
	v.head, content.Filter = buf, nil
	if !trailers {
		h["Content-Length"] = []string{strconv.Itoa(len(buf))}
	}
	return buf
}

// from returns the body with what was read of it before the rest.
func (v *beginning) from(body io.ReadCloser) io.ReadCloser {
	if len(v.head) == 0 {
		return body
	}
	return &resumed{head: v.head, ReadCloser: body}
}

// resumed is a body whose head has been read already.
type resumed struct {
	head []byte
	io.ReadCloser
}

func (r *resumed) Read(p []byte) (int, error) {
	if len(r.head) > 0 {
		n := copy(p, r.head)
		r.head = r.head[n:]
		return n, nil
	}
	return r.ReadCloser.Read(p)
}
