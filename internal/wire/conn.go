package wire

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// errRefused is what net/http gets to read when the answer was already written.
var errRefused = errors.New("refused below net/http")

// The states of a connection.
const (
	judging     int32 = iota
	refused           // answered here: net/http writes into the void
	transparent       // hijacked: no longer HTTP
)

// conn is an HTTP/1.x connection under net/http whose bytes are judged on their
// way up. It also turns net/http's deadlines, which are points in time, into what
// is wanted: progress.
//
// net/http calls Read from one goroutine at a time; that is the only thing about
// concurrency that is taken for granted.
type conn struct {
	net.Conn              // plain or decrypted
	tcp      *net.TCPConn // below Conn when nothing is encrypted between; else nil
	server   *Server
	peer     *peer
	state    atomic.Int32
	handling atomic.Bool // from a handler's begin until its response is out
	served   atomic.Bool // net/http has answered a request, and waited for the next

	judge   judge      // of the reading goroutine
	pending *violation // what judge found and nobody was told yet
	held    []byte     // the bytes from there on
	cut     bool       // the connection ended, or was too slow, within a request

	mu      sync.Mutex
	changed sync.Cond // on mu: wanted or state
	wanted  time.Time // read deadline that net/http set
	applied time.Time // read deadline that the connection below has
	reading bool
	closed  bool
	answers bool // in place: Close waits for the answer

	base context.Context // of the reading goroutine: what is answered in place gets it

	gather *gathering // of the handler's goroutine; nil when nothing is held back

	writable atomic.Int64 // write deadline of the connection below, Unix nanoseconds
	ownWrite atomic.Bool  // somebody set a write deadline of their own
}

func newConn(c net.Conn, s *Server, p *peer) *conn {
	j := &conn{Conn: c, server: s, peer: p, judge: judge{maxHead: s.config.MaxHead}}
	j.changed.L = &j.mu
	if t, ok := c.(*tracked); ok {
		j.tcp, _ = t.Conn.(*net.TCPConn)
	}
	return j
}

// tlsConn tells net/http that the bytes came over TLS, so that it sets Request.TLS.
type tlsConn struct {
	*conn
	tls *tls.Conn
}

func (c tlsConn) ConnectionState() tls.ConnectionState { return c.tls.ConnectionState() }

// Read implements net.Conn. It delivers no byte of a request that is at fault from
// the fault on, and of one that came in one piece none at all.
func (c *conn) Read(p []byte) (int, error) {
	switch {
	case c.state.Load() == transparent:
		return c.readHeld(p)
	case c.pending != nil:
		return c.fault(p)
	}
	for {
		idle := c.idle(p)
		n, err := c.readJudged(p)
		if idle && c.pending == nil && c.asked(p[:n]) {
			taken, err := c.inPlace(p[:n])
			if err != nil {
				return 0, err
			}
			if taken {
				continue
			}
		}
		return n, err
	}
}

func (c *conn) readJudged(p []byte) (int, error) {
	c.startRead()
	n, err := c.Conn.Read(p)
	c.endRead()
	c.cut = err != nil && c.judge.phase != atStart
	if n > 0 {
		c.peer.started.Store(true)
		good, v := c.judge.feed(p[:n])
		if v != nil {
			c.pending, c.held = v, bytes.Clone(p[good:n])
			if good > 0 {
				return good, nil
			}
			return c.fault(p)
		}
	}
	return n, err
}

// readHeld reads what no longer is HTTP, first what was held back as none.
func (c *conn) readHeld(p []byte) (int, error) {
	if len(c.held) > 0 {
		n := copy(p, c.held)
		c.held = c.held[n:]
		return n, nil
	}
	return c.Conn.Read(p)
}

// fault tells the reader of a violation. There are three:
// a handler that reads its body gets the refusal as error and answers itself;
// net/http that wants the next request gets an error after the answer was written;
// net/http that watches the connection while a handler runs (it reads one byte
// then, see connReader.backgroundRead) waits until the handler is done, because an
// error would cancel a request that has nothing wrong with it.
func (c *conn) fault(p []byte) (int, error) {
	v := c.pending
	switch {
	case c.state.Load() == refused:
		return 0, c.readError(errRefused)
	case v.body:
		if c.peer.broken.CompareAndSwap(nil, v) {
			c.server.tell(c.peer, "", v)
		}
		return 0, v.refusal()
	case len(p) == 1:
		return c.waitForHandler(p)
	}
	c.refuse(v)
	return 0, c.readError(errRefused)
}

// readError is an error that net/http neither answers nor logs.
func (c *conn) readError(err error) error {
	return &net.OpError{Op: "read", Net: "tcp", Addr: c.RemoteAddr(), Err: err}
}

func (c *conn) waitForHandler(p []byte) (int, error) {
	c.mu.Lock()
	for !c.closed && c.state.Load() == judging && (c.wanted.IsZero() || time.Until(c.wanted) > 0) {
		c.changed.Wait()
	}
	closed := c.closed
	c.mu.Unlock()
	switch {
	case c.state.Load() == transparent:
		return c.readHeld(p)
	case closed:
		return 0, c.readError(net.ErrClosed)
	}
	return 0, c.readError(os.ErrDeadlineExceeded)
}

// Write implements net.Conn. What net/http writes while no handler runs is its own
// refusal of something that the judge let through; it is replaced by ours. Of a head that was
// cut it takes the part of a line for a whole one and refuses that: nobody has to hear of it,
// as nobody does when the cut is between two lines.
func (c *conn) Write(p []byte) (int, error) {
	switch c.state.Load() {
	case refused:
		return len(p), nil
	case judging:
		if !c.handling.Load() {
			if c.cut {
				c.state.Store(refused)
				return len(p), nil
			}
			c.refuse(header("net/http does not take the request [send a plain HTTP/1.1 request]"))
			return len(p), nil
		}
		if err := c.allowWrite(); err != nil {
			return 0, err
		}
	}
	if c.gather != nil {
		return c.gather.write(c.tcp, p)
	}
	return c.Conn.Write(p)
}

// Close implements net.Conn.
func (c *conn) Close() error {
	c.mu.Lock()
	c.closed = true
	c.changed.Broadcast()
	answers := c.answers
	c.mu.Unlock()
	if answers {
		return nil // a request that net/http does not know of is being answered; endAnswer closes
	}
	return c.Conn.Close()
}

// CloseWrite ends the sending side.
func (c *conn) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return c.Conn.Close()
}

// hijacked makes the connection transparent: what follows is another protocol.
func (c *conn) hijacked() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.state.Store(transparent)
	c.changed.Broadcast()
}
