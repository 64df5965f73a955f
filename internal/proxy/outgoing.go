package proxy

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/sanmon-gate/sanmon/refusal"
)

// Outgoing is the request as the backend shall get it. It is used once; Header,
// its slices and Body belong to the forwarder from the call on and must not be
// reused: the transport may still write them after Forward returned.
type Outgoing struct {
	Method string
	Target string      // origin-form (or "*"), byte for byte what goes on the wire
	Host   string      // the public host; ignored when the backend's own is used
	Header http.Header // of Backend.Header or the caller's own

	Body          io.ReadCloser // nil without a body
	ContentLength int64         // 0 none, -1 unknown (sent chunked)

	Timeout time.Duration // until the response head; 0 means the backend's

	// Upgrade asks for the protocol that Header names in Upgrade. Without it a 101
	// from the backend is a failure.
	Upgrade bool
	// Once says that the request has an effect, whatever its method promises: it is
	// not sent a second time when the connection breaks before an answer. What was
	// not written at all may still go out on another connection, and so may a request
	// without a body that carries an Idempotency-Key, whose sender asks for that.
	Once bool
	// Owner is the session or key id to which long-lived connections belong; see
	// Tunnels.Close. Empty means that they belong to nobody.
	Owner string
	// Principal is who is behind Owner; Tunnels.Close takes either.
	Principal string
	// Until is when the credential ends at the latest, and with it its long-lived
	// connections. Zero means never.
	Until time.Time
	// Alive, when set, is asked once after a long-lived connection was registered
	// under Owner; its error refuses the exchange. It closes the gap between the
	// verdict and the registration, in which Tunnels.Close would find nothing.
	Alive func() error

	// Trailer says which declared request trailer fields may pass, by canonical
	// name. Nil passes none. Fields that no trailer may carry never pass.
	Trailer func(name string) bool

	// Release edits the response header in place before it is sent. It runs once,
	// for every response of the backend, 101 included. Nil leaves it as it came
	// without its hop-by-hop fields. What it returns happens to the body; Release then
	// answers for Content-Length, and for every other field that speaks of the bytes.
	// head is what Ahead asked for, valid during the call; whole says that it is all of
	// the body, whose right Content-Length is then set behind a filter.
	Release func(status int, h http.Header, head []byte, whole bool) Content
	// Ahead, when set, is asked before Release whether more of the body must be seen than
	// head, which has come so far: at first nothing, at most 64 KiB.
	Ahead func(status int, h http.Header, head []byte) bool
	// Gather, when set, is called with true before each write of a body and with false
	// behind it: what is written in between may leave in one piece, but has to leave then.
	Gather func(begin bool) error
	// Aborted, when set, hears why an answer was cut after its head was sent, just
	// before Forward panics with http.ErrAbortHandler.
	Aborted func(cause error)
}

// request builds the outgoing request. cb is nil when there is no streamed body.
func (b *Backend) request(ctx context.Context, r *http.Request, out *Outgoing, wt *watch) (req *http.Request, cb *clientBody, err error) {
	if err := checkTarget(out); err != nil {
		return nil, nil, err
	}
	if err := prepareHeader(out); err != nil {
		return nil, nil, err
	}
	base := http.Request{
		Method:     out.Method,
		URL:        &url.URL{Scheme: b.scheme, Host: b.host, Opaque: out.Target},
		Proto:      "HTTP/1.1",
		ProtoMajor: 1,
		ProtoMinor: 1,
		Header:     out.Header,
		Host:       out.Host,
		Close:      out.Method == http.MethodHead, // content behind its head must not be another's answer
	}
	if b.options.Host == Own {
		base.Host = b.host
	}
	switch {
	case out.Body == nil || out.ContentLength == 0:
		if out.Once && safe(out.Method) {
			withoutRetry(&base)
		}
	case out.ContentLength > 0 && out.ContentLength <= smallBody && len(out.Header["Expect"]) == 0:
		if err := smallRequestBody(&base, out, wt); err != nil {
			return nil, nil, err
		}
	default:
		cb = streamBody(&base, r, out, wt)
	}
	return base.WithContext(ctx), cb, nil
}

// checkTarget refuses what would not reach the wire as it is: url.URL puts a
// scheme before an opaque part that begins with two slashes.
func checkTarget(out *Outgoing) error {
	t := out.Target
	if t == "*" && out.Method == http.MethodOptions {
		return nil
	}
	if len(t) == 0 || t[0] != '/' || strings.HasPrefix(t, "//") {
		return refusal.New(refusal.TargetAmbiguous, "target %q cannot be forwarded byte for byte [send an absolute path with one leading slash]", t)
	}
	return nil
}

// smallRequestBody reads a small body first and sends it in one write with its
// head. A slow client then costs the backend no worker, and the body can be sent
// again on another connection when nothing of it was written.
func smallRequestBody(base *http.Request, out *Outgoing, wt *watch) error {
	wt.waitForClient(true)
	buf, err := readSmall(out)
	wt.waitForClient(false)
	if err != nil {
		return err
	}
	base.ContentLength = out.ContentLength
	base.Body = io.NopCloser(bytes.NewReader(buf))
	if !out.Once || !replayable(out) { // the transport then repeats only what it has not written
		base.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(buf)), nil }
	}
	return nil
}

// readSmall reads a body of the declared length to its end.
func readSmall(out *Outgoing) ([]byte, error) {
	buf := make([]byte, out.ContentLength+1) // one more, to see the end
	n, err := io.ReadFull(out.Body, buf)
	switch {
	case err == nil:
		return nil, bodyFailure(errors.New("it is longer than declared"))
	case int64(n) != out.ContentLength || err != io.ErrUnexpectedEOF:
		return nil, bodyFailure(err)
	}
	return buf[:n:n], nil
}

// safe reports whether net/http takes a method for one that may be repeated.
func safe(method string) bool {
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodTrace:
		return true
	}
	return false
}

// replayable reports whether net/http would repeat the request when its connection
// breaks after it was written (Request.isReplayable).
func replayable(out *Outgoing) bool {
	return safe(out.Method) || len(out.Header["Idempotency-Key"]) > 0 || len(out.Header["X-Idempotency-Key"]) > 0
}

// withoutRetry keeps the transport from sending a request again that has no body:
// it repeats only what it can rewind, and this body it cannot. "identity" keeps
// the body from being announced, so the bytes on the wire are the same.
func withoutRetry(base *http.Request) {
	base.Body = emptyBody{}
	base.ContentLength = -1
	base.TransferEncoding = []string{"identity"}
}

type emptyBody struct{}

func (emptyBody) Read([]byte) (int, error) { return 0, io.EOF }
func (emptyBody) Close() error             { return nil }
