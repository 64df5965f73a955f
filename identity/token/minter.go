package token

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync/atomic"
	"time"

	"github.com/sanmon-gate/sanmon/identity/keyset"
	"github.com/sanmon-gate/sanmon/secret"
)

// Type is the "typ" of an access token (RFC 9068, Section 2.1).
const Type = "at+jwt"

// MaxTTL is the longest life of an access token, whatever is configured.
const MaxTTL = 10 * time.Minute

// Options of a Minter and of a Verifier.
type Options struct {
	Issuer   string        // public_url, exactly
	Audience string        // the one API that tokens are for; Issuer where empty
	TTL      time.Duration // life of a token; 5 min, at most MaxTTL
}

func (o Options) complete() (Options, error) {
	if o.Audience == "" {
		o.Audience = o.Issuer
	}
	if o.TTL == 0 {
		o.TTL = 5 * time.Minute
	}
	switch {
	case o.Issuer == "" || !plain(o.Issuer) || !plain(o.Audience):
		return o, errors.New("access tokens have no issuer, or one with characters that need escaping (set public_url)")
	case o.TTL < time.Second || o.TTL > MaxTTL:
		return o, fmt.Errorf("token.access_ttl %s is out of bounds (use 1s to %s)", o.TTL, MaxTTL)
	}
	return o, nil
}

// Grant is what a token is made for.
type Grant struct {
	Subject    string // principal id
	ClientID   string
	SID        string // session of the grant: the token is worth nothing when it ends
	Scope      string // words with one space between; "" grants nothing
	AuthTime   time.Time
	ACR        string
	AMR        []string
	Thumbprint string    // of the key that the bearer has to prove (DPoP); "" none
	Generation uint64    // of the refresh family; 0 none
	NotAfter   time.Time // end of the grant, which no token outlives; zero: no end
}

// Minted is a new token.
type Minted struct {
	Token     secret.Value
	ID        string // jti, for the trail
	ExpiresAt time.Time
	ExpiresIn time.Duration // whole seconds, for expires_in (RFC 6749, Section 5.1)
}

// Minter makes access tokens with the key that signs now. It is safe for concurrent use.
type Minter struct {
	keys   *keyset.Set
	o      atomic.Pointer[Options]
	jitter func(most time.Duration) time.Duration
}

// NewMinter returns a Minter. keys are keyset.New(ring, Type).
func NewMinter(keys *keyset.Set, o Options) (*Minter, error) {
	m := &Minter{keys: keys, jitter: rand.N[time.Duration]} // spreads load; nothing about security
	return m, m.Configure(o)
}

// Configure swaps the options of a running Minter.
func (m *Minter) Configure(o Options) error {
	o, err := o.complete()
	if err == nil {
		m.o.Store(&o)
	}
	return err
}

// Mint makes a token. It lives up to a tenth shorter than TTL, at random, so that the
// clients of a server that was down do not all come back in the same second.
func (m *Minter) Mint(g Grant, now time.Time) (Minted, error) {
	key, err := m.keys.At(now).Signer()
	if err != nil {
		return Minted{}, err
	}
	o := m.o.Load()
	c := Claims{Issuer: o.Issuer, Audience: o.Audience, Subject: g.Subject, ClientID: g.ClientID, SID: g.SID, Scope: g.Scope,
		IssuedAt: now.Unix(), ExpiresAt: m.end(o.TTL, g, now), ID: secret.Random62(20), ACR: g.ACR, AMR: g.AMR, JKT: g.Thumbprint, Gen: g.Generation}
	if !g.AuthTime.IsZero() {
		c.AuthTime = max(0, g.AuthTime.Unix())
	}
	if err := c.check(); err != nil {
		return Minted{}, fmt.Errorf("mint an access token for session %s: %w", g.SID, err)
	}
	out, err := key.Token(c.append(make([]byte, 0, 512)))
	if err != nil {
		return Minted{}, err
	}
	if len(out) > MaxSize {
		return Minted{}, fmt.Errorf("mint an access token for session %s: it has %d bytes, and %d are the most (grant fewer scopes)", g.SID, len(out), MaxSize)
	}
	return Minted{secret.New(out), c.ID, time.Unix(c.ExpiresAt, 0), time.Duration(c.ExpiresAt-c.IssuedAt) * time.Second}, nil
}

func (m *Minter) end(ttl time.Duration, g Grant, now time.Time) int64 {
	if most := ttl / 10; most >= time.Second {
		ttl -= m.jitter(most)
	}
	end := now.Add(ttl)
	if !g.NotAfter.IsZero() && g.NotAfter.Before(end) {
		end = g.NotAfter
	}
	return end.Unix()
}

// Scopes are the words of a scope.
func Scopes(scope string) []string { return strings.Fields(scope) }
