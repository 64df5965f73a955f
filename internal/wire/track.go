package wire

import (
	"net"
	"net/netip"
	"sync"
)

type peerAddr = netip.Addr

// tracked is an accepted connection: it holds a slot until it is closed.
type tracked struct {
	net.Conn
	server *Server
	peer   *peer
	once   sync.Once

	first  byte
	peeked bool // first was read and not yet delivered; of the reading goroutine
}

// track takes a connection in, or closes it and returns nil when its address has
// too many already or the server has ended.
func (s *Server) track(c net.Conn) *tracked {
	t := &tracked{Conn: c, server: s, peer: &peer{addr: addrPort(c.RemoteAddr())}}
	addr := t.peer.addr.Addr()
	s.mu.Lock()
	full := s.ended || s.config.MaxConnsPerPeer > 0 && s.peers[addr] >= s.config.MaxConnsPerPeer
	if !full {
		s.conns[t] = struct{}{}
		s.peers[addr]++
	}
	s.mu.Unlock()
	if full {
		_ = c.Close()
		<-s.slots
		return nil
	}
	return t
}

// Close implements net.Conn and gives the slot back.
func (t *tracked) Close() error {
	err := t.Conn.Close()
	t.once.Do(func() {
		s, addr := t.server, t.peer.addr.Addr()
		s.mu.Lock()
		delete(s.conns, t)
		if s.peers[addr]--; s.peers[addr] <= 0 {
			delete(s.peers, addr)
		}
		s.mu.Unlock()
		<-s.slots
	})
	return err
}

// CloseWrite ends the sending side.
func (t *tracked) CloseWrite() error {
	if half, ok := t.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return t.Close()
}

// peek reads the first byte and leaves it to be read.
func (t *tracked) peek() (byte, error) {
	var b [1]byte
	if _, err := t.Conn.Read(b[:]); err != nil {
		return 0, err
	}
	t.first, t.peeked = b[0], true
	return t.first, nil
}

// Read implements net.Conn.
func (t *tracked) Read(p []byte) (int, error) {
	if t.peeked && len(p) > 0 {
		t.peeked = false
		p[0] = t.first
		return 1, nil
	}
	return t.Conn.Read(p)
}

// closeConns closes the connections that which picks. After a call that picks all,
// none is taken in any more.
func (s *Server) closeConns(which func(*tracked) bool) {
	s.mu.Lock()
	s.ended = true
	var picked []*tracked
	for t := range s.conns {
		if which(t) {
			picked = append(picked, t)
		}
	}
	s.mu.Unlock()
	for _, t := range picked {
		_ = t.Close()
	}
}

// queue is the listener that net/http accepts from.
type queue struct {
	addr  net.Addr
	conns chan net.Conn
	done  chan struct{}
	once  sync.Once
}

func newQueue(addr net.Addr) *queue {
	return &queue{addr: addr, conns: make(chan net.Conn), done: make(chan struct{})}
}

// offer hands c to net/http, or closes it when net/http no longer accepts.
func (q *queue) offer(c net.Conn) {
	select {
	case q.conns <- c:
	case <-q.done:
		_ = c.Close()
	}
}

// Accept implements net.Listener.
func (q *queue) Accept() (net.Conn, error) {
	select {
	case c := <-q.conns:
		return c, nil
	case <-q.done:
		return nil, net.ErrClosed
	}
}

// Close implements net.Listener.
func (q *queue) Close() error {
	q.once.Do(func() { close(q.done) })
	return nil
}

// Addr implements net.Listener.
func (q *queue) Addr() net.Addr { return q.addr }
