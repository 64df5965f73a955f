package upstream

import (
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"syscall"
	"time"
)

// conn is one connection. It carries one exchange at a time and belongs to whoever runs
// it; only kill may be called by others.
type conn struct {
	pool *Pool
	net  net.Conn
	raw  syscall.RawConn
	kill func()           // closes net; bound once
	look func(fd uintptr) // sets quiet; bound once
	take func(fd uintptr) // receives into room, and sets taken; bound once

	room  []byte
	taken int

	quiet  bool      // the last look found the connection open and nothing to read
	since  time.Time // when it became idle
	reused bool

	buf      []byte            // buf[r:w] was received and not yet read
	own      []byte            // what buf is between answers
	wide     *[wideBuffer]byte // what buf is while an answer is read that may be large; nil when it is own
	large    bool              // the last answer did not fit into own
	r, w     int
	received bool   // anything of the present answer
	out      []byte // the request as it is written
	order    []line // its fields, sorted
	fields   []span // of the present head
}

func newConn(p *Pool, nc net.Conn) (*conn, error) {
	c := &conn{pool: p, net: nc, own: make([]byte, readBuffer)}
	c.buf = c.own
	c.kill = func() { _ = nc.Close() }
	c.look = func(fd uintptr) { c.quiet = nothingToRead(fd) }
	c.take = func(fd uintptr) { c.taken = receive(fd, c.room) }
	sc, ok := nc.(syscall.Conn)
	if !ok {
		_ = nc.Close()
		return nil, errors.New("the connection has no socket")
	}
	raw, err := sc.SyscallConn()
	if err != nil {
		_ = nc.Close()
		return nil, err
	}
	c.raw = raw
	return c, nil
}

func (c *conn) end() { _ = c.net.Close() }

// silent reports whether the connection is open and has nothing to say.
func (c *conn) silent() bool {
	c.quiet = false
	return c.raw.Control(c.look) == nil && c.quiet
}

// rest makes a connection idle: what a large exchange took is given back.
func (c *conn) rest() {
	c.large = c.w >= readBuffer
	c.since, c.r, c.w = time.Now(), 0, 0
	if c.wide != nil {
		c.pool.wide.Put(c.wide)
		c.wide = nil
	}
	c.buf = c.own
	if cap(c.out) > keptRequest {
		c.out = nil
	}
	clear(c.order[:cap(c.order)]) // values of a request are not kept
}

// widen makes room for an answer as large as the last one: one that comes as a whole is
// read at once, and sent on without a copy.
func (c *conn) widen() {
	if !c.large {
		return
	}
	if c.wide, _ = c.pool.wide.Get().(*[wideBuffer]byte); c.wide == nil {
		c.wide = new([wideBuffer]byte)
	}
	c.buf = c.wide[:]
}

// send writes the request in one piece. n is how much of it was taken.
func (c *conn) send(deadline time.Time) (n int, err error) {
	if err := c.net.SetDeadline(deadline); err != nil {
		return 0, err
	}
	return c.net.Write(c.out)
}

// fill reads more into the buffer, which grows up to the size of a head and keeps what is
// before w where it is.
func (c *conn) fill() error {
	if c.w == len(c.buf) {
		if len(c.buf) >= maxHead {
			return Malformed("a head or a line is too large")
		}
		c.buf = append(c.buf, make([]byte, len(c.buf))...)
	}
	n, err := c.net.Read(c.buf[c.w:])
	c.w += n
	if n > 0 {
		c.received = true
		return nil
	}
	if err == nil {
		err = io.ErrNoProgress
	}
	return err
}

// compact moves what was not yet read to the beginning of the buffer.
func (c *conn) compact() {
	if c.r > 0 {
		c.w = copy(c.buf, c.buf[c.r:c.w])
		c.r = 0
	}
}

// read gives what is buffered, then reads past the buffer. Where the buffer was filled, so
// that more is likely to be there, that comes along: each piece more is a write more to
// the client.
func (c *conn) read(p []byte, idle time.Duration) (int, error) {
	if c.r < c.w {
		n := copy(p, c.buf[c.r:c.w])
		if c.r += n; n < len(p) && c.w == len(c.buf) {
			n += c.present(p[n:])
		}
		return n, nil
	}
	if err := c.net.SetReadDeadline(time.Now().Add(idle)); err != nil {
		return 0, err
	}
	return c.net.Read(p)
}

// present reads what has been received already, without waiting. What goes wrong shows
// with the next read that waits.
func (c *conn) present(p []byte) int {
	c.room, c.taken = p, 0
	err := c.raw.Control(c.take)
	c.room = nil
	if err != nil {
		return 0
	}
	return c.taken
}

// line returns the next line without its CRLF; it is valid until the next read.
func (c *conn) line(limit int, idle time.Duration) ([]byte, error) {
	for scanned := 0; ; {
		end, err := lineEnd(c.buf[c.r:c.w], scanned)
		if err != nil {
			return nil, err
		}
		if end > limit || end < 0 && c.w-c.r > limit+1 {
			return nil, Malformed("a line of the body's framing is too long")
		}
		if end >= 0 {
			l := c.buf[c.r : c.r+end]
			c.r += end + 2
			return l, nil
		}
		scanned = c.w - c.r
		c.compact()
		if err := c.net.SetReadDeadline(time.Now().Add(idle)); err != nil {
			return nil, err
		}
		if err := c.fill(); err != nil {
			return nil, err
		}
	}
}

// lineBuffered reports whether a whole line has been received.
func (c *conn) lineBuffered() bool { return bytes.IndexByte(c.buf[c.r:c.w], '\n') >= 0 }

func isTimeout(err error) bool { return errors.Is(err, os.ErrDeadlineExceeded) }
