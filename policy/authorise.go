package policy

import (
	"fmt"
	"strings"
	"time"

	"github.com/sanmon-gate/sanmon/caller"
	"github.com/sanmon-gate/sanmon/refusal"
)

// Verdict is the outcome of both evaluations, for the log: what the credential
// grants, and what the principal may do now. A disagreement is a signal of its own.
type Verdict struct {
	Credential bool // route.requires ⊆ credential.grants
	Principal  bool // route.requires ⊆ principal.grants(now)
}

// Authorise decides whether a caller may use a route now. The credential must
// already have been verified. Errors: LoginRequired (the boundary does not take this
// credential), PermissionMissing, StepUpRequired. r must be a route of this table.
func (t *Table) Authorise(r *Route, c *caller.Caller, now time.Time) (Verdict, error) {
	if !r.compiled {
		return Verdict{}, fmt.Errorf("authorise route %q: it was not compiled by a table", r.ID)
	}
	if r.Boundary.Public() {
		return Verdict{true, true}, nil
	}
	if !r.Boundary.Takes(c.Kind) {
		return Verdict{}, outside(r, c)
	}
	g := t.Grants(c)
	v := Verdict{Credential: g.Granted.Contains(r.needs), Principal: g.Live.Contains(r.needs)}
	if !v.Credential || !v.Principal {
		return v, t.missing(r, c, g, v)
	}
	return v, fresh(r, c, now)
}

// Grants compiles a caller's rights, or takes them from its slot when neither they
// nor the configuration changed.
func (t *Table) Grants(c *caller.Caller) caller.Grants {
	if c.Slot != nil {
		if g := c.Slot.Grants.Load(); g != nil && g.Generation == t.Generation && g.Credential == c.Credential && g.Principal == c.Principal {
			return *g
		}
	}
	g := &caller.Grants{
		Credential: c.Credential, Principal: c.Principal, Generation: t.Generation,
		Granted: t.scopes.credential(c.Credential), Live: t.scopes.principal(c.Principal),
	}
	if c.Slot != nil {
		c.Slot.Grants.Store(g)
	}
	return *g
}

func outside(r *Route, c *caller.Caller) error {
	if c.Anonymous() {
		no := refusal.New(refusal.LoginRequired, "route %q takes %s and the request has no credential", r.ID, r.Boundary)
		no.Challenge = challenge(r)
		return no
	}
	no := refusal.New(refusal.LoginRequired, "route %q takes %s, not %s (add it to the route's boundary if it should)", r.ID, r.Boundary, c.Kind)
	no.Challenge = challenge(r)
	return no
}

// challenge is the WWW-Authenticate value of a 401 (RFC 9110, Section 11.6.1): a
// scheme, and for RFC 6750 no error code when no credential was sent.
func challenge(r *Route) string {
	if len(r.Require) == 0 {
		return `Bearer`
	}
	return fmt.Sprintf(`Bearer scope=%q`, strings.Join(r.Require, " "))
}

func (t *Table) missing(r *Route, c *caller.Caller, g caller.Grants, v Verdict) error {
	side, have := "credential and principal both lack", g.Granted.Intersect(g.Live)
	switch {
	case v.Credential:
		side, have = "the principal may no longer do what its credential grants; it lacks", g.Live
	case v.Principal:
		side, have = "the credential does not grant", g.Granted
	}
	var lacking []string
	for _, scope := range r.Require {
		if !have.Has(t.scopes.index[scope]) {
			lacking = append(lacking, scope)
		}
	}
	no := refusal.New(refusal.PermissionMissing, "route %q: %s %s (%s)", r.ID, side, strings.Join(lacking, " "), credential(c))
	if c.Kind != caller.Session {
		// RFC 6750, Section 3.1: insufficient_scope names what is needed.
		no.Challenge = fmt.Sprintf(`Bearer error="insufficient_scope", scope=%q`, strings.Join(r.Require, " "))
	}
	return no
}

// fresh asks for a recent authentication (RFC 9470). A key has none to renew: the
// route's boundary says whether keys may come at all.
func fresh(r *Route, c *caller.Caller, now time.Time) error {
	if r.Fresh == 0 || c.Kind == caller.Key {
		return nil
	}
	if now.Sub(c.AuthTime) <= r.Fresh {
		return nil
	}
	no := refusal.New(refusal.StepUpRequired, "route %q: the authentication is older than %s, or was made on another network", r.ID, r.Fresh)
	no.Challenge = fmt.Sprintf(`Bearer error="insufficient_user_authentication", max_age=%d`, int(r.Fresh.Seconds()))
	return no
}

// credential names what a caller came with, and whose it is.
func credential(c *caller.Caller) string {
	switch c.Kind {
	case caller.Session:
		return fmt.Sprintf("session %s of %s", c.SID, c.Subject)
	case caller.Key:
		return fmt.Sprintf("key %s of %s", c.KeyID, c.Subject)
	case caller.Token:
		return fmt.Sprintf("access token of session %s of %s", c.SID, c.Subject)
	}
	return fmt.Sprintf("%s of %s", c.Kind, c.Subject)
}
