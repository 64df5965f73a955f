package wire

import (
	"context"
	"net"
	"net/netip"
	"sync/atomic"
)

// peer is what is known of a connection's other end. It travels in the context of
// every request.
type peer struct {
	addr    netip.AddrPort
	secure  bool
	judged  *conn       // nil for HTTP/2
	started atomic.Bool // something of a request was read
	told    bool        // a violation inside a body was reported; of the reading goroutine
}

type peerKey struct{}

func from(ctx context.Context) *peer {
	p, _ := ctx.Value(peerKey{}).(*peer)
	return p
}

// Secure reports whether the request came over TLS at this server's own listener.
func Secure(ctx context.Context) bool {
	p := from(ctx)
	return p != nil && p.secure
}

// Peer returns the address of the transport peer, unmapped (never
// ::ffff:a.b.c.d), without parsing Request.RemoteAddr again. It is the zero Addr
// when the request did not come through a Server.
func Peer(ctx context.Context) netip.Addr {
	if p := from(ctx); p != nil {
		return p.addr.Addr()
	}
	return netip.Addr{}
}

func addrPort(a net.Addr) netip.AddrPort {
	if tcp, ok := a.(*net.TCPAddr); ok {
		ap := tcp.AddrPort()
		return netip.AddrPortFrom(ap.Addr().Unmap(), ap.Port())
	}
	ap, _ := netip.ParseAddrPort(a.String())
	return netip.AddrPortFrom(ap.Addr().Unmap(), ap.Port())
}
