package server

import (
	"errors"
	"io"

	"github.com/sanmon-gate/sanmon"
)

// judgedBody is a large multipart body whose fields are judged while it is forwarded. The
// end is judged before the last bytes are handed on, so that a backend never holds a
// whole body that was refused.
type judgedBody struct {
	io.ReadCloser
	passage *sanmon.Passage
	left    int64 // bytes to come; negative: unknown
	err     error
}

// judged returns the source of the body behind what was read ahead, and what is wrong with
// that part. The route and the judge are read from p now; the rest of p belongs to the
// visit.
func (b *prefixed) judged(length int64, p *sanmon.Passage) (io.ReadCloser, error) {
	if p.Parts == nil {
		return b.src, nil
	}
	j := &judgedBody{ReadCloser: b.src, passage: &sanmon.Passage{Route: p.Route, Parts: p.Parts}, left: -1}
	if length > 0 {
		j.left = length - p.Parts.Pushed()
	}
	j.err = j.judge(b.prefix[p.Parts.Pushed():], b.whole)
	return j, j.err
}

// Read implements io.Reader.
func (j *judgedBody) Read(b []byte) (int, error) {
	if j.err != nil || len(b) == 0 {
		return 0, j.err
	}
	n, err := j.ReadCloser.Read(b)
	if refused := j.judge(b[:n], errors.Is(err, io.EOF)); refused != nil {
		j.err = refused
		return 0, refused
	}
	j.err = err
	return n, err
}

func (j *judgedBody) judge(b []byte, ended bool) error {
	if err := j.passage.PushParts(j.passage.Parts, b); err != nil {
		return err
	}
	if j.left > 0 {
		j.left -= int64(len(b))
	}
	if ended || j.left == 0 {
		return j.passage.Parts.Close()
	}
	return nil
}
