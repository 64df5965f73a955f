package proxy

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync/atomic"

	"github.com/sanmon-gate/sanmon/refusal"
)

// ErrClientGone says that the client went away: there is nobody to answer.
var ErrClientGone = errors.New("the client is gone")

// LimitBody returns body cut off at limit bytes: a Read that would deliver more
// fails with a *refusal.Refusal of BodyTooLarge. It is not safe for concurrent
// reads.
func LimitBody(body io.ReadCloser, limit int64) io.ReadCloser {
	return &limitedBody{ReadCloser: body, left: limit, limit: limit}
}

type limitedBody struct {
	io.ReadCloser
	left, limit int64
	err         error
}

func (l *limitedBody) Read(p []byte) (int, error) {
	if l.err != nil || len(p) == 0 {
		return 0, l.err
	}
	if int64(len(p))-1 > l.left {
		p = p[:l.left+1] // one more byte shows that there is more
	}
	n, err := l.ReadCloser.Read(p)
	if int64(n) > l.left {
		n = int(l.left)
		err = refusal.New(refusal.BodyTooLarge, "the body is longer than %d bytes [raise input.max_body of the route, or send less]", l.limit)
	}
	l.left -= int64(n)
	l.err = err
	return n, err
}

// clientBody is a request body on its way to the backend. It remembers why the
// client's side failed, tells the watch about progress, and fills the trailers in
// when the body has ended. The transport reads it in a goroutine that may outlive
// RoundTrip.
type clientBody struct {
	io.ReadCloser
	watch   *watch
	failed  atomic.Pointer[error]
	ended   atomic.Bool // it was read to its end
	source  http.Header // the client's trailers; complete at the end of the body
	trailer http.Header // what the transport sends; nil without trailers
}

func streamBody(base *http.Request, r *http.Request, out *Outgoing, wt *watch) *clientBody {
	cb := &clientBody{ReadCloser: out.Body, watch: wt}
	base.Body = cb
	base.ContentLength = out.ContentLength
	if out.ContentLength < 0 {
		base.TransferEncoding = []string{"chunked"} // said outright, or the transport probes the body of a GET
		cb.trailer = requestTrailer(r.Trailer, out.Trailer)
		cb.source = r.Trailer
		base.Trailer = cb.trailer
	}
	return cb
}

// Read implements io.Reader.
func (c *clientBody) Read(p []byte) (int, error) {
	c.watch.waitForClient(true)
	n, err := c.ReadCloser.Read(p)
	c.watch.waitForClient(false)
	switch {
	case err == io.EOF:
		for name := range c.trailer {
			c.trailer[name] = c.source[name]
		}
		c.ended.Store(true)
	case err != nil:
		c.failed.CompareAndSwap(nil, &err)
	}
	return n, err
}

// failure is what the client's side failed with, nil when it did not.
func (c *clientBody) failure() error {
	if c == nil {
		return nil
	}
	if err := c.failed.Load(); err != nil {
		return bodyFailure(*err)
	}
	return nil
}

// bodyFailure turns a failed read of the client's body into what Forward returns.
func bodyFailure(err error) error {
	if no, ok := errors.AsType[*refusal.Refusal](err); ok {
		return no
	}
	return fmt.Errorf("%w: reading the request body: %w", ErrClientGone, err)
}
