package main

import (
	"context"
	"fmt"
	"time"

	"github.com/sanmon-gate/sanmon"
	"github.com/sanmon-gate/sanmon/exchange"
	"github.com/sanmon-gate/sanmon/identity/dpop"
	"github.com/sanmon-gate/sanmon/identity/keyset"
	"github.com/sanmon-gate/sanmon/identity/oauth"
	"github.com/sanmon-gate/sanmon/internal/config"
	"github.com/sanmon-gate/sanmon/internal/portal"
	"github.com/sanmon-gate/sanmon/keys/limit"
	"github.com/sanmon-gate/sanmon/keys/network"
	"github.com/sanmon-gate/sanmon/secret"
)

// authorization is what the authorization server keeps as long as the process lives,
// whatever its clients are.
type authorization struct {
	acting   oauth.Acting
	idKeys   *keyset.Set
	nonces   *dpop.Nonces
	proofs   *dpop.Seen    // of the token endpoint: nobody is known there yet
	routes   *dpop.Seen    // of routes: only who holds a good token gets there
	asserted *dpop.Seen    // assertions of clients
	since    time.Time     // when routes began to remember; zero: it knows what was before, too
	limit    *limit.Policy // requests of a network to its endpoints
}

// oauthRate is how often a network may ask: an office behind one address signs in by it,
// and every one of its programs refreshes twice in ten minutes.
func oauthRate() limit.Rate { return limit.Rate{Count: 30, Per: time.Second, Burst: 300} }

func (l *layers) openAuthorization(several bool) (err error) {
	l.authorization = &authorization{
		idKeys: keyset.New(l.rings[secret.PurposeToken], oauth.IDTokenType), nonces: &dpop.Nonces{Ring: l.rings[secret.PurposeDPoP]},
		proofs: &dpop.Seen{Shared: l.store, Kind: "token"}, routes: &dpop.Seen{Kind: "route"}, asserted: &dpop.Seen{Shared: l.store, Kind: "assertion", Hold: 15 * time.Minute},
	}
	// A site of several nodes has PostgreSQL. A file belongs to one node: there a commit for
	// each request buys only what the moment of the start says for nothing.
	if several {
		l.authorization.routes.Shared = l.store
	} else {
		l.authorization.since = time.Now().Truncate(time.Second) // iat has no less
	}
	l.authorization.limit, err = limit.NewPolicy("oauth", oauthRate())
	return err
}

// binding verifies proofs on routes.
func (l *layers) binding(c *config.Config) *dpop.Verifier {
	return &dpop.Verifier{Origin: c.PublicURL, Nonces: l.authorization.nonces, Seen: l.authorization.routes, Since: l.authorization.since}
}

// oauth makes the authorization server of a configuration; the zero value where there are
// no clients.
func (l *layers) oauth(c *config.Config, g *sanmon.Gate) (portal.OAuth, error) {
	if len(c.Clients) == 0 {
		return portal.OAuth{}, nil
	}
	clients, err := clientsOf(c, l.held.read)
	if err != nil {
		return portal.OAuth{}, err
	}
	a := l.authorization
	s := &oauth.Server{
		Issuer: c.PublicURL, Endpoints: portal.OAuthEndpoints(), Clients: clients, Grants: l.grants, Minter: l.issuer, Access: l.access,
		Sessions: l.keeper, Services: l.store, Acting: &a.acting, IDKeys: a.idKeys, Asserted: a.asserted,
		Proofs: &dpop.Verifier{Origin: c.PublicURL, Nonces: a.nonces, Seen: a.proofs}, Effective: g.Table.Scopes,
	}
	return portal.OAuth{Server: s, Admit: l.admitOAuth, Failed: func(ctx context.Context, v portal.Visit, err error) error {
		return g.Failed(ctx, &sanmon.Passage{Addr: v.Network, Request: &exchange.Request{Now: v.Now}}, err)
	}}, nil
}

func (l *layers) admitOAuth(v portal.Visit) error {
	taken := l.limits.Take(v.Now, limit.Demand{Policy: l.authorization.limit, Key: l.limits.Network(network.LimitKey(v.Network), "oauth")})
	return taken.Err()
}

// reader gives use the value of a secret reference.
type reader func(ctx context.Context, name, ref string, use func(secret.Value) error) error

// once reads it now.
func once(c *config.Config) reader {
	return func(ctx context.Context, _, ref string, use func(secret.Value) error) error {
		v, err := resolver(c).Resolve(ctx, ref)
		if err != nil {
			return err
		}
		return use(v)
	}
}

// clientsOf reads the secrets and keys of clients. Of a secret only the hash is kept.
func clientsOf(c *config.Config, read reader) (map[string]*oauth.Client, error) {
	all := make(map[string]*oauth.Client, len(c.Clients))
	for _, o := range c.Clients {
		client := &oauth.Client{ID: o.ID, RedirectURIs: o.RedirectURIs, Scopes: o.Scopes, Grants: o.Grants, Service: o.Service, Introspect: o.Introspect, DPoP: o.DPoP}
		if err := proofOf(c, read, o, client); err != nil {
			return nil, err
		}
		all[o.ID] = client
	}
	return all, nil
}

func proofOf(c *config.Config, read reader, o *config.Client, client *oauth.Client) error {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if o.Secret != "" {
		if err := read(ctx, "clients["+o.ID+"].secret", o.Secret, client.SetSecret); err != nil {
			return c.Fault(o.Secret, fmt.Errorf("client %q: secret: %w", o.ID, err))
		}
	}
	if o.JWKS == "" {
		return nil
	}
	if err := read(ctx, "clients["+o.ID+"].jwks", o.JWKS, client.SetKeys); err != nil {
		return c.Fault(o.JWKS, fmt.Errorf("client %q: jwks: %w", o.ID, err))
	}
	return nil
}
