package main

import (
	"context"
	"maps"
	"net/url"
	"reflect"
	"slices"
	"time"

	"github.com/sanmon-gate/sanmon/identity/federation"
	"github.com/sanmon-gate/sanmon/identity/login"
	"github.com/sanmon-gate/sanmon/internal/config"
	"github.com/sanmon-gate/sanmon/internal/portal"
	"github.com/sanmon-gate/sanmon/refusal"
	"github.com/sanmon-gate/sanmon/secret"
)

// provider is one of login.oidc, with what is known of it.
type provider struct {
	of    config.OIDC
	party *federation.Provider
	trust login.Trust
}

// providers lets the portal sign people in with other providers.
type providers struct {
	auth  authenticator
	store login.Federated
	names []string
	all   map[string]*provider
}

// providersOf makes the providers of a configuration; nil when there are none. Those that
// have not changed keep what they know of metadata and keys.
func (l *layers) providersOf(c *config.Config) portal.Providers {
	p := &providers{auth: authenticatorOf(l.login, c), store: l.store, all: map[string]*provider{}}
	for _, o := range c.Login.OIDC {
		p.names = append(p.names, o.Name)
		if old := l.providers[o.Name]; old != nil && reflect.DeepEqual(old.of, o) {
			p.all[o.Name] = old
			if o.ClientSecret != "" {
				l.held.hold(oidcSecret(o.Name), o.ClientSecret) // is still in use
			}
			continue
		}
		var password func(context.Context) (secret.Value, error)
		var refused func(context.Context) bool
		if o.ClientSecret != "" {
			s := l.held.hold(oidcSecret(o.Name), o.ClientSecret)
			password, refused = s.value, s.refused
		}
		p.all[o.Name] = &provider{
			of: o,
			party: federation.New(federation.Options{
				Name: o.Name, Issuer: o.Issuer, ClientID: o.ClientID, Redirect: c.PublicURL + portal.ProviderPath(o.Name) + "/callback",
				Office: l.login.Office, Secret: password, Refused: refused, Scopes: o.Scopes,
			}),
			trust: login.Trust{LinkByEmail: o.LinkByEmail, Create: o.Create, Roles: o.Roles, RolesClaim: o.RolesClaim, RoleMap: maps.Clone(o.RoleMap)},
		}
	}
	l.providers = p.all
	if len(p.names) == 0 {
		return nil
	}
	return p
}

// Names implements portal.Providers.
func (p *providers) Names() []string { return slices.Clone(p.names) }

// Begin implements portal.Providers.
func (p *providers) Begin(ctx context.Context, name string, binding []byte, w federation.Wish, now time.Time) (string, bool, error) {
	one := p.all[name]
	if one == nil {
		return "", false, nil
	}
	to, err := one.party.Begin(ctx, binding, w, now)
	return to, true, err
}

// Finish implements portal.Providers.
func (p *providers) Finish(ctx context.Context, name string, query url.Values, a portal.Attempt) (portal.Grant, string, error) {
	one := p.all[name]
	if one == nil {
		return portal.Grant{}, "", refusal.New(refusal.RouteUnknown, "there is no provider %.80q (login.oidc)", name)
	}
	id, w, err := one.party.Finish(ctx, a.Binding, query, a.Now)
	if err != nil {
		return portal.Grant{}, w.Next, err
	}
	g, err := granted(p.auth.service.Federated(ctx, p.store, one.trust, id, w, p.auth.attempt(a), a.Now))
	return g, w.Next, err
}
