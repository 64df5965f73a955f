package upstream

import (
	"bytes"
	"context"
	"net/textproto"
	"strings"
	"sync"
	"time"
)

// Response is an answer whose head has come. It is read by one goroutine; Cut may be
// called by any. Close has to be called.
type Response struct {
	Status int
	Length int64 // of the body as declared; for HEAD and 304 of a body that does not come; -1 unknown
	// Trailer has the announced names of trailer fields; their values are there when the
	// body has ended. Nil for none.
	Trailer map[string][]string
	// Listed says that Connection names fields, which end at this hop.
	Listed bool

	head   string
	fields []span // of conn, valid until Close
	idle   time.Duration
	body   body
	keep   bool
	failed error
	stop   func() bool // takes the connection out of the hands of the context

	mu   sync.Mutex // guards conn against Cut
	conn *conn      // nil when closed
}

// accept makes an answer of a head that counts.
func (c *conn) accept(head []byte, f framing, q *Request) *Response {
	r := &Response{Status: f.status, Listed: f.listed, head: string(head), fields: c.fields, idle: q.Idle, conn: c}
	r.body, r.Length, r.keep = bodyOf(f, q.Method)
	if f.trailer && f.chunked {
		r.announce()
	}
	return r
}

func (r *Response) announce() {
	for i := range r.fields {
		name, value := r.Field(i)
		if name != "Trailer" {
			continue
		}
		for token := range strings.SplitSeq(value, ",") {
			if r.Trailer == nil {
				r.Trailer = make(map[string][]string)
			}
			r.Trailer[textproto.CanonicalMIMEHeaderKey(textproto.TrimString(token))] = nil
		}
	}
}

// Fields is the number of field lines of the head.
func (r *Response) Fields() int { return len(r.fields) }

// Field returns one field line, its name in canonical form. It must not be called after
// Close; the strings stay.
func (r *Response) Field(i int) (name, value string) {
	f := r.fields[i]
	return r.head[f.name:f.colon], r.head[f.value:f.end]
}

// Empty reports whether there is no body, or nothing left of it.
func (r *Response) Empty() bool { return r.body.ending == ended }

// Read implements io.Reader.
func (r *Response) Read(p []byte) (int, error) {
	if r.failed != nil || len(p) == 0 {
		return 0, r.failed
	}
	n, err := r.readBody(p)
	if err != nil {
		r.failed = err
	}
	return n, err
}

// Here reports whether a Read gives bytes of the body, or its fault, without waiting for the
// backend. It may say no where it would.
func (r *Response) Here() bool {
	c := r.conn
	if r.failed != nil || c == nil {
		return false
	}
	b := c.buf[c.r:c.w]
	switch r.body.ending {
	case sized, inChunk, byClosing:
		return len(b) > 0
	case atChunk:
		n := bytes.IndexByte(b, '\n')
		return n >= 0 && n+1 < len(b) && b[0] != '0' // 0 may be the last one, behind which a trailer can be late
	}
	return false
}

// Whole returns what is left of the body if all of it has been received already; nil when
// not. It is valid until Close, and the body has ended with it.
func (r *Response) Whole() []byte {
	c := r.conn
	if r.failed != nil || r.body.ending != sized || r.body.left > int64(c.w-c.r) {
		return nil
	}
	b := c.buf[c.r : c.r+int(r.body.left)]
	c.r += len(b)
	r.body = body{}
	return b
}

// Close gives the connection back if the answer ended where its framing said and nothing
// follows, and ends it otherwise. It may be called twice.
func (r *Response) Close() error {
	r.mu.Lock()
	c, keep := r.conn, r.keep
	r.conn = nil
	r.mu.Unlock()
	if c == nil {
		return nil
	}
	r.failed = errClosed
	r.fields = nil
	if mine := r.stop(); mine && keep && r.body.ending == ended && c.r == c.w {
		c.pool.put(c)
	} else {
		c.end()
	}
	return nil
}

// Cut ends the connection under a read that waits. After Close it does nothing.
func (r *Response) Cut() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.conn != nil {
		r.keep = false
		r.conn.end()
	}
}

// never is for contexts that cannot end.
func never() bool { return true }

// watch ends the connection when ctx ends. What it returns takes that back and reports
// whether the connection still is the caller's.
func (c *conn) watch(ctx context.Context) (stop func() bool) {
	if ctx.Done() == nil {
		return never
	}
	return context.AfterFunc(ctx, c.kill)
}
