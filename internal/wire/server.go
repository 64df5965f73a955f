// Package wire is what stands below net/http: it accepts connections, ends TLS,
// and judges the framing of HTTP/1.x before net/http repairs what must be refused.
//
// net/http silently accepts requests that another reader may split elsewhere:
// Content-Length beside Transfer-Encoding, Transfer-Encoding in HTTP/1.0, LF
// without CR, repeated lengths. A handler never sees these. The judge reads the
// same bytes first, in place, and answers such a request itself.
package wire

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// Config describes a Server. Zero durations and counts mean the defaults.
type Config struct {
	Addr     string       // "host:port" to listen on
	Listener net.Listener // used instead of Addr when set

	// TLS serves HTTPS (HTTP/2 and HTTP/1.1) on the listener; nil serves plain HTTP.
	// The configuration gives the certificates; versions, suites and protocols are
	// set here: TLS 1.2 with AEAD suites, or better.
	TLS *tls.Config

	Handler http.Handler
	// Plain serves plain HTTP that arrives at the TLS port, to redirect it. Nil
	// closes such connections.
	Plain http.Handler

	// InPlace answers GET requests whose target begins with InPlacePrefix, in place of
	// Handler and without net/http, where it can. Nil: nothing is answered so.
	InPlace       InPlace
	InPlacePrefix string

	RequestID func() string // makes the request id of an answer written here
	Refused   func(Refusal) // hears of each; must not block; nil for nobody
	Log       *slog.Logger  // nil for none

	MaxConns        int // connections at once; further ones wait in the backlog. Default 10000
	MaxConnsPerPeer int // of one address; further ones are closed. 0 for no bound
	MaxHead         int // bytes of a request head. Default 32 KiB

	HandshakeTimeout  time.Duration // first byte and TLS handshake. Default 10 s
	ReadHeaderTimeout time.Duration // a whole head from its first byte. Default 10 s
	IdleTimeout       time.Duration // between requests. Default 75 s
	BodyStall         time.Duration // without any byte of a body that is being read. Default 60 s
	WriteStall        time.Duration // without the client taking any byte; up to twice as long. Default 60 s
	ShutdownTimeout   time.Duration // for requests in flight when Serve ends. Default 10 s

	netHTTPMaxHead int // for tests; default MaxHead and room, so that the judge is the first to refuse
}

// Server accepts connections and serves requests on them.
type Server struct {
	config   Config
	tls      *tls.Config
	listener net.Listener
	handler  *http.Server
	plain    *http.Server // nil without TLS or Plain
	slots    chan struct{}

	answering atomic.Int64 // requests that are being answered in place

	mu    sync.Mutex
	conns map[*tracked]struct{}
	peers map[peerAddr]int
	ended bool
}

// New validates the configuration. It does not listen yet.
func New(c Config) (*Server, error) {
	switch {
	case c.Handler == nil:
		return nil, errors.New("wire: no handler (set Config.Handler)")
	case c.RequestID == nil:
		return nil, errors.New("wire: no source of request ids (set Config.RequestID)")
	case c.Addr == "" && c.Listener == nil:
		return nil, errors.New("wire: nothing to listen on (set Config.Addr or Config.Listener)")
	}
	c.defaults()
	s := &Server{
		config: c, listener: c.Listener, slots: make(chan struct{}, c.MaxConns),
		conns: make(map[*tracked]struct{}), peers: make(map[peerAddr]int),
	}
	s.handler = s.httpServer(c.Handler)
	if c.TLS != nil {
		s.tls = hardened(c.TLS)
		if c.Plain != nil {
			s.plain = s.httpServer(c.Plain)
		}
	}
	return s, nil
}

func (c *Config) defaults() {
	for _, d := range []struct {
		field *time.Duration
		value time.Duration
	}{
		{&c.HandshakeTimeout, 10 * time.Second}, {&c.ReadHeaderTimeout, 10 * time.Second}, {&c.IdleTimeout, 75 * time.Second},
		{&c.BodyStall, time.Minute}, {&c.WriteStall, time.Minute}, {&c.ShutdownTimeout, 10 * time.Second},
	} {
		if *d.field <= 0 {
			*d.field = d.value
		}
	}
	if c.MaxConns <= 0 {
		c.MaxConns = 10000
	}
	if c.MaxHead <= 0 {
		c.MaxHead = 32 << 10
	}
	if c.netHTTPMaxHead == 0 {
		c.netHTTPMaxHead = c.MaxHead + 4<<10
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
}

// Listen binds the address. Serve does it where it was not done.
func (s *Server) Listen() error {
	if s.listener != nil {
		return nil
	}
	config := net.ListenConfig{KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: 15 * time.Second, Interval: 15 * time.Second, Count: 4}}
	l, err := config.Listen(context.Background(), "tcp", s.config.Addr)
	if err != nil {
		return fmt.Errorf("public listener on %s: %w (stop what listens there, or choose another address in listen.public)", s.config.Addr, err)
	}
	s.listener = l
	return nil
}

// Addr is where the server listens; nil before Listen.
func (s *Server) Addr() net.Addr {
	if s.listener == nil {
		return nil
	}
	return s.listener.Addr()
}

// Serve accepts and serves until ctx ends, then stops accepting, lets requests in
// flight finish within ShutdownTimeout, and closes what is left, hijacked
// connections included. It returns nil after a shutdown in which every request
// finished. A Server serves once.
func (s *Server) Serve(ctx context.Context) error {
	if err := s.Listen(); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	main, plain := newQueue(s.listener.Addr()), newQueue(s.listener.Addr())
	var running sync.WaitGroup
	running.Go(func() { _ = s.handler.Serve(main) })
	if s.plain != nil {
		running.Go(func() { _ = s.plain.Serve(plain) })
	}
	accepting := make(chan error, 1)
	go func() { accepting <- s.accept(ctx, main, plain) }()

	var err error
	select {
	case <-ctx.Done():
		_ = s.listener.Close()
		<-accepting
	case err = <-accepting:
		cancel()
	}
	err = errors.Join(err, s.shutdown())
	running.Wait()
	return err
}

// shutdown ends both http servers and closes what is left.
func (s *Server) shutdown() error {
	ctx, cancel := context.WithTimeout(context.Background(), s.config.ShutdownTimeout)
	defer cancel()
	s.closeConns(func(t *tracked) bool { return !t.peer.started.Load() })
	var plain error
	if s.plain != nil {
		plain = s.plain.Shutdown(ctx)
	}
	err := errors.Join(plain, s.handler.Shutdown(ctx), s.answered(ctx))
	if err != nil {
		err = fmt.Errorf("shut down: requests were still running after %s: %w", s.config.ShutdownTimeout, err)
		_ = s.handler.Close()
		if s.plain != nil {
			_ = s.plain.Close()
		}
	}
	s.closeConns(func(*tracked) bool { return true })
	return err
}
