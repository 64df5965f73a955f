// Package proxy forwards one judged request to a backend and its answer back: it
// streams both ways, switches protocols, carries trailers, and turns every
// failure into a declared refusal.
//
// It decides nothing about the request. What goes out is exactly the Outgoing
// that the gate built from what it judged.
package proxy

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/sanmon-gate/sanmon/internal/upstream"
)

// HostFrom says which Host the backend sees.
type HostFrom uint8

// The sources of Host (upstreams.NAME.host).
const (
	Preserve HostFrom = iota // Outgoing.Host, the public host
	Own                      // the host of the backend's URL ("backend" in the configuration)
)

// The limits that are not options: they bound what a broken backend may cost.
const (
	maxResponseHeader = 256 << 10 // bytes of a response head, 1xx included; of the engine 64 KiB
	maxResponseFields = 256       // field lines of a response head
	connBuffer        = 8 << 10   // bytes of the read and of the write buffer of a backend connection
	copyBuffer        = 32 << 10  // bytes moved at once
	smallBody         = 4 << 10   // request bodies up to here are sent together with their head
)

// Options describes one backend. Zero values mean the documented defaults.
type Options struct {
	Name string // name in the configuration; used in reasons
	URL  string // "http://host:port" or "https://host:port", without path, query or user
	Host HostFrom

	// TLSCA is a PEM bundle that replaces the system's roots for https backends.
	TLSCA []byte

	// Timeout is how long the backend may take, without any progress of the upload,
	// until its response head is there. Outgoing.Timeout overrides it. Default 30 s.
	Timeout time.Duration
	// DialTimeout is how long connecting (TCP, then TLS) may take. Default 3 s.
	DialTimeout time.Duration
	// StreamIdle is how long a response body may stand still. Default 10 min.
	StreamIdle time.Duration
	// TunnelIdle is how long an upgraded connection may carry nothing in either
	// direction; pings count as traffic. Default 10 min.
	TunnelIdle time.Duration

	// MaxIdle is how many idle connections are kept, by the engine and by the transport
	// each. Default 256.
	MaxIdle int
	// IdleTimeout is how long an idle connection is kept. It has to be shorter than
	// the backend's own keep-alive (gunicorn 2 s, uvicorn 5 s), because a request
	// that is not idempotent cannot be repeated when it meets a connection that is
	// just being closed (RFC 9110, Section 9.2.2). Default 1.5 s.
	IdleTimeout time.Duration

	// Tunnels registers long-lived connections so that a revoked owner's are cut.
	// Nil means that nobody can.
	Tunnels *Tunnels
}

// Backend forwards to one upstream. It is safe for concurrent use.
type Backend struct {
	options   Options
	scheme    string
	host      string // of the URL, as dialled
	transport *http.Transport
	pool      *upstream.Pool // nil for https
	start     time.Time      // base of the watches' clock
	buffers   sync.Pool      // *[copyBuffer]byte
	filtered  sync.Pool      // *[]byte
	ahead     sync.Pool      // *aheadBuffer
	headers   sync.Pool      // http.Header, empty
	watches   sync.Pool      // *watch
}

// New validates the options. It connects to nothing.
func New(o Options) (*Backend, error) {
	u, err := parseURL(o.URL)
	if err != nil {
		return nil, fmt.Errorf("upstream %q: %w", o.Name, err)
	}
	var roots *x509.CertPool
	if len(o.TLSCA) > 0 {
		if roots = x509.NewCertPool(); !roots.AppendCertsFromPEM(o.TLSCA) {
			return nil, fmt.Errorf("upstream %q: tls_ca holds no certificate (give a PEM file of CA certificates)", o.Name)
		}
	}
	o.defaults()
	b := &Backend{options: o, scheme: u.Scheme, host: u.Host, start: time.Now()}
	b.buffers.New = func() any { return new([copyBuffer]byte) }
	b.filtered.New = func() any { out := make([]byte, 0, copyBuffer+4<<10); return &out }
	b.ahead.New = func() any { return new(aheadBuffer) }
	b.watches.New = func() any { return newWatch(b.start) }
	b.transport = newTransport(o, roots)
	if u.Scheme == "http" {
		b.pool = upstream.New(upstream.Options{Address: dialled(u), DialTimeout: o.DialTimeout, IdleTimeout: o.IdleTimeout, MaxIdle: o.MaxIdle})
	}
	return b, nil
}

func parseURL(raw string) (*url.URL, error) {
	u, err := url.Parse(raw)
	if err != nil {
		return nil, errors.New("the URL does not parse (write http://host:port)") // url.Error would quote a password
	}
	switch {
	case u.Scheme != "http" && u.Scheme != "https":
		return nil, fmt.Errorf("the scheme is %q (write http://host:port or https://host:port)", u.Scheme)
	case u.User != nil:
		return nil, errors.New("the URL holds a user (remove it: credentials do not belong in an address)")
	case u.Hostname() == "":
		return nil, errors.New("the URL has no host (write http://host:port)")
	case u.Path != "" && u.Path != "/", u.RawQuery != "", u.ForceQuery, u.Fragment != "", u.Opaque != "":
		return nil, errors.New("the URL has more than a scheme, a host and a port (remove the path: targets are forwarded as they came)")
	}
	return u, nil
}

// dialled is host:port of a plain URL.
func dialled(u *url.URL) string {
	port := u.Port()
	if port == "" {
		port = "80"
	}
	return net.JoinHostPort(u.Hostname(), port)
}

func (o *Options) defaults() {
	or := func(d *time.Duration, v time.Duration) {
		if *d <= 0 {
			*d = v
		}
	}
	or(&o.Timeout, 30*time.Second)
	or(&o.DialTimeout, 3*time.Second)
	or(&o.StreamIdle, 10*time.Minute)
	or(&o.TunnelIdle, 10*time.Minute)
	or(&o.IdleTimeout, 1500*time.Millisecond)
	if o.MaxIdle <= 0 {
		o.MaxIdle = 256
	}
}

func newTransport(o Options, roots *x509.CertPool) *http.Transport {
	dialer := &net.Dialer{Timeout: o.DialTimeout, KeepAlive: 30 * time.Second}
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	return &http.Transport{
		Proxy:                  nil, // the environment has no say in where judged requests go
		DialContext:            dialer.DialContext,
		TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: roots},
		TLSHandshakeTimeout:    o.DialTimeout,
		DisableCompression:     true, // bodies pass as they are
		MaxIdleConns:           o.MaxIdle,
		MaxIdleConnsPerHost:    o.MaxIdle,
		IdleConnTimeout:        o.IdleTimeout,
		ResponseHeaderTimeout:  o.Timeout, // counted from the end of the request
		ExpectContinueTimeout:  time.Second,
		MaxResponseHeaderBytes: maxResponseHeader,
		WriteBufferSize:        connBuffer,
		ReadBufferSize:         connBuffer,
		Protocols:              protocols,
	}
}

// Close drops the idle connections. Requests in flight are not touched.
func (b *Backend) Close() {
	b.transport.CloseIdleConnections()
	if b.pool != nil {
		b.pool.Close()
	}
}
