package wire

import (
	"bytes"
	"context"
	"iter"
	"net/http"
	"strings"
	"time"

	"github.com/sanmon-gate/sanmon/exchange"
	"github.com/sanmon-gate/sanmon/internal/octets"
)

// InPlace answers requests that need nothing of what net/http is there for: no body, no
// stream, no upgrade, one write. It appends a complete HTTP/1.1 response to dst, with
// Content-Length, which keeps the connection; or it returns ok false, has done nothing, and
// net/http gets the request. It runs on the goroutine that reads the connection, whose next
// request waits until it is done. r and its fields are the call's own; ID and Now are empty.
type InPlace func(ctx context.Context, r *exchange.Request, dst []byte) (answer []byte, ok bool)

// answerBytes is what an answer mostly fits in.
const answerBytes = 2 << 10

// inPlace answers the request that b is, if it is one that may be. It reports whether the
// request was taken; then net/http must not see it, and err says whether the connection goes on.
//
// Only a connection that waits for its next request gets here: net/http has served it
// before, so the first request of each connection goes the long way, and the answer before
// is out. What the judge has passed is read again where it lies.
func (c *conn) inPlace(b []byte) (taken bool, err error) {
	r, ok := c.brief(b)
	if !ok || !c.beginAnswer() {
		return false, nil
	}
	defer func() {
		if c.endAnswer() && err == nil {
			err = c.readError(http.ErrServerClosed)
		}
	}()
	var out []byte
	if out, ok = c.server.config.InPlace(c.context(), r, make([]byte, 0, answerBytes)); !ok {
		return false, nil
	}
	if err := c.allowWrite(); err != nil {
		return true, err
	}
	_, err = c.Conn.Write(out)
	return true, err
}

// brief reads a request that is whole in b, is alone there, and may be answered in place.
func (c *conn) brief(b []byte) (*exchange.Request, bool) {
	end := bytes.Index(b, []byte("\r\n\r\n"))
	if end < 0 || end+4 != len(b) || c.judge.phase != atStart || c.judge.head.http10 || c.judge.head.declared || c.judge.head.chunked {
		return nil, false
	}
	text := b[:end+2]
	// The names are brought into the form of net/http where they lie: if it gets them in
	// spite of all, they mean the same to it.
	for line := text[bytes.IndexByte(text, '\n')+1:]; len(line) > 0; line = line[bytes.IndexByte(line, '\n')+1:] {
		octets.Canonical(line[:bytes.IndexByte(line, ':')])
	}
	lines := string(text) // the one copy; what is kept of a request is kept of this
	first, rest, _ := strings.Cut(lines, "\r\n")
	r := &exchange.Request{Method: "GET", Target: first[len("GET ") : len(first)-len(" HTTP/1.1")], Proto: exchange.HTTP11, Secure: c.peer.secure, Peer: c.peer.addr.Addr()}
	f := make(fields, 0, c.judge.lines)
	values := make([]string, c.judge.lines)
	for i := 0; rest != ""; i++ {
		var line string
		line, rest, _ = strings.Cut(rest, "\r\n")
		name, value, _ := strings.Cut(line, ":")
		value = strings.Trim(value, " \t")
		switch name {
		case "Host":
			r.Host = value
			continue
		case "Connection":
			if value != "keep-alive" {
				return nil, false
			}
		case "Expect", "Http2-Settings", "Pragma", "Trailer", "Upgrade":
			return nil, false // net/http acts on these
		}
		values[i] = value
		f = f.add(name, values[i:i+1:i+1])
	}
	r.Fields = f
	return r, true
}

// asked reports whether b begins a request that is answered in place.
func (c *conn) asked(b []byte) bool {
	s := c.server.config.InPlacePrefix
	return len(b) > len("GET ")+len(s) && string(b[:4]) == "GET " && string(b[4:4+len(s)]) == s
}

// idle reports whether the connection waits for its next request, which is read into p.
func (c *conn) idle(p []byte) bool {
	return c.server.config.InPlace != nil && len(p) > 1 && c.served.Load() && !c.handling.Load() && c.judge.phase == atStart
}

// beginAnswer keeps the connection open until endAnswer, unless it is closed already.
func (c *conn) beginAnswer() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return false
	}
	c.server.answering.Add(1)
	c.answers = true
	return true
}

// endAnswer reports whether somebody closed the connection meanwhile: it is closed now. Else
// the time in which the next request has to begin runs from here.
func (c *conn) endAnswer() (closed bool) {
	c.mu.Lock()
	c.answers, closed = false, c.closed
	if idle := c.server.config.IdleTimeout; !closed {
		if until := time.Now().Add(idle); until.Sub(c.wanted) > idle/8 { // every move walks through the runtime's timers
			c.wanted = until
		}
	}
	c.mu.Unlock()
	if closed {
		_ = c.Conn.Close()
	}
	c.server.answering.Add(-1)
	return closed
}

// answered waits until nothing is being answered in place. Called when net/http has closed
// its connections, so that nothing new begins.
func (s *Server) answered(ctx context.Context) error {
	for s.answering.Load() > 0 {
		select {
		case <-time.After(5 * time.Millisecond):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// context is that of the requests that are answered in place.
func (c *conn) context() context.Context {
	if c.base == nil {
		c.base = context.WithValue(context.Background(), peerKey{}, c.peer)
	}
	return c.base
}

// fields are the header fields of a request in the order of their arrival. There are few:
// to walk through them costs less than a map.
type fields []field

type field struct {
	name   string
	values []string
}

func (f fields) add(name string, value []string) fields {
	for i := range f {
		if f[i].name == name {
			f[i].values = append(f[i].values, value...)
			return f
		}
	}
	return append(f, field{name, value})
}

// Values implements exchange.Fields.
func (f fields) Values(name string) []string {
	for i := range f {
		if f[i].name == name {
			return f[i].values
		}
	}
	return nil
}

// All implements exchange.Fields.
func (f fields) All() iter.Seq2[string, []string] {
	return func(yield func(string, []string) bool) {
		for i := range f {
			if !yield(f[i].name, f[i].values) {
				return
			}
		}
	}
}
