package proxy

import (
	"errors"
	"io"
	"net/http"

	"github.com/sanmon-gate/sanmon/exchange"
)

// maxKept is the largest buffer of filtered bytes that is kept for another response.
const maxKept = 4 * copyBuffer

// Content is what happens to the body of a response. The zero Content leaves it as it is.
type Content struct {
	// Decode undoes the coding of the body, so that Filter sees what it stands for. It
	// reads no further ahead than its coding asks for. Nil for none.
	Decode func(io.Reader) io.Reader
	// Filter changes the body. It is closed exactly once, whether the body was complete,
	// broke off, or never came. Nil for none.
	Filter exchange.Filter
	// Refuse, when set, is what Forward returns instead of sending the answer.
	Refuse error
}

// discard ends a content that never comes.
func (c Content) discard() {
	if c.Filter != nil {
		c.Filter.Close(nil)
	}
}

// copyContent moves a body as content says.
func (b *Backend) copyContent(w http.ResponseWriter, body io.Reader, content Content, wt *watch, streams bool) error {
	if body == http.NoBody {
		content.discard()
		return nil
	}
	if content.Decode != nil {
		body = content.Decode(body)
	}
	if content.Filter != nil {
		return b.filterBody(w, body, content.Filter, wt, streams)
	}
	return b.copyBody(w, body, wt, streams)
}

// copyBody moves a body through one pooled buffer. What streams is flushed at
// once, its head before its first byte.
func (b *Backend) copyBody(w http.ResponseWriter, body io.Reader, wt *watch, streams bool) error {
	if streams {
		if err := flush(w); err != nil {
			return errors.Join(ErrClientGone, err)
		}
	}
	buf := b.buffers.Get().(*[copyBuffer]byte)
	defer b.buffers.Put(buf)
	for {
		n, err := body.Read(buf[:])
		if n > 0 {
			if werr := send(w, buf[:n], wt, streams && err == nil); werr != nil {
				return werr
			}
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// filterBody is copyBody with a filter in between. What the filter gives for one read
// leaves with it; what it held back leaves at the end.
func (b *Backend) filterBody(w http.ResponseWriter, body io.Reader, filter exchange.Filter, wt *watch, streams bool) error {
	if streams {
		if err := flush(w); err != nil {
			filter.Close(nil)
			return errors.Join(ErrClientGone, err)
		}
	}
	buf := b.buffers.Get().(*[copyBuffer]byte)
	defer b.buffers.Put(buf)
	out := b.filtered.Get().(*[]byte)
	defer b.keep(out)
	for {
		n, err := body.Read(buf[:])
		*out = (*out)[:0]
		if n > 0 {
			*out = filter.Push(*out, buf[:n])
		}
		if err != nil {
			*out = filter.Close(*out)
		}
		if len(*out) > 0 {
			if werr := send(w, *out, wt, streams && err == nil); werr != nil {
				if err == nil {
					filter.Close(nil)
				}
				return werr
			}
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// keep takes a buffer of filtered bytes back, unless it grew out of proportion.
func (b *Backend) keep(out *[]byte) {
	if cap(*out) <= maxKept {
		b.filtered.Put(out)
	}
}

// send writes p to the client, within the client's time.
func send(w http.ResponseWriter, p []byte, wt *watch, now bool) error {
	wt.waitForClient(true)
	defer wt.waitForClient(false)
	_, err := w.Write(p)
	if err == nil && now {
		err = flush(w)
	}
	if err != nil {
		return errors.Join(ErrClientGone, err)
	}
	return nil
}

// sendWhole is send for all of a body.
func sendWhole(w http.ResponseWriter, p []byte, out *Outgoing, wt *watch) error {
	if out.Gather == nil {
		return send(w, p, wt, false)
	}
	if err := out.Gather(true); err != nil {
		return errors.Join(ErrClientGone, err)
	}
	err := send(w, p, wt, false)
	if last := out.Gather(false); err == nil && last != nil {
		err = errors.Join(ErrClientGone, last)
	}
	return err
}
