package wire

import (
	"context"
	"net"
	"sync"
)

// gathering is what a connection holds back during one write of an answer. net/http writes
// its head, or the size of a chunk, with the first bytes of it, then the rest, and the end
// of the chunk when it is flushed; they leave in one system call.
type gathering struct {
	buf  [4 << 10]byte // as much as net/http writes at first
	n    int
	list [2][]byte
	vec  net.Buffers // over list; WriteTo consumes it
}

var gatherings = sync.Pool{New: func() any { return new(gathering) }}

// Gather begins (begin is true) and ends the time in which small writes to the connection
// of a request wait for what follows them. What still waits at the end is written then.
// Both calls are the handler's, on its goroutine, around writes that wait for nobody:
// between them nothing is promised to reach the client. On HTTP/2, on TLS, and on
// connections of another server it does nothing.
func Gather(ctx context.Context, begin bool) error {
	p := from(ctx)
	if p == nil || p.judged == nil {
		return nil
	}
	return p.judged.gathers(begin)
}

func (c *conn) gathers(begin bool) error {
	if begin {
		if c.tcp != nil && c.gather == nil {
			c.gather = gatherings.Get().(*gathering)
		}
		return nil
	}
	g := c.gather
	if g == nil {
		return nil
	}
	c.gather = nil
	var err error
	if g.n > 0 && c.state.Load() != refused {
		_, err = c.Conn.Write(g.buf[:g.n])
	}
	g.n = 0
	gatherings.Put(g)
	return err
}

// write holds p back if it fits, else writes it behind what was held. The count is of p.
func (g *gathering) write(c *net.TCPConn, p []byte) (int, error) {
	if g.n+len(p) <= len(g.buf) {
		g.n += copy(g.buf[g.n:], p)
		return len(p), nil
	}
	if g.n == 0 {
		return c.Write(p)
	}
	held := g.n
	g.n, g.list = 0, [2][]byte{g.buf[:held], p}
	g.vec = g.list[:]
	n, err := g.vec.WriteTo(c)
	g.list = [2][]byte{}
	return max(int(n)-held, 0), err
}
