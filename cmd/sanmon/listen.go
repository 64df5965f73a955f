package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"time"

	"github.com/sanmon-gate/sanmon/internal/certs"
	"github.com/sanmon-gate/sanmon/internal/config"
	"github.com/sanmon-gate/sanmon/internal/server"
	"github.com/sanmon-gate/sanmon/internal/wire"
)

// listenPublic binds the public listener.
func (n *node) listenPublic(c *config.Config) error {
	tlsConfig, err := tlsOf(c)
	if err != nil {
		return err
	}
	n.public, err = wire.New(wire.Config{
		Addr: c.Listen.Public, TLS: tlsConfig, Handler: n.handler, Plain: n.handler,
		InPlace: n.handler.InPlace, InPlacePrefix: server.ForwardAuthPath,
		RequestID: n.handler.IDs.New, Refused: n.framing, Log: n.logger, MaxConnsPerPeer: connsPerPeer(c),
	})
	if err != nil {
		return err
	}
	return n.public.Listen()
}

// connsPerPeer bounds the connections of one address, so that nobody alone takes all.
// Behind a proxy every connection is the proxy's.
func connsPerPeer(c *config.Config) int {
	if len(c.ClientIP.TrustedProxies) > 0 {
		return 0
	}
	return 4000
}

// framing accounts for a request that was refused before it was one.
func (n *node) framing(r wire.Refusal) {
	n.metrics.Framing(string(r.Code))
	n.logger.Warn("refused", "request_id", r.RequestID, "code", string(r.Code), "layer", "web", "client", r.Peer.Addr().String(), "reason", r.Reason)
}

// tlsOf is how the public listener speaks TLS; nil for plain HTTP.
func tlsOf(c *config.Config) (*tls.Config, error) {
	switch {
	case c.TLS.CertFile != "":
		files, err := certs.Open(c.TLS.CertFile, c.TLS.KeyFile)
		if missing, ok := errors.AsType[*fs.PathError](err); ok {
			return nil, c.Fault(missing.Path, err)
		}
		if err != nil {
			return nil, c.Fault(c.TLS.CertFile, err)
		}
		return &tls.Config{GetCertificate: files.Certificate}, nil
	case c.TLS.SelfSigned:
		cert, err := certs.SelfSigned(c.PublicHost, time.Now())
		if err != nil {
			return nil, err
		}
		return &tls.Config{Certificates: []tls.Certificate{cert}}, nil
	}
	return nil, nil
}

// listenAdmin binds the admin listener. It speaks plain HTTP on loopback; elsewhere it
// needs the certificate of the public one.
func (n *node) listenAdmin(c *config.Config) error {
	if c.Listen.Admin == "" || c.Listen.Admin == "off" {
		return nil
	}
	l, err := net.Listen("tcp", c.Listen.Admin)
	if err != nil {
		return fmt.Errorf("admin listener on %s: %w (stop what listens there, choose another address in listen.admin, or write \"off\")", c.Listen.Admin, err)
	}
	opening, cancel := context.WithTimeout(context.Background(), 15*time.Second)
	defer cancel()
	token, err := n.live.metricsToken(opening, c)
	if err != nil {
		return errors.Join(err, l.Close())
	}
	n.adminOn = l
	n.admin = &http.Server{
		Handler: (&server.Admin{
			Metrics: n.metrics.Handler(), Token: token, JWKS: n.layers.jwks, NewID: n.handler.IDs.New,
			Ready: n.readiness, Stale: n.follower.Stale, Log: n.logger,
		}).Handler(),
		ErrorLog:          wire.ErrorLog(n.logger),
		ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second, WriteTimeout: 30 * time.Second, IdleTimeout: time.Minute, MaxHeaderBytes: 16 << 10,
	}
	return nil
}

func (n *node) readiness(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	return n.layers.store.Ping(ctx)
}

// serveAdmin serves until ctx ends.
func (n *node) serveAdmin(ctx context.Context) error {
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		<-ctx.Done()
		last, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
		defer cancel()
		if err := n.admin.Shutdown(last); err != nil {
			_ = n.admin.Close()
		}
	}()
	var err error
	if t, _ := tlsOf(n.config.Load()); t != nil && !loopback(n.adminOn) {
		n.admin.TLSConfig = t
		err = n.admin.ServeTLS(n.adminOn, "", "")
	} else {
		err = n.admin.Serve(n.adminOn)
	}
	if errors.Is(err, http.ErrServerClosed) {
		<-stopped
		return nil
	}
	return err
}

func loopback(l net.Listener) bool {
	tcp, ok := l.Addr().(*net.TCPAddr)
	return ok && tcp.IP.IsLoopback()
}
