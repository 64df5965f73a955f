package federation

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"github.com/sanmon-gate/sanmon/identity/ticket"
	"github.com/sanmon-gate/sanmon/identity/token/foreign"
	"github.com/sanmon-gate/sanmon/secret"
)

// Options of a Provider. Those up to Office must be set.
type Options struct {
	Name     string // for people, and part of the redirect URI
	Issuer   string // exact
	ClientID string
	Redirect string // our redirect URI, which no other provider has (RFC 9700, Section 4.4.2.1)
	Office   *ticket.Office

	Secret func(context.Context) (secret.Value, error) // of the client; nil: a public client
	// Refused, if set, is told that the provider does not take Secret, and reports whether
	// there is another one now: then the code is exchanged once more.
	Refused func(context.Context) bool
	Scopes  []string     // beside openid, email and profile
	Client  *http.Client // nil: one with timeouts that follows no redirect
}

// Provider is one provider that people sign in with. It reads the provider's metadata and
// keys when they are needed first, and again when they are an hour old. It is safe for
// concurrent use.
type Provider struct {
	o      Options
	remote remote
}

// New returns a Provider. It asks nobody yet.
func New(o Options) *Provider {
	client := o.Client
	if client == nil {
		client = newClient()
	}
	return &Provider{o: o, remote: remote{issuer: o.Issuer, client: client, turn: make(chan struct{}, 1)}}
}

const (
	patience = 10 * time.Second // for one question to the provider
	fresh    = time.Hour        // age of metadata and keys
	seldom   = 30 * time.Second // between two reads of the keys for a kid that is not known
	maxBody  = 256 << 10        // bytes of one answer
)

// newClient asks a provider: with timeouts, without redirects, reading no more than maxBody.
func newClient() *http.Client {
	transport := &http.Transport{
		Proxy:       http.ProxyFromEnvironment,
		DialContext: (&net.Dialer{Timeout: 5 * time.Second}).DialContext, TLSHandshakeTimeout: 5 * time.Second,
		ResponseHeaderTimeout: patience, MaxResponseHeaderBytes: 64 << 10, IdleConnTimeout: time.Minute, MaxIdleConns: 4, ForceAttemptHTTP2: true,
	}
	return &http.Client{
		Transport: bounded{transport}, Timeout: patience,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// bounded cuts answers off.
type bounded struct{ next http.RoundTripper }

func (b bounded) RoundTrip(r *http.Request) (*http.Response, error) {
	res, err := b.next.RoundTrip(r)
	if err == nil {
		res.Body = struct {
			io.Reader
			io.Closer
		}{io.LimitReader(res.Body, maxBody), res.Body}
	}
	return res, err
}

// metadata is what is used of a provider's metadata.
type metadata struct {
	authorize, token, keys string
	names                  bool     // it puts its issuer into redirects (RFC 9207)
	methods                []string // of clients at the token endpoint
}

// style is how our secret is shown: client_secret_basic unless the provider takes only the
// other way. A public client names itself in the body.
func (m metadata) style(public bool) oauth2.AuthStyle {
	if public || len(m.methods) > 0 && !slices.Contains(m.methods, "client_secret_basic") {
		return oauth2.AuthStyleInParams
	}
	return oauth2.AuthStyleInHeader
}

// remote is what is known of a provider. turn is held by who asks it: others wait, and
// then find the answer.
type remote struct {
	issuer string
	client *http.Client
	turn   chan struct{}

	meta           metadata
	set            *foreign.Keys
	metaAt, keysAt time.Time
}

func (r *remote) enter(ctx context.Context) (func(), error) {
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case r.turn <- struct{}{}:
		return func() { <-r.turn }, nil
	case <-timer.C:
		return nil, errors.New("others have been waiting for it for too long")
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// metadata reads the provider's metadata, whose issuer has to be exactly ours.
func (r *remote) metadata(ctx context.Context, now time.Time) (metadata, error) {
	leave, err := r.enter(ctx)
	if err != nil {
		return metadata{}, err
	}
	defer leave()
	return r.current(ctx, now)
}

// current is metadata; the turn is held.
func (r *remote) current(ctx context.Context, now time.Time) (metadata, error) {
	if age := now.Sub(r.metaAt); !r.metaAt.IsZero() && age >= 0 && age < fresh {
		return r.meta, nil
	}
	ctx, cancel := context.WithTimeout(oidc.ClientContext(ctx, r.client), patience)
	defer cancel()
	found, err := oidc.NewProvider(ctx, r.issuer)
	if err != nil {
		return metadata{}, fmt.Errorf("read its metadata: %w", err)
	}
	var more struct {
		Keys    string   `json:"jwks_uri"`
		Names   bool     `json:"authorization_response_iss_parameter_supported"`
		Methods []string `json:"token_endpoint_auth_methods_supported"`
	}
	if err := found.Claims(&more); err != nil {
		return metadata{}, fmt.Errorf("read its metadata: %w", err)
	}
	m := metadata{authorize: found.Endpoint().AuthURL, token: found.Endpoint().TokenURL, keys: more.Keys, names: more.Names, methods: more.Methods}
	for _, address := range []string{m.authorize, m.token, m.keys} {
		if err := protected(address, r.issuer); err != nil {
			return metadata{}, err
		}
	}
	r.meta, r.metaAt = m, now
	return m, nil
}

// protected refuses an endpoint that is not encrypted on the way, unless provider and
// endpoint are on this machine.
func protected(address, issuer string) error {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.User != nil || u.Fragment != "" {
		return errors.New("its metadata has an endpoint that is no address")
	}
	if own, err := url.Parse(issuer); u.Scheme == "https" || u.Scheme == "http" && err == nil && own.Scheme == "http" && loopback(u.Hostname()) {
		return nil
	}
	return errors.New("its metadata has an endpoint that is not encrypted on the way")
}

func loopback(host string) bool {
	a, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && a.IsLoopback()
}

// jwks reads the provider's keys. again: those that are known do not have the kid.
func (r *remote) jwks(ctx context.Context, now time.Time, again bool) (*foreign.Keys, error) {
	leave, err := r.enter(ctx)
	if err != nil {
		return nil, err
	}
	defer leave()
	age, limit := now.Sub(r.keysAt), fresh
	if again {
		limit = seldom
	}
	if r.set != nil && age >= 0 && age < limit {
		return r.set, nil
	}
	m, err := r.current(ctx, now)
	if err != nil {
		return nil, err
	}
	set, err := r.fetch(ctx, m.keys)
	if err != nil {
		return nil, fmt.Errorf("read its keys: %w", err)
	}
	r.set, r.keysAt = set, now
	return set, nil
}

func (r *remote) fetch(ctx context.Context, address string) (*foreign.Keys, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, err
	}
	res, err := r.client.Do(req)
	if err != nil {
		return nil, err
	}
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(res.Body, maxBody))
	if err != nil {
		return nil, err
	}
	if res.StatusCode != http.StatusOK || !json.Valid(body) {
		return nil, fmt.Errorf("it answers %d, or no JSON", res.StatusCode)
	}
	return foreign.ParseKeys(body)
}

// exchangeFailed tells a refused code from a provider that does not answer. What the
// provider has written is not repeated, but its error code.
func (p *Provider) exchangeFailed(err error) error {
	if said, ok := errors.AsType[*oauth2.RetrieveError](err); ok {
		if code := said.Response.StatusCode; code >= 400 && code < 500 {
			return p.no("it refuses the code: %d %q", code, errorCode(said.ErrorCode))
		}
		return p.away(fmt.Errorf("its token endpoint answers %d", said.Response.StatusCode))
	}
	return p.away(err)
}
