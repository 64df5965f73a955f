package wire

import "time"

// startRead puts the read deadline in force. net/http moves it several times for
// each request and reads only after some of that; each move below is a walk
// through the runtime's timers, so the last one alone is applied. While a body is
// read and net/http set no deadline, every read gets BodyStall of its own: an
// upload may take as long as it moves.
func (c *conn) startRead() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.reading = true
	want := c.wanted
	if want.IsZero() && c.judge.phase >= inBody {
		want = time.Now().Add(c.server.config.BodyStall)
	}
	c.apply(want)
}

func (c *conn) endRead() {
	c.mu.Lock()
	c.reading = false
	c.mu.Unlock()
}

// apply is called with mu held.
func (c *conn) apply(t time.Time) {
	if !t.Equal(c.applied) {
		_ = c.Conn.SetReadDeadline(t) // fails on a closed connection only, as the read will
		c.applied = t
	}
}

// SetReadDeadline implements net.Conn.
func (c *conn) SetReadDeadline(t time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.wanted = t
	if c.reading || c.state.Load() == transparent {
		c.apply(t)
	}
	c.changed.Broadcast()
	return nil
}

// allowWrite gives a write at least WriteStall. The deadline below is moved only
// when less than that is left of twice as much, so that most writes move nothing.
func (c *conn) allowWrite() error {
	if c.ownWrite.Load() {
		return nil
	}
	stall := c.server.config.WriteStall
	now := time.Now()
	if c.writable.Load() >= now.Add(stall).UnixNano() {
		return nil
	}
	until := now.Add(2 * stall)
	c.writable.Store(until.UnixNano())
	return c.Conn.SetWriteDeadline(until)
}

// SetWriteDeadline implements net.Conn. net/http takes its deadline away after
// each response; ours stays, since the next write renews it.
func (c *conn) SetWriteDeadline(t time.Time) error {
	if t.IsZero() && c.state.Load() != transparent {
		if !c.ownWrite.Swap(false) {
			return nil
		}
		c.writable.Store(0)
	} else {
		c.ownWrite.Store(true)
	}
	return c.Conn.SetWriteDeadline(t)
}

// SetDeadline implements net.Conn. net/http calls it when the connection is
// hijacked; whoever took it over sets deadlines of their own from there on.
func (c *conn) SetDeadline(t time.Time) error {
	c.mu.Lock()
	c.wanted, c.applied = t, t
	c.changed.Broadcast()
	c.mu.Unlock()
	c.ownWrite.Store(true)
	return c.Conn.SetDeadline(t)
}
