package oauth

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"slices"
	"time"

	"github.com/sanmon-gate/sanmon/caller"
	"github.com/sanmon-gate/sanmon/identity/refresh"
	"github.com/sanmon-gate/sanmon/secret"
)

// IDTokenType is the "typ" of an ID token. It keeps one from ever being taken for an
// access token, whose header is another constant of the same keys (RFC 8725, Section
// 3.11).
const IDTokenType = "JWT"

// idTokenLife is how long a client may rely on an ID token: it has just been handed over.
const idTokenLife = 5 * time.Minute

// idClaims are the claims of an ID token (OpenID Connect Core, Sections 2 and 3.1.3.6).
type idClaims struct {
	Issuer   string   `json:"iss"`
	Subject  string   `json:"sub"`
	Audience string   `json:"aud"`
	Expires  int64    `json:"exp"`
	IssuedAt int64    `json:"iat"`
	AuthTime int64    `json:"auth_time"`
	Nonce    string   `json:"nonce,omitempty"`
	Hash     string   `json:"at_hash"`
	SID      string   `json:"sid"`
	ACR      string   `json:"acr,omitempty"`
	AMR      []string `json:"amr,omitempty"`
	Email    string   `json:"email,omitempty"`
}

// identity makes the ID token where the scope has openid; empty where not.
func (s *Server) identity(ctx context.Context, client *Client, i refresh.Issued, access secret.Value, now time.Time) (secret.Value, error) {
	f := i.Family
	if !slices.Contains(f.Scope, "openid") {
		return secret.Value{}, nil
	}
	sum := access.Hash()
	c := idClaims{Issuer: s.Issuer, Subject: f.User, Audience: client.ID, IssuedAt: now.Unix(), Expires: now.Add(idTokenLife).Unix(), AuthTime: f.AuthTime.Unix(),
		Nonce: i.Nonce, Hash: base64.RawURLEncoding.EncodeToString(sum[:sha256.Size/2]), SID: f.SID, ACR: f.ACR, AMR: f.AMR}
	if slices.Contains(f.Scope, "email") {
		var live caller.Caller
		if err := s.Sessions.Behind(ctx, f.SID, now, &live); err != nil {
			return secret.Value{}, err
		}
		c.Email = live.Email
	}
	payload, err := json.Marshal(c)
	if err != nil {
		return secret.Value{}, err
	}
	key, err := s.IDKeys.At(now).Signer()
	if err != nil {
		return secret.Value{}, err
	}
	raw, err := key.Token(payload)
	return secret.New(raw), err
}
