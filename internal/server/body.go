package server

import (
	"bytes"
	"errors"
	"io"
	"net/http"

	"github.com/sanmon-gate/sanmon"
	"github.com/sanmon-gate/sanmon/internal/proxy"
	"github.com/sanmon-gate/sanmon/refusal"
	"github.com/sanmon-gate/sanmon/web/csrf"
)

// prefixed is a request body whose beginning may be looked at before it is
// forwarded. It implements sanmon.Body.
type prefixed struct {
	src    io.ReadCloser
	prefix []byte // what was read ahead; nil when nothing was
	whole  bool   // prefix is the whole body
	err    error  // what reading ahead ended with, for the forwarder
	room   *room  // shared by all requests
	taken  int    // bytes of it
}

func (b *prefixed) reset(src io.ReadCloser, room *room) {
	b.room.give(b.taken)
	*b = prefixed{src: src, room: room}
}

// Prefix implements sanmon.Body.
func (b *prefixed) Prefix(n int) ([]byte, bool, error) {
	for len(b.prefix) < n && !b.whole && b.err == nil {
		step := min(n, len(b.prefix)+aheadStep)
		if step > aheadStep {
			if !b.room.take(aheadStep) {
				return b.prefix, false, errFull()
			}
			b.taken += aheadStep
		}
		b.read(step)
	}
	if len(b.prefix) > n {
		return b.prefix[:n:n], false, b.err
	}
	return b.prefix, b.whole, b.err
}

// read reads ahead until n bytes are here or the body ends.
func (b *prefixed) read(n int) {
	if b.prefix == nil {
		b.prefix = make([]byte, 0, 1024)
	}
	buf := bytes.NewBuffer(b.prefix)
	_, err := io.CopyN(buf, b.src, int64(n-buf.Len()))
	b.prefix = buf.Bytes()
	b.whole = errors.Is(err, io.EOF)
	if err != nil && !b.whole {
		no := refusal.New(refusal.InputInvalid, "the body ended before it was complete (%d bytes came)", buf.Len())
		no.Err = err
		b.err = no
	}
}

// begun returns what has been read of the body. A small form is read for it: its fields
// may come back in the answer.
func (b *prefixed) begun(r *http.Request) []byte {
	if b.prefix == nil && r.ContentLength > 0 && r.ContentLength <= csrf.Window && r.Header["Expect"] == nil && csrf.Carries(r.Header.Get("Content-Type")) {
		b.read(int(r.ContentLength)) // a failure shows when it is forwarded
	}
	return b.prefix
}

// rest returns the body to forward and its length: what was read ahead, without the
// bytes that carried the token, then what is still to come; bounded as the route
// says.
func (b *prefixed) rest(r *http.Request, p *sanmon.Passage) (io.ReadCloser, int64) {
	length := r.ContentLength
	if length == 0 {
		return nil, 0
	}
	src, refused := b.judged(r.ContentLength, p)
	body := src // which fails at once when it was refused
	if b.prefix != nil && refused == nil {
		head := b.prefix
		if p.Cut.Found() {
			head = append(append(make([]byte, 0, len(head)), head[:p.Cut.Start]...), head[p.Cut.End:]...)
			if length > 0 {
				length -= int64(p.Cut.End - p.Cut.Start)
			}
		}
		body = joined{io.MultiReader(bytes.NewReader(head), src), src}
	}
	if p.Route.MaxBody >= 0 && length < 0 {
		body = proxy.LimitBody(body, p.Route.MaxBody)
	}
	return body, length
}

// joined reads from one place and closes another.
type joined struct {
	io.Reader
	io.Closer
}
