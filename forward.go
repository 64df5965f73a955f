package sanmon

import (
	"net/textproto"
	"slices"
	"strings"
	"time"

	"github.com/sanmon-gate/sanmon/caller"
	"github.com/sanmon-gate/sanmon/web/headers"
)

// Forward fills out, an empty map in the shape of http.Header, with what the backend
// may see of a passage that Judge let through: step 10. Everything that could name a
// caller or a forwarder is left behind; ours is set last, so that no field of the
// client can stand in its place.
func (g *Gate) Forward(p *Passage, out map[string][]string) error {
	named := connectionNames(p.Request.Fields.Values("Connection"))
	for name, values := range p.Request.Fields.All() {
		if headers.Forwardable(name) && !names(named, name) && g.forwards(p, name, values) {
			out[name] = values
		}
	}
	if p.Upgrade {
		out["Upgrade"] = []string{"websocket"} // the only one that is taken; the forwarder adds Connection
	}
	g.cookies(p, out)
	g.forwarded(p, out)
	g.suspect(p, out)
	g.ask(p, out)
	if err := g.nonce(p, out); err != nil {
		return err
	}
	return g.identity(p, out)
}

// forwards decides about the fields that only the gate understands.
func (g *Gate) forwards(p *Passage, name string, values []string) bool {
	switch name {
	case "Cookie", "X-Sanmon-Csrf":
		return false
	case "Authorization":
		// A closed route's credential is ours. On a public one it is the backend's,
		// unless it is a key or token of ours.
		return p.Route.Boundary.Public() && !g.ours(values, p.Request.Now)
	case "X-Api-Key":
		return p.Route.Boundary.Public() && !g.ours(values, p.Request.Now)
	case "Dpop":
		return p.Route.Boundary.Public() // a proof goes with the token that is ours
	}
	return true
}

// ours reports whether a key or access token of ours stands anywhere in the values: "Bearer<tab>KEY" and
// `Token token="KEY"` are no credentials here, and yet must not reach a backend.
func (g *Gate) ours(values []string, now time.Time) bool {
	return slices.ContainsFunc(values, func(v string) bool {
		return g.Keys.Looks(v) || g.Keys.InURL(v) || g.Access != nil && g.Access.Looks(v, now)
	})
}

// cookies passes on what is the backend's, without ours.
func (g *Gate) cookies(p *Passage, out map[string][]string) {
	values := p.Request.Fields.Values("Cookie")
	if len(values) == 0 {
		return
	}
	line := strings.Join(values, "; ")
	if p.Route.App != nil {
		line = g.appCookies(p, line)
	} else {
		line = headers.StripCookies(line, headers.Reserved)
	}
	if line != "" {
		out["Cookie"] = []string{line}
	}
}

// forwarded tells the backend where the request came from, as judged.
func (g *Gate) forwarded(p *Passage, out map[string][]string) {
	proto := "http"
	if p.HTTPS {
		proto = "https"
	}
	v := [4]string{p.Addr.String(), proto, p.Host, p.Request.ID}
	out["X-Forwarded-For"] = v[0:1:1]
	out["X-Forwarded-Proto"] = v[1:2:2]
	out["X-Forwarded-Host"] = v[2:3:3]
	out["X-Request-Id"] = v[3:4:4]
}

// identity tells the backend who the caller is, signed. Nobody is told as nothing.
func (g *Gate) identity(p *Passage, out map[string][]string) error {
	c := &p.Caller
	if c.Kind == caller.Anonymous {
		return nil
	}
	jwt, err := g.Assertions.For(p.Route.Upstream, c, g.Table.Generation, func() []string { return g.Table.Scopes(c) }, p.Request.Now)
	if err != nil {
		return err
	}
	out["Sanmon-Assertion"] = []string{jwt}
	if p.Route.Plain && c.Kind != caller.App { // the backend knows better who that is
		out["Remote-User"] = []string{c.Name}
		out["Remote-Groups"] = []string{strings.Join(c.Principal.Roles, ",")}
		if c.Email != "" {
			out["Remote-Email"] = []string{c.Email}
		}
	}
	return nil
}

// connectionNames lists the fields that a Connection field names as hop-by-hop
// (RFC 9110, Section 7.6.1).
func connectionNames(values []string) []string {
	var listed []string
	for _, v := range values {
		if v == "keep-alive" || v == "close" {
			continue
		}
		for token := range strings.SplitSeq(v, ",") {
			listed = append(listed, textproto.CanonicalMIMEHeaderKey(strings.TrimSpace(token)))
		}
	}
	return listed
}

func names(list []string, name string) bool {
	for _, n := range list {
		if n == name {
			return true
		}
	}
	return false
}
