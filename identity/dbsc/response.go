package dbsc

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/sanmon-gate/sanmon/identity/token/foreign"
)

// ErrChallenge says that a response is not for a challenge of ours, or for one that is too
// old: the browser should be given a new one.
var ErrChallenge = errors.New("the response is for no challenge that is still good")

// Type is the typ of a response.
const Type = "dbsc+jwt"

// Register reads the response of a browser that registers its key for a session (Section
// "DBSC proof JWT"), and returns the key as an uncompressed P-256 point. The key signs its
// own registration, for a challenge of this session.
func (b *Binder) Register(sid, response string, now time.Time) (point []byte, err error) {
	u, err := foreign.Parse(response, rules("jwk"))
	if err != nil {
		return nil, fmt.Errorf("the registration: %w", err)
	}
	if len(u.Header.JWK) == 0 {
		return nil, errors.New("the registration brings no key")
	}
	key, err := foreign.ParseKey(u.Header.JWK)
	if err != nil {
		return nil, fmt.Errorf("the registration: %w", err)
	}
	public, ok := key.Public().(*ecdsa.PublicKey)
	if !ok || public.Curve != elliptic.P256() {
		return nil, errors.New("the registration: the key is not of P-256 (register ES256)")
	}
	if err := b.proves(register, sid, u, key, RegisterLife, now); err != nil {
		return nil, err
	}
	return public.Bytes()
}

// Refresh judges the response of a browser to a challenge of a session that is bound to the
// key with that point. It brings no key: the one that is known counts.
func (b *Binder) Refresh(sid string, point []byte, response string, now time.Time) error {
	public, err := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), point)
	if err != nil {
		return fmt.Errorf("the key of session %s at rest is no point of P-256 (the row was changed by other means)", sid)
	}
	jwk, err := json.Marshal(jose.JSONWebKey{Key: public})
	if err != nil {
		return err
	}
	key, err := foreign.ParseKey(jwk)
	if err != nil {
		return err
	}
	u, err := foreign.Parse(response, rules())
	if err != nil {
		return fmt.Errorf("the refresh: %w", err)
	}
	return b.proves(refresh, sid, u, key, RefreshLife, now)
}

// proves checks the signature first: whoever has no key learns nothing of challenges.
func (b *Binder) proves(p purpose, sid string, u *foreign.Unverified, key *foreign.Key, life time.Duration, now time.Time) error {
	c, err := u.Verify(key, now)
	if err != nil {
		return fmt.Errorf("the %s: %w", p, err)
	}
	challenge, err := c.Text("jti")
	if err != nil {
		return fmt.Errorf("the %s: %w", p, err)
	}
	if !b.fresh(p, sid, challenge, life, now) {
		return ErrChallenge
	}
	return nil
}

func rules(members ...string) foreign.Rules {
	return foreign.Rules{Algorithms: []jose.SignatureAlgorithm{jose.ES256}, Types: []string{Type}, Members: members, MaxLife: -1}
}
