package upstream

import (
	"context"
	"net"
	"sync"
	"time"
)

// Pool keeps connections to one backend. It is safe for concurrent use. It bounds what is
// idle; what is in use is bounded by those who ask.
type Pool struct {
	options Options
	dialer  net.Dialer
	wide    sync.Pool // of *[wideBuffer]byte

	mu     sync.Mutex
	idle   []*conn     // the one used last at the end
	timer  *time.Timer // runs expire
	armed  bool        // the timer is going to
	closed bool
}

// New connects to nothing.
func New(o Options) *Pool {
	p := &Pool{options: o, dialer: net.Dialer{Timeout: o.DialTimeout, KeepAlive: 30 * time.Second}}
	p.timer = time.AfterFunc(time.Hour, p.expire)
	p.timer.Stop()
	return p
}

// Close ends the idle connections; those in use end with their exchange. Requests may
// still be made: their connections are not kept.
func (p *Pool) Close() {
	p.mu.Lock()
	idle := p.idle
	p.idle, p.closed = nil, true
	p.timer.Stop()
	p.mu.Unlock()
	for _, c := range idle {
		c.end()
	}
}

// Idle is the number of connections that are kept and not in use.
func (p *Pool) Idle() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.idle)
}

// take returns the connection that was used last, if it still is open and silent; nil
// for none. What says anything unasked is never used (a response that nobody waits for
// would be taken for the next one's).
func (p *Pool) take(now time.Time) *conn {
	for {
		c := p.pop()
		if c == nil {
			return nil
		}
		if now.Sub(c.since) < p.options.IdleTimeout && c.silent() {
			c.reused = true
			return c
		}
		c.end()
	}
}

func (p *Pool) pop() *conn {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := len(p.idle) - 1
	if n < 0 {
		return nil
	}
	c := p.idle[n]
	p.idle[n] = nil
	p.idle = p.idle[:n]
	return c
}

// put takes a connection back whose answer ended in order.
func (p *Pool) put(c *conn) {
	c.rest()
	p.mu.Lock()
	full := p.closed || len(p.idle) >= p.options.MaxIdle
	if !full {
		p.idle = append(p.idle, c)
		if !p.armed {
			p.armed = true
			p.timer.Reset(p.options.IdleTimeout)
		}
	}
	p.mu.Unlock()
	if full {
		c.end()
	}
}

// expire ends what has been idle for too long, and comes back while anything is.
func (p *Pool) expire() {
	now := time.Now()
	p.mu.Lock()
	n := 0
	for n < len(p.idle) && now.Sub(p.idle[n].since) >= p.options.IdleTimeout {
		n++
	}
	old := append([]*conn(nil), p.idle[:n]...)
	left := copy(p.idle, p.idle[n:])
	clear(p.idle[left:])
	p.idle = p.idle[:left]
	if p.armed = left > 0 && !p.closed; p.armed {
		p.timer.Reset(p.options.IdleTimeout - now.Sub(p.idle[0].since))
	}
	p.mu.Unlock()
	for _, c := range old {
		c.end()
	}
}

func (p *Pool) dial(ctx context.Context) (*conn, error) {
	nc, err := p.dialer.DialContext(ctx, "tcp", p.options.Address)
	if err != nil {
		return nil, err
	}
	return newConn(p, nc)
}
