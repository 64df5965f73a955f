package main

import (
	"context"

	"github.com/sanmon-gate/sanmon/caller"
	"github.com/sanmon-gate/sanmon/identity/adopt"
	"github.com/sanmon-gate/sanmon/identity/login"
	"github.com/sanmon-gate/sanmon/identity/session"
	"github.com/sanmon-gate/sanmon/internal/config"
	"github.com/sanmon-gate/sanmon/internal/portal"
	"github.com/sanmon-gate/sanmon/internal/server"
	"github.com/sanmon-gate/sanmon/refusal"
	"github.com/sanmon-gate/sanmon/secret"
)

// compile makes the state of a configuration over the layers.
func (l *layers) compile(c *config.Config, generation uint64) (*server.State, error) {
	cookies := cookiesOf(c)
	s, err := server.Compile(c, server.Layers{
		Sessions: l.keeper, Apps: l.keeper, Visitors: &adopt.Box{Master: l.master}, Keys: l.index, Access: l.access, Assertions: l.minter, Tokens: l.tokens, Limits: l.limits, Shared: shared(l.shared), Tunnels: l.tunnels, Firewall: l.firewall,
		Documents: l.documents.Slot,
	}, cookies, generation)
	if err != nil {
		return nil, err
	}
	pages, err := portal.NewPages(c.PublicHost)
	if err != nil {
		return nil, err
	}
	s.Sessions, s.Cookies = l.keeper, cookies
	s.Gate.Pages = l.pages
	if c.CSP.Learn {
		s.Gate.Learn = l.pages.Script
	}
	ways, account, err := l.ways(c)
	if err != nil {
		return nil, err
	}
	clients, err := l.oauth(c, s.Gate)
	if err != nil {
		return nil, err
	}
	site, err := l.letters.siteOf(c, l.held)
	if err != nil {
		return nil, err
	}
	l.letters.site.Store(site)
	s.Portal = &server.Front{
		Reports:   &server.Collector{Gate: s.Gate, Limits: l.limits, Limit: l.reports, Reporter: l.pages},
		PublicURL: c.PublicURL, HSTS: hstsOf(c.TLS), JWKS: l.jwks, RevokeKey: l.revokeKey, GitHub: l.scanned(c),
		Portal: &portal.Portal{
			Auth: authenticatorOf(l.login, c), Ways: ways, Account: account, Sessions: sessions{l.keeper}, Tokens: l.tokens, Routes: server.RoutesOf{Gate: s.Gate},
			Scopes: s.Gate.Table.Scopes, Cookies: cookies, Pages: pages, Refused: server.Refused, DBSC: l.dbsc(c), Letters: l.letters.box(site), Providers: l.providersOf(c), OAuth: clients,
		},
	}
	return s, nil
}

// dbsc lets the portal bind sessions to keys of browsers; the zero one where that is off.
func (l *layers) dbsc(c *config.Config) portal.DBSC {
	binder := binderOf(c, l.rings[secret.PurposeSession])
	if binder == nil {
		return portal.DBSC{}
	}
	return portal.DBSC{Binder: binder, Keeper: l.keeper, Origin: c.PublicURL}
}

// authenticator lets the portal sign people in.
type authenticator struct {
	service   *login.Service
	passwords bool // login.password
	second    login.Policy
}

func authenticatorOf(service *login.Service, c *config.Config) authenticator {
	return authenticator{service, c.Login.Password, login.Policy(c.Login.TOTP)}
}

// attempt is a portal's attempt as the login layer takes it.
func (a authenticator) attempt(t portal.Attempt) login.Attempt {
	return login.Attempt{
		Email: t.Email, Password: t.Password, Addr: t.Network, UserAgent: t.UserAgent, RequestID: t.RequestID, Lang: t.Lang,
		Current: t.Current, DeviceCookie: t.DeviceCookie, SecondFactor: a.second, Code: t.Code, Binding: t.Binding, Ticket: t.Ticket,
	}
}

// granted is a grant of the login layer as the portal takes it.
func granted(g login.Grant, err error) (portal.Grant, error) {
	if err != nil {
		return portal.Grant{}, err
	}
	return portal.Grant{Secret: g.Secret, DeviceCookie: g.DeviceCookie, SID: g.SID}, nil
}

// Login implements portal.Authenticator.
func (a authenticator) Login(ctx context.Context, t portal.Attempt) (portal.Grant, error) {
	if !a.passwords {
		return portal.Grant{}, refusal.New(refusal.LoginFailed, "nobody signs in with a password here (login.password is false)")
	}
	return granted(a.service.Login(ctx, a.attempt(t), t.Now))
}

// sessions lets the portal judge and end sessions.
type sessions struct{ keeper *session.Keeper }

// Judge implements portal.Sessions.
func (s sessions) Judge(ctx context.Context, cookie string, v portal.Visit) (*caller.Caller, error) {
	c := new(caller.Caller)
	_, err := s.keeper.Judge(ctx, cookie, session.Client{Addr: v.Network, Agent: v.Agent}, v.Now, c)
	return c, err
}

// Leaving implements portal.Sessions.
func (s sessions) Leaving(ctx context.Context, cookie string, v portal.Visit) (string, [][]byte, error) {
	return s.keeper.Leaving(ctx, cookie, v.Network, v.Now)
}

// End implements portal.Sessions.
func (s sessions) End(ctx context.Context, sid, reason string, v portal.Visit) error {
	_, err := s.keeper.End(ctx, sid, reason, session.Meta{From: v.Network, RequestID: v.RequestID}, v.Now)
	return err
}
