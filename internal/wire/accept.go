package wire

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"slices"
	"time"

	"github.com/sanmon-gate/sanmon/internal/octets"
)

// accept takes connections until the listener is closed.
func (s *Server) accept(ctx context.Context, main, plain *queue) error {
	defer s.listener.Close()
	var pause time.Duration
	for {
		select {
		case s.slots <- struct{}{}:
		case <-ctx.Done():
			return nil
		}
		c, err := s.listener.Accept()
		if err != nil {
			<-s.slots
			if ctx.Err() != nil {
				return nil
			}
			if errors.Is(err, net.ErrClosed) {
				return fmt.Errorf("accept on %s: %w", s.listener.Addr(), err)
			}
			// Out of descriptors, or a connection that broke: neither is a reason to end.
			pause = min(max(2*pause, 5*time.Millisecond), time.Second)
			s.config.Log.Warn("cannot accept connections", "error", err.Error(), "retry_in", pause.String())
			select {
			case <-time.After(pause):
				continue
			case <-ctx.Done():
				return nil
			}
		}
		pause = 0
		if t := s.track(c); t != nil {
			go s.start(ctx, t, main, plain)
		}
	}
}

// start finds out what a connection speaks and hands it to net/http.
func (s *Server) start(ctx context.Context, t *tracked, main, plain *queue) {
	if s.tls == nil {
		main.offer(s.judged(t, t))
		return
	}
	_ = t.SetDeadline(time.Now().Add(s.config.HandshakeTimeout))
	first, err := t.peek()
	switch {
	case err != nil:
		_ = t.Close()
	case first == 22: // handshake (RFC 8446, Section 5.1); no method begins with it
		s.handshake(ctx, t, main)
	case s.plain != nil && octets.IsToken(first):
		_ = t.SetDeadline(time.Time{})
		plain.offer(s.judged(t, t))
	default:
		_ = t.Close()
	}
}

func (s *Server) handshake(ctx context.Context, t *tracked, main *queue) {
	c := tls.Server(t, s.tls)
	if err := c.HandshakeContext(ctx); err != nil {
		s.config.Log.Debug("TLS handshake failed", "peer", t.peer.addr.String())
		_ = t.Close()
		return
	}
	_ = t.SetDeadline(time.Time{})
	t.peer.secure = true
	if c.ConnectionState().NegotiatedProtocol == "h2" {
		t.peer.started.Store(true) // net/http says goodbye to HTTP/2 connections in its own way
		main.offer(c)
		return
	}
	main.offer(tlsConn{s.judged(c, t), c})
}

func (s *Server) judged(c net.Conn, t *tracked) *conn {
	j := newConn(c, s, t.peer)
	t.peer.judged = j
	return j
}

// hardened is a copy of base with our versions, suites and protocols: RFC 9325,
// Sections 3.1.1 and 4.2; RFC 9113, Section 9.2.
func hardened(base *tls.Config) *tls.Config {
	c := base.Clone()
	c.MinVersion = max(c.MinVersion, tls.VersionTLS12)
	c.CipherSuites = []uint16{ // of TLS 1.2; those of 1.3 are not configurable and all AEAD
		tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
		tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
		tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256, tls.TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
	}
	c.Renegotiation = tls.RenegotiateNever
	if len(c.NextProtos) == 0 {
		c.NextProtos = []string{"h2", "http/1.1"}
	}
	c.NextProtos = slices.Clone(c.NextProtos)
	return c
}
