package proxy

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// tunnel answers 101 and carries bytes both ways until either side ends, nothing
// moves for TunnelIdle, or the owner's tunnels are cut. The error is for w; once
// the connection is taken over there is none.
func (b *Backend) tunnel(w http.ResponseWriter, req *http.Request, res *http.Response, out *Outgoing) error {
	backend, ok := res.Body.(io.ReadWriteCloser)
	if !ok || !out.Upgrade || !sameProtocol(res.Header["Upgrade"], req.Header["Upgrade"]) {
		_ = res.Body.Close()
		return b.unreachable("switched to a protocol that nobody asked for")
	}
	t := &tunnelled{backend: backend}
	remove, err := b.register(out, t.close)
	if err != nil {
		_ = backend.Close()
		return err
	}
	defer remove()

	h := w.Header()
	upgrade := res.Header["Upgrade"]
	moveHeader(h, res.Header)
	if out.Release != nil {
		out.Release(res.StatusCode, h, nil, false).discard()
	}
	h["Connection"], h["Upgrade"] = []string{"Upgrade"}, upgrade

	conn, buffered, err := http.NewResponseController(w).Hijack()
	if err != nil {
		_ = backend.Close()
		return b.unreachable("switched protocols on a connection that cannot (upgrade over HTTP/1.1 only)")
	}
	t.take(conn)
	defer t.close()
	if err := writeSwitch(conn, buffered.Writer, h); err != nil {
		return nil
	}
	t.run(b, buffered.Reader)
	return nil
}

// register makes a long-lived exchange known, so that it can be cut, and sees to it
// that it is at the latest when its credential ends.
func (b *Backend) register(out *Outgoing, cut func()) (remove func(), err error) {
	remove = func() {}
	if b.options.Tunnels != nil {
		if remove, err = b.options.Tunnels.add(out.Owner, out.Principal, cut); err != nil {
			return nil, err
		}
	}
	if !out.Until.IsZero() {
		end, forget := time.AfterFunc(time.Until(out.Until), cut), remove
		remove = func() { end.Stop(); forget() }
	}
	if out.Alive != nil {
		if err := out.Alive(); err != nil {
			remove()
			return nil, err
		}
	}
	return remove, nil
}

// sameProtocol: RFC 9110, Section 7.8: a server must not switch to a protocol that
// was not indicated by the client.
func sameProtocol(got, asked []string) bool {
	return len(got) == 1 && len(asked) == 1 && strings.EqualFold(got[0], asked[0])
}

func writeSwitch(conn net.Conn, w *bufio.Writer, h http.Header) error {
	if err := conn.SetWriteDeadline(time.Now().Add(10 * time.Second)); err != nil {
		return err
	}
	_, _ = w.WriteString("HTTP/1.1 101 Switching Protocols\r\n")
	_ = h.Write(w)
	_, _ = w.WriteString("\r\n")
	if err := w.Flush(); err != nil { // bufio keeps the first error
		return err
	}
	return conn.SetWriteDeadline(time.Time{})
}

// tunnelled is one pair of connections.
type tunnelled struct {
	backend io.ReadWriteCloser
	last    atomic.Int64 // unix nanoseconds of the last byte moved

	mu     sync.Mutex
	client net.Conn
	closed bool
}

func (t *tunnelled) take(client net.Conn) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.client = client
	if t.closed {
		_ = client.Close()
	}
}

// close ends both sides. It may be called at any time, by anyone, twice.
func (t *tunnelled) close() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return
	}
	t.closed = true
	_ = t.backend.Close()
	if t.client != nil {
		_ = t.client.Close()
	}
}

// run copies until one side ends or both are idle, gives the other side a moment
// to finish, closes both and waits for the copies to return.
func (t *tunnelled) run(b *Backend, client io.Reader) {
	t.last.Store(time.Now().UnixNano())
	done := make(chan struct{}, 2)
	carry := func(dst io.Writer, src io.Reader) {
		t.copy(b, dst, src)
		done <- struct{}{}
	}
	go carry(t.backend, client)
	go carry(stalling{t.client}, t.backend)

	ended := t.wait(done, b.options.TunnelIdle)
	if ended == 1 {
		linger := time.NewTimer(time.Second)
		defer linger.Stop()
		select {
		case <-done:
			ended++
		case <-linger.C:
		}
	}
	t.close()
	for ; ended < 2; ended++ {
		<-done
	}
}

// wait returns 1 when one direction has ended, 0 when nothing moved for idle.
func (t *tunnelled) wait(done <-chan struct{}, idle time.Duration) int {
	timer := time.NewTimer(idle)
	defer timer.Stop()
	for {
		select {
		case <-done:
			return 1
		case <-timer.C:
			quiet := time.Since(time.Unix(0, t.last.Load()))
			if quiet >= idle {
				return 0
			}
			timer.Reset(idle - quiet)
		}
	}
}

// copy moves bytes until an end or an error, then ends the writing side.
func (t *tunnelled) copy(b *Backend, dst io.Writer, src io.Reader) {
	buf := b.buffers.Get().(*[copyBuffer]byte)
	defer b.buffers.Put(buf)
	for {
		n, err := src.Read(buf[:])
		if n > 0 {
			t.last.Store(time.Now().UnixNano())
			if _, werr := dst.Write(buf[:n]); werr != nil {
				break
			}
		}
		if err != nil {
			break
		}
	}
	if half, ok := dst.(interface{ CloseWrite() error }); ok {
		_ = half.CloseWrite()
	}
}

// stalling is a client connection that fails when it takes nothing for a minute.
type stalling struct{ net.Conn }

func (s stalling) Write(p []byte) (int, error) {
	if err := s.SetWriteDeadline(time.Now().Add(time.Minute)); err != nil {
		return 0, err
	}
	return s.Conn.Write(p)
}

func (s stalling) CloseWrite() error {
	if half, ok := s.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return nil
}
