package server

import (
	"errors"
	"fmt"
	"net/url"
	"os"
	"time"

	"github.com/sanmon-gate/sanmon"
	"github.com/sanmon-gate/sanmon/identity/adopt"
	"github.com/sanmon-gate/sanmon/internal/config"
	"github.com/sanmon-gate/sanmon/internal/portal"
	"github.com/sanmon-gate/sanmon/internal/proxy"
	"github.com/sanmon-gate/sanmon/internal/rollout"
	"github.com/sanmon-gate/sanmon/keys/limit"
	"github.com/sanmon-gate/sanmon/keys/network"
	"github.com/sanmon-gate/sanmon/policy"
	"github.com/sanmon-gate/sanmon/web/csp"
	"github.com/sanmon-gate/sanmon/web/csrf"
	"github.com/sanmon-gate/sanmon/web/headers"
	"github.com/sanmon-gate/sanmon/web/origin"
	"github.com/sanmon-gate/sanmon/web/schema"
	"github.com/sanmon-gate/sanmon/web/subrequest"
	"github.com/sanmon-gate/sanmon/web/target"
)

// ownScript is the one script that is put into pages.
const ownScript = portal.Prefix + "csrf.js"

// Layers are the parts that live as long as the process, whatever configuration is
// in use.
type Layers struct {
	Sessions   sanmon.Sessions
	Keys       sanmon.Keys
	Apps       sanmon.Apps   // logins of backends
	Visitors   *adopt.Box    // seals what backends know visitors by
	Access     sanmon.Access // nil: no access token was ever issued
	Assertions sanmon.Assertions
	Tokens     *csrf.Tokens
	Limits     *limit.Table
	Shared     limit.Shared // nil: limits are counted by this node alone
	Tunnels    *proxy.Tunnels
	Documents  func(upstream string) *schema.Slot // OpenAPI documents; nil: there are none

	Firewall func(config.WAF) (sanmon.Inspector, error) // nil: this binary has none
}

// Compile makes the gate of a configuration. It connects to nothing. generation is
// greater than that of every gate before it.
func Compile(c *config.Config, l Layers, cookies portal.Cookies, generation uint64) (*State, error) {
	u, err := url.Parse(c.PublicURL)
	if err != nil {
		return nil, fmt.Errorf("public_url: %w", err)
	}
	table, err := policy.Compile(generation, c.Roles, policyRoutes(c))
	if err != nil {
		return nil, err
	}
	g := &sanmon.Gate{
		Scheme: u.Scheme, Host: c.PublicHost, Reserved: []string{portal.Prefix}, Cookies: cookies.Names(), PreBinding: portal.PreBinding,
		Clients:  network.Clients{Trusted: c.ClientIP.TrustedProxies, Header: c.ClientIP.Header},
		Proxied:  c.TLS.BehindProxy,
		Networks: network.List{Allow: c.ClientIP.Allow, Deny: c.ClientIP.Deny},
		Origin:   origin.Policy{Public: []string{c.PublicURL}}, Table: table,
		Sessions: l.Sessions, Keys: l.Keys, Assertions: l.Assertions, Tokens: l.Tokens, Limits: l.Limits, Shared: l.Shared,
		Harden: map[string]headers.CookieOptions{}, Collector: portal.Prefix + "report", ObserveUntil: c.ObserveAll,
	}
	g.Access = l.Access
	g.BoundCookie = cookies.BoundName()
	g.Apps, g.Visitors, g.VisitorCookie, g.NewPre = l.Apps, l.Visitors, cookies.VisitorName(), portal.NewPre
	if len(c.Clients) > 0 {
		g.Reserved = append(g.Reserved, portal.WellKnown()...)
	}
	if g.PerNet, err = limited("network", c.Limits.Network); err != nil {
		return nil, err
	}
	if g.Failures, err = limited("failures", c.Limits.Failures); err != nil {
		return nil, err
	}
	if err := everywhere(g, c.Limits); err != nil {
		return nil, err
	}
	s := &State{Gate: g, Backends: map[string]*proxy.Backend{}, Timeouts: map[string]time.Duration{}, RenewAsked: c.ForwardAuth.Renew}
	if c.ForwardAuth.Profile != "off" {
		s.ForwardAuth = subrequest.Profile(c.ForwardAuth.Profile)
	}
	https := u.Scheme == "https"
	return s, errors.Join(s.upstreams(c, l.Tunnels, https), s.routes(c, l, https), s.entrances(c))
}

func (s *State) upstreams(c *config.Config, tunnels *proxy.Tunnels, https bool) error {
	for name, up := range c.Upstreams {
		o := proxy.Options{Name: name, URL: up.URL, Timeout: up.Timeout, Tunnels: tunnels}
		if up.HostFrom == "backend" {
			o.Host = proxy.Own
		}
		if up.TLSCA != "" {
			pem, err := os.ReadFile(up.TLSCA)
			if err != nil {
				return fmt.Errorf("upstream %q: tls_ca: %w", name, err)
			}
			o.TLSCA = pem
		}
		backend, err := proxy.New(o)
		if err != nil {
			return err
		}
		s.Backends[name], s.Timeouts[name] = backend, up.Timeout
		s.Gate.Harden[name] = headers.CookieOptions{
			Secure: https, HTTPOnly: up.CookieHTTPOnly, Scripts: up.CookieScripts, Reserved: s.Gate.Cookies,
			CrossSite: crossSite(c, name),
		}
	}
	return nil
}

func (s *State) routes(c *config.Config, l Layers, https bool) error {
	approved, err := rollout.LoadApprovals(c.CSP.Approved)
	if err != nil {
		return err
	}
	for i, r := range c.Routes {
		floor, err := headers.NewFloor(headers.FloorOptions{HTTPS: https, HSTS: c.TLS.HSTS, Ramp: c.TLS.Ramp, Uploads: r.Uploads, Opener: r.COOP, Resource: r.CORP})
		if err != nil {
			return err
		}
		pages, err := csp.NewOutput(modeOf(r.CSP), csp.Strict{Hashes: approved.Hashes(r.ID), Sample: c.CSP.Sample, Report: s.Gate.Collector, Plain: !https}, c.PublicURL+ownScript)
		if err != nil {
			return fmt.Errorf("route %q: %w", r.ID, err)
		}
		units, seats, err := limitsOf(r.ID, r.Limits)
		if err != nil {
			return fmt.Errorf("route %q: %w", r.ID, err)
		}
		fields, err := fieldsOf(r)
		if err != nil {
			return err
		}
		inspector, err := l.inspector(r)
		if err != nil {
			return err
		}
		up := c.Upstreams[r.Upstream]
		s.Gate.Routes = append(s.Gate.Routes, &sanmon.Route{
			Route: s.Gate.Table.Route(i), Upstream: r.Upstream,
			Paths:      target.Options{Semicolon: up.Semicolon, EncodedSlash: up.Slash},
			CSRF:       kindOf(r.CSRF.Kind),
			CSRFExempt: r.CSRF.Kind == "exempt",
			CrossSite:  r.CrossSite.Declared(),
			Networks:   network.List{Allow: r.Network},
			Limits:     units, Seats: seats,
			MaxBody: r.MaxBody, Types: r.Types, Input: inputOf(r, l), Floor: floor, CSP: pages, Plain: up.PlainIdentity,
			App: appOf(c, up), Fields: fields, ObserveFields: r.FieldsMode == config.Observe,
			Inspector: inspector, Watching: r.WAF.Mode == config.Observe,
		})
	}
	return nil
}

// crossSite are the cookies of an upstream that its declared routes name. They are set by
// any answer, so they count for the whole upstream.
func crossSite(c *config.Config, upstream string) (names []string) {
	for _, r := range c.Routes {
		if r.Upstream == upstream {
			names = append(names, r.CrossSite.Cookies...)
		}
	}
	return names
}

// inputOf says which document the requests of a route are judged by.
func inputOf(r *config.Route, l Layers) *sanmon.Input {
	if r.OpenAPI == "" {
		return nil
	}
	in := &sanmon.Input{Document: &schema.Slot{}, Observe: r.OpenAPI == config.Observe}
	if l.Documents != nil {
		in.Document = l.Documents(r.Upstream)
	}
	return in
}

func policyRoutes(c *config.Config) []policy.Route {
	routes := make([]policy.Route, 0, len(c.Routes))
	for _, r := range c.Routes {
		p := policy.Route{ID: r.ID, Host: r.Host, Path: r.Path, Methods: r.Methods, Boundary: policy.BoundaryOf(r.Boundary...), Require: r.Require, Fresh: r.Fresh}
		if p.Host == "" {
			p.Host = c.PublicHost
		}
		if r.AnyMethod {
			p.Methods = nil
		}
		switch r.Effect {
		case "read":
			p.Effect = policy.EffectRead
		case "write":
			p.Effect = policy.EffectWrite
		}
		routes = append(routes, p)
	}
	return routes
}

// limited compiles a rate; nil for none.
func limited(name string, r config.Rate) (*limit.Policy, error) {
	if r.Zero() {
		return nil, nil
	}
	return limit.NewPolicy(name, limit.Rate{Count: r.Count, Per: r.Per, Burst: r.Burst})
}

func kindOf(word string) csrf.Kind {
	switch word {
	case "page":
		return csrf.Page
	case "once":
		return csrf.Once
	}
	return csrf.Session
}

func modeOf(word string) csp.Mode {
	switch word {
	case "observe":
		return csp.Observe
	case "strict":
		return csp.Enforce
	}
	return csp.Floor
}
