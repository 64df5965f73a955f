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

// client is where an answer goes.
type client struct {
	w       http.ResponseWriter
	gather  func(begin bool) error // as in Outgoing
	watch   *watch
	streams bool // what comes is sent on at once
	here    bool // the first bytes of the body are: the head leaves with them, in one write
}

// copyContent moves a body as content says.
func (b *Backend) copyContent(c client, body io.Reader, content Content) error {
	if body == http.NoBody {
		content.discard()
		return nil
	}
	if content.Decode != nil {
		body = content.Decode(body)
		c.here = false // it may need more than what is here
	}
	if content.Filter != nil {
		return b.filterBody(c, body, content.Filter)
	}
	return b.copyBody(c, body)
}

// copyBody moves a body through one pooled buffer. What streams is flushed at once, its head
// before the wait for its first byte.
func (b *Backend) copyBody(c client, body io.Reader) error {
	if err := c.begin(); err != nil {
		return err
	}
	buf := b.buffers.Get().(*[copyBuffer]byte)
	defer b.buffers.Put(buf)
	for {
		n, err := body.Read(buf[:])
		if n > 0 {
			if werr := c.send(buf[:n], err != nil); werr != nil {
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
// leaves with it; what it held back leaves at the end. The head waits for no second read.
func (b *Backend) filterBody(c client, body io.Reader, filter exchange.Filter) error {
	if err := c.begin(); err != nil {
		filter.Close(nil)
		return err
	}
	buf := b.buffers.Get().(*[copyBuffer]byte)
	defer b.buffers.Put(buf)
	out := b.filtered.Get().(*[]byte)
	defer b.keep(out)
	for {
		n, err := body.Read(buf[:])
		headless := c.here
		c.here = false
		*out = (*out)[:0]
		if n > 0 {
			*out = filter.Push(*out, buf[:n])
		}
		if err != nil {
			*out = filter.Close(*out)
		}
		if len(*out) > 0 {
			if werr := c.send(*out, err != nil); werr != nil {
				if err == nil {
					filter.Close(nil)
				}
				return werr
			}
		} else if headless && err == nil {
			if werr := c.begin(); werr != nil {
				filter.Close(nil)
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

// begin sends the head of what streams, unless something follows it at once.
func (c client) begin() error {
	if !c.streams || c.here {
		return nil
	}
	if err := flush(c.w); err != nil {
		return errors.Join(ErrClientGone, err)
	}
	return nil
}

// send writes p to the client, within the client's time and in one piece where that can
// be. Unless it is the last, and the end of the answer sends it anyway, what streams leaves
// at once.
func (c client) send(p []byte, last bool) error {
	c.watch.waitForClient(true)
	defer c.watch.waitForClient(false)
	if c.gather != nil {
		if err := c.gather(true); err != nil {
			return errors.Join(ErrClientGone, err)
		}
	}
	_, err := c.w.Write(p)
	if err == nil && c.streams && !last {
		err = flush(c.w)
	}
	if c.gather != nil {
		if gerr := c.gather(false); err == nil {
			err = gerr
		}
	}
	if err != nil {
		return errors.Join(ErrClientGone, err)
	}
	return nil
}
