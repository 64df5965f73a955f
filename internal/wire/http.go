package wire

import (
	"context"
	"crypto/tls"
	"log"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"time"
)

// httpServer is a net/http server over judged connections.
func (s *Server) httpServer(h http.Handler) *http.Server {
	c := &s.config
	return &http.Server{
		Handler:                      s.wrap(h),
		ReadHeaderTimeout:            c.ReadHeaderTimeout,
		IdleTimeout:                  c.IdleTimeout,
		MaxHeaderBytes:               c.netHTTPMaxHead,
		DisableGeneralOptionsHandler: true, // "OPTIONS *" is for the gate to refuse
		ErrorLog:                     ErrorLog(c.Log),
		ConnState:                    connState,
		ConnContext: func(ctx context.Context, nc net.Conn) context.Context {
			if p := peerOf(nc); p != nil {
				return context.WithValue(ctx, peerKey{}, p)
			}
			return ctx
		},
		// Bounds on what one HTTP/2 connection may cost (CVE-2019-9511 to 9518,
		// CVE-2023-44487, CVE-2024-27316 are floods of streams, frames and fields).
		HTTP2: &http.HTTP2Config{
			MaxConcurrentStreams:          128,
			MaxReadFrameSize:              16 << 10,
			MaxDecoderHeaderTableSize:     4 << 10,
			MaxEncoderHeaderTableSize:     4 << 10,
			MaxReceiveBufferPerConnection: 1 << 20,
			MaxReceiveBufferPerStream:     256 << 10,
			SendPingTimeout:               30 * time.Second,
			PingTimeout:                   15 * time.Second,
			WriteByteTimeout:              c.WriteStall,
		},
	}
}

// wrap marks the time in which a handler may write, and watches HTTP/2 streams.
func (s *Server) wrap(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p := from(r.Context())
		if p != nil && p.judged != nil {
			p.judged.handling.Store(true)
			// A handler that leaves a wrapper in r.Body hides from net/http that the
			// body was not read to its end, and the rest would be read as a request.
			body := r.Body
			h.ServeHTTP(w, r)
			r.Body = body
			return
		}
		st := watchStream(w, r, s.config.BodyStall, s.config.WriteStall)
		defer st.end()
		h.ServeHTTP(st, r)
	})
}

// connState follows what net/http does with a judged connection.
func connState(nc net.Conn, state http.ConnState) {
	c := judgedOf(nc)
	if c == nil {
		return
	}
	switch state {
	case http.StateIdle:
		c.served.Store(true)
		c.handling.Store(false)
	case http.StateHijacked:
		c.hijacked()
	}
}

func judgedOf(nc net.Conn) *conn {
	switch c := nc.(type) {
	case *conn:
		return c
	case tlsConn:
		return c.conn
	}
	return nil
}

func peerOf(nc net.Conn) *peer {
	if c := judgedOf(nc); c != nil {
		return c.peer
	}
	if c, ok := nc.(*tls.Conn); ok {
		if t, ok := c.NetConn().(*tracked); ok {
			return t.peer
		}
	}
	return nil
}

// ErrorLog is what a server of net/http is given to complain to. Without one it writes to
// standard error, past every net under the log.
func ErrorLog(to *slog.Logger) *log.Logger { return log.New(errorLog{to}, "", 0) }

// errorLog takes net/http's log lines. They may quote what a client sent or a
// handler panicked with, so only the peer is kept.
type errorLog struct{ log *slog.Logger }

func (e errorLog) Write(line []byte) (int, error) {
	text := string(line)
	peer := ""
	for word := range strings.FieldsSeq(text) {
		if ap, err := netip.ParseAddrPort(strings.TrimRight(word, ":")); err == nil {
			peer = ap.String()
			break
		}
	}
	if strings.Contains(text, "panic serving") {
		e.log.Error("a handler panicked", "peer", peer)
	} else {
		e.log.Debug("connection failed", "peer", peer)
	}
	return len(line), nil
}
