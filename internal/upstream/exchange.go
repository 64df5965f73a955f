package upstream

import (
	"context"
	"errors"
	"io"
	"net"
	"time"
)

var (
	errClosed   = errors.New("the answer was closed")
	errSwitched = Malformed("it switches protocols without being asked")
)

// Do writes a request and returns when the head of the answer has come. When ctx ends,
// the connection does, until the answer is closed.
//
// The error is ErrTimeout, a Malformed, an ErrRequest, or of the net package: with Op
// "dial" nobody was reached.
func (p *Pool) Do(ctx context.Context, q *Request) (*Response, error) {
	c := p.take(time.Now())
	for {
		if c == nil {
			var err error
			if c, err = p.dial(ctx); err != nil {
				return nil, err
			}
		}
		r, again, err := c.exchange(ctx, q)
		if err == nil {
			return r, nil
		}
		c.end()
		if !again || !c.reused || ctx.Err() != nil {
			return nil, err
		}
		c = nil // a fresh one, whose failure is the last
	}
}

// exchange is one attempt. again says that it may be made once more on another connection:
// nothing of the request was written, or it may be repeated and its connection ended
// without a word.
func (c *conn) exchange(ctx context.Context, q *Request) (_ *Response, again bool, err error) {
	if err := c.write(q); err != nil {
		return nil, false, err
	}
	c.received = false
	c.widen()
	stop := c.watch(ctx)
	n, werr := c.send(time.Now().Add(q.Timeout))
	if werr != nil && n == 0 {
		stop()
		return nil, true, late(werr)
	}
	r, err := c.answer(q) // even when not all could be written: it may be an early refusal
	if err != nil {
		stop()
		if werr != nil && !isTimeout(err) {
			err = werr
		}
		return nil, q.Repeat && !c.received && gone(err), late(err)
	}
	r.stop = stop
	r.keep = r.keep && werr == nil
	return r, false, nil
}

// answer reads heads until one counts (RFC 9110, Section 15.2).
func (c *conn) answer(q *Request) (*Response, error) {
	for range maxInterim + 1 {
		head, f, err := c.readHead()
		switch {
		case err != nil:
			return nil, unexpected(err)
		case f.status == 101:
			return nil, errSwitched
		case f.status < 200 && (f.chunked || f.length > 0):
			return nil, Malformed("an interim answer announces content")
		case f.status >= 200:
			return c.accept(head, f, q), nil
		}
	}
	return nil, Malformed("too many interim answers")
}

// late turns a deadline that passed into ErrTimeout.
func late(err error) error {
	if isTimeout(err) {
		return ErrTimeout
	}
	return err
}

// gone reports whether a connection ended, rather than said or did something else.
func gone(err error) bool {
	_, op := errors.AsType[*net.OpError](err)
	return (op || errors.Is(err, io.ErrUnexpectedEOF)) && !isTimeout(err)
}
