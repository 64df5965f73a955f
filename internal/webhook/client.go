package webhook

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/sanmon-gate/sanmon/secret"
)

// Timeout bounds one try, from the connection to the answer's status.
const Timeout = 10 * time.Second

const maxHeader = 16 << 10 // of an answer

// Client posts to one address and goes nowhere else: no redirect is followed, no proxy of
// the environment is asked, plain http stays on this machine. It is safe for concurrent
// use.
type Client struct {
	target *url.URL
	secret func(context.Context) (secret.Value, error)
	client *http.Client
	keys   atomic.Pointer[Keys] // that were read last
}

// New checks the address. secret is asked before each message; where it fails, the keys
// of before are used.
func New(address string, secret func(context.Context) (secret.Value, error)) (*Client, error) {
	u, err := Address(address)
	if err != nil {
		return nil, err
	}
	dialer := &net.Dialer{Timeout: Timeout / 2, Control: admit(u.Scheme == "http")}
	return &Client{target: u, secret: secret, client: &http.Client{
		Timeout: Timeout,
		Transport: &http.Transport{
			DialContext: dialer.DialContext, TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS12},
			TLSHandshakeTimeout: Timeout / 2, MaxResponseHeaderBytes: maxHeader,
			DisableKeepAlives: true, DisableCompression: true, // messages are rare, answers are not read
			ForceAttemptHTTP2: true,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}, nil
}

// Address checks that messages may go to an address: https, or http on this machine. The
// error does not repeat it, because addresses of receivers often hold a credential.
func Address(address string) (*url.URL, error) {
	const want = "write an https URL; http is for localhost, 127.0.0.1 and [::1] only"
	u, err := url.Parse(address)
	switch {
	case err != nil || u.Hostname() == "" || strings.ContainsAny(address, " \t\r\n\x00"):
		return nil, errors.New("the URL cannot be used (" + want + ")")
	case u.User != nil:
		return nil, errors.New("a user or password must not be written into the URL (messages are signed: the receiver verifies that)")
	case u.Fragment != "":
		return nil, errors.New("the URL has a fragment, which is never sent (remove it from the # on)")
	case u.Scheme != "https" && (u.Scheme != "http" || !local(u.Hostname())):
		return nil, errors.New("the URL is not encrypted on the way (" + want + ")")
	}
	return u, nil
}

func local(host string) bool {
	a, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && a.IsLoopback()
}

// admit judges the address that a name led to. Those of link-local services (169.254.0.0/16
// has the metadata of clouds) take no messages; plain http leads to this machine only,
// whatever its resolver says.
func admit(plain bool) func(network, address string, _ syscall.RawConn) error {
	return func(_, address string, _ syscall.RawConn) error {
		at, err := netip.ParseAddrPort(address)
		if err != nil {
			return errors.New("the address cannot be read")
		}
		a := at.Addr().Unmap()
		if a.IsLinkLocalUnicast() || a.IsMulticast() || a.IsUnspecified() || plain && !a.IsLoopback() {
			return fmt.Errorf("messages may not go to %s", a)
		}
		return nil
	}
}

// Host is where messages go, for people: without path and query, which may hold a
// credential.
func (c *Client) Host() string { return c.target.Host }

// Check reads the signing secret.
func (c *Client) Check(ctx context.Context) error {
	v, err := c.secret(ctx)
	if err != nil {
		return err
	}
	keys, err := ParseKeys(v)
	if err != nil {
		return fmt.Errorf("the signing secret: %w", err)
	}
	c.keys.Store(&keys)
	return nil
}

// Failure is a try that did not succeed. It names neither the address nor the secret.
type Failure struct {
	Status int           // of the answer; 0: there was none
	After  time.Duration // that the receiver asked to wait; 0: it did not
	Reason string
	Err    error
}

func (f *Failure) Error() string { return f.Reason }

// Unwrap gives the cause.
func (f *Failure) Unwrap() error { return f.Err }

// Post tries once. nil says that the receiver has answered 2xx; any other outcome is a
// *Failure.
func (c *Client) Post(ctx context.Context, id string, body []byte) error {
	if err := c.Check(ctx); err != nil && c.keys.Load() == nil {
		return &Failure{Reason: err.Error(), Err: err}
	}
	ctx, cancel := context.WithTimeout(ctx, Timeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.target.String(), bytes.NewReader(body))
	if err != nil {
		return &Failure{Reason: "the URL cannot be used"}
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "Sanmon")
	c.keys.Load().Sign(req.Header, id, time.Now(), body)
	res, err := c.client.Do(req)
	if err != nil {
		return unanswered(err)
	}
	_ = res.Body.Close() // what it says is of no interest
	return judge(res)
}

func unanswered(err error) error {
	if outer, ok := errors.AsType[*url.Error](err); ok {
		err = outer.Err // the outer one says the address
	}
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
		return &Failure{Reason: fmt.Sprintf("the receiver does not answer within %s", Timeout), Err: err}
	}
	return &Failure{Reason: fmt.Sprintf("the receiver cannot be reached: %v", err), Err: err}
}

func judge(res *http.Response) error {
	f := &Failure{Status: res.StatusCode}
	switch res.StatusCode / 100 {
	case 2:
		return nil
	case 3:
		f.Reason = fmt.Sprintf("the receiver answered %d: redirects are not followed (write the final address)", res.StatusCode)
	default:
		f.Reason = fmt.Sprintf("the receiver answered %d (it should answer 2xx when it has the message)", res.StatusCode)
	}
	if n, err := strconv.Atoi(res.Header.Get("Retry-After")); err == nil && n > 0 {
		f.After = time.Duration(min(n, 24*3600)) * time.Second
	}
	return f
}
