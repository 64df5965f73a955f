package proxy

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"

	"github.com/sanmon-gate/sanmon/internal/upstream"
	"github.com/sanmon-gate/sanmon/refusal"
)

// failure says why there is no response head. Backends' bytes are never quoted:
// a malformed line may be a Set-Cookie.
func (b *Backend) failure(r *http.Request, out *Outgoing, cb *clientBody, wt *watch, err error) error {
	if no, ok := errors.AsType[*refusal.Refusal](err); ok {
		return no
	}
	if failed := cb.failure(); failed != nil {
		return failed
	}
	if wt != nil && wt.fired.Load() {
		return b.timedOut(wt.limit)
	}
	if errors.Is(err, upstream.ErrTimeout) {
		return b.timedOut(b.timeout(out))
	}
	if bad, ok := errors.AsType[upstream.ErrRequest](err); ok {
		return bad // ours to answer for: internal
	}
	if headTimeout(err) {
		return b.timedOut(b.options.Timeout)
	}
	if r.Context().Err() != nil {
		return fmt.Errorf("%w: %w", ErrClientGone, context.Cause(r.Context()))
	}
	return b.unreachable(cause(err))
}

func (b *Backend) unreachable(cause string) *refusal.Refusal {
	return refusal.New(refusal.UpstreamUnreachable, "upstream %q (%s://%s) %s [see that the backend runs and that upstreams.%s.url is right]",
		b.options.Name, b.scheme, b.host, cause, b.options.Name)
}

// cause puts a transport error into words of our own.
func cause(err error) string {
	var invalid x509.CertificateInvalidError
	if op, ok := errors.AsType[*net.OpError](err); ok {
		if op.Op == "dial" {
			return fmt.Sprintf("does not accept connections: %v", op.Err)
		}
		return fmt.Sprintf("broke the connection: %v", op.Err)
	}
	if dns, ok := errors.AsType[*net.DNSError](err); ok {
		return fmt.Sprintf("has no address: %s", dns.Err)
	}
	if cert, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return fmt.Sprintf("has a certificate that does not verify: %v", cert.Err)
	}
	if bad, ok := errors.AsType[upstream.Malformed](err); ok {
		return "gave an answer that is not valid HTTP: " + string(bad)
	}
	switch {
	case errors.As(err, &invalid), errors.As(err, new(tls.AlertError)), errors.As(err, new(tls.RecordHeaderError)):
		return "does not complete a TLS handshake"
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, net.ErrClosed):
		return "closed the connection before it answered"
	case isTimeout(err):
		return "did not complete a connection in time"
	}
	return "gave an answer that is not valid HTTP, or broke the connection"
}

func isTimeout(err error) bool {
	t, ok := errors.AsType[net.Error](err)
	return ok && t.Timeout()
}
