// Package assertion tells the backend who a request is from: a short-lived ES256 JWT
// in Sanmon-Assertion, and the public keys to verify it.
//
// It has a key and a type of its own, so that it is of no use anywhere else
// (RFC 8725, Sections 3.11 and 3.12), and one audience per upstream.
package assertion

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/sanmon-gate/sanmon/caller"
	"github.com/sanmon-gate/sanmon/identity/keyset"
	"github.com/sanmon-gate/sanmon/secret"
)

// Header is the field that carries an assertion, and Type its "typ".
const (
	Header = "Sanmon-Assertion"
	Type   = "snm-id+jwt"
)

// Options of a Minter.
type Options struct {
	Issuer string        // public_url: the exact "iss"
	TTL    time.Duration // life of an assertion; 60 s, at most 5 min
	Reuse  time.Duration // how long the same one is sent again; 30 s, less than TTL
}

// Minter signs assertions with the current key of a ring. It is safe for concurrent
// use.
type Minter struct {
	keys *keyset.Set
	o    Options
}

// New returns a Minter over a ring of keys as keyset.GenerateKey makes them.
func New(ring *secret.Ring, o Options) (*Minter, error) {
	if o.TTL == 0 {
		o.TTL = 60 * time.Second
	}
	if o.Reuse == 0 {
		o.Reuse = o.TTL / 2
	}
	switch {
	case o.Issuer == "":
		return nil, errors.New("the assertion has no issuer (set public_url)")
	case o.TTL < time.Second || o.TTL > 5*time.Minute:
		return nil, errors.New("the life of an assertion is out of bounds (use 1s to 5m)")
	case o.Reuse < 0 || o.Reuse >= o.TTL:
		return nil, errors.New("an assertion would be sent after its end (make its reuse shorter than its life)")
	}
	m := &Minter{keys: keyset.New(ring, Type), o: o}
	_, err := m.keys.At(time.Now()).Signer()
	return m, err
}

// claims in the order in which they are written; an assertion is canonical.
type claims struct {
	Issuer   string   `json:"iss"`
	Audience string   `json:"aud"`
	Subject  string   `json:"sub"`
	SID      string   `json:"sid,omitempty"`
	KeyID    string   `json:"key_id,omitempty"`
	ClientID string   `json:"client_id,omitempty"` // of an access token
	Email    string   `json:"email,omitempty"`
	Name     string   `json:"name,omitempty"`
	Roles    []string `json:"roles"`
	Scope    string   `json:"scope"` // RFC 8693, Section 4.2
	ACR      string   `json:"acr,omitempty"`
	AMR      []string `json:"amr,omitempty"` // RFC 8176
	AuthTime int64    `json:"auth_time,omitempty"`
	IssuedAt int64    `json:"iat"`
	NotBefor int64    `json:"nbf"`
	Expires  int64    `json:"exp"`
	ID       string   `json:"jti"`
}

// Mint signs a new assertion about c for the upstream of that name. scopes are those
// that c may use now. It never outlives c's credential.
func (m *Minter) Mint(upstream string, c *caller.Caller, scopes, roles []string, now time.Time) (string, error) {
	if c.Subject == "" {
		return "", errors.New("there is nobody to assert (an anonymous request gets no assertion)")
	}
	key, err := m.keys.At(now).Signer()
	if err != nil {
		return "", err
	}
	body, err := json.Marshal(m.claims(upstream, c, scopes, roles, now))
	if err != nil {
		return "", err
	}
	jwt, err := key.Token(body)
	return string(jwt), err
}

func (m *Minter) claims(upstream string, c *caller.Caller, scopes, roles []string, now time.Time) claims {
	end := now.Add(m.o.TTL)
	if !c.ExpiresAt.IsZero() && c.ExpiresAt.Before(end) {
		end = c.ExpiresAt
	}
	out := claims{Issuer: m.o.Issuer, Audience: "upstream:" + upstream, Subject: c.Subject, SID: c.SID, KeyID: c.KeyID, ClientID: c.ClientID,
		Email: c.Email, Name: c.Name, Roles: append([]string{}, roles...), Scope: strings.Join(scopes, " "),
		IssuedAt: now.Unix(), NotBefor: now.Unix(), Expires: end.Unix(), ID: secret.Random62(20)}
	out.ACR, out.AMR = c.ACR, c.AMR
	if c.Kind == caller.Session && c.ACR == "" { // begun before this was kept with the session: by a password
		out.ACR, out.AMR = "aal1", []string{"pwd"}
	}
	// A session in a strange network has the epoch: there the person has not
	// authenticated at all.
	if !c.AuthTime.IsZero() {
		out.AuthTime = max(0, c.AuthTime.Unix())
	}
	return out
}

// Keys are those that sign; a verifier needs their public halves (keyset.JWKS).
func (m *Minter) Keys() *keyset.Set { return m.keys }

// roles returns the roles by which c acts: a credential that names roles narrows its
// principal's, one that names scopes only acts by no role.
func roles(c *caller.Caller) []string {
	switch {
	case c.Principal == nil || c.Credential == nil:
		return nil
	case c.Credential.Whole:
		return c.Principal.Roles
	}
	var both []string
	for _, r := range c.Credential.Roles {
		if slices.Contains(c.Principal.Roles, r) {
			both = append(both, r)
		}
	}
	return both
}
