package wire

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/netip"
	"sync/atomic"
)

// peer is what is known of a connection's other end. It travels in the context of
// every request.
type peer struct {
	addr    netip.AddrPort
	secure  bool
	judged  *conn                     // nil for HTTP/2
	started atomic.Bool               // something of a request was read
	broken  atomic.Pointer[violation] // found in the framing of a body
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

// Body is the body of a request of a Server. Where its framing is broken, Read
// fails with a *refusal.Refusal; r.Body hides that behind errors of its own when
// it happens in a trailer. Never assign the result to r.Body: net/http looks at
// what stands there to tell whether it may read another request from the
// connection.
func Body(r *http.Request) io.ReadCloser {
	p := from(r.Context())
	if p == nil || p.judged == nil || r.Body == nil || r.Body == http.NoBody {
		return r.Body
	}
	return &judgedBody{r.Body, p}
}

type judgedBody struct {
	io.ReadCloser
	peer *peer
}

func (b *judgedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err != nil && err != io.EOF {
		if v := b.peer.broken.Load(); v != nil {
			err = v.refusal()
		}
	}
	return n, err
}
