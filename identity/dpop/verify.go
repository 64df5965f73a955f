package dpop

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/sanmon-gate/sanmon/exchange"
	"github.com/sanmon-gate/sanmon/identity/base64url"
	"github.com/sanmon-gate/sanmon/identity/token/foreign"
	"github.com/sanmon-gate/sanmon/refusal"
)

// Window is how far the clock reading of a proof may differ from ours (RFC 9449, Section
// 11.1), where it has no nonce.
const Window = time.Minute

// maxProof is the longest proof that is read, in bytes: one with a P-256 key has about 400.
const maxProof = 2048

// Verifier verifies proofs. Its fields are set before the first use; it is safe for
// concurrent use.
type Verifier struct {
	Origin string  // public_url: what proofs name, whatever Host says
	Nonces *Nonces // required
	Seen   *Seen   // required
	// Since is when Seen began to remember; zero: it knows all that was ever used. A proof
	// that was made before is asked for again, with a nonce.
	Since time.Time
}

// The words of problems (RFC 9449, Sections 5 and 8).
const (
	InvalidProof = "invalid_dpop_proof"
	UseNonce     = "use_dpop_nonce"
)

// Problem is why a proof is not taken. It wraps a *refusal.Refusal.
type Problem struct {
	Code  string // InvalidProof or UseNonce
	Nonce string // for the field DPoP-Nonce, with UseNonce
	Err   error
}

// Error gives the operator's text.
func (p *Problem) Error() string { return p.Code }

// Unwrap returns the operator's half.
func (p *Problem) Unwrap() error { return p.Err }

// Description is for the developer of the client.
func (p *Problem) Description() string {
	if p.Code == UseNonce {
		return "the proof needs the nonce of the field DPoP-Nonce"
	}
	return "the DPoP proof is missing or not valid for this request"
}

// Algorithms are the values of dpop_signing_alg_values_supported.
func Algorithms() []string { return []string{string(jose.ES256)} }

// Claim is what a verified proof says.
type Claim struct {
	Thumbprint [sha256.Size]byte // of its key (RFC 7638)
	id         [sha256.Size]byte // of its jti and key
}

// Verify verifies the values of the field DPoP: exactly one proof, for a method and a path
// of the public origin and, where there is one, for an access token. It does not use the
// proof up: see Use. A no is a *Problem.
func (v *Verifier) Verify(proofs []string, method, path, accessToken string, now time.Time) (Claim, error) {
	if len(proofs) != 1 {
		return Claim{}, invalid("the request has %d DPoP fields, and one is needed", len(proofs))
	}
	if len(proofs[0]) > maxProof {
		return Claim{}, invalid("the proof has %d bytes, and %d are the most", len(proofs[0]), maxProof)
	}
	u, err := foreign.Parse(proofs[0], foreign.Rules{Algorithms: []jose.SignatureAlgorithm{jose.ES256}, Types: []string{"dpop+jwt"},
		Members: []string{"jwk"}, MaxLife: -1, Leeway: Window})
	if err != nil {
		return Claim{}, invalid("%v", err)
	}
	if u.Header.JWK == nil {
		return Claim{}, invalid("the proof does not bring its key")
	}
	key, err := foreign.ParseKey(u.Header.JWK)
	if err != nil {
		return Claim{}, invalid("the key of the proof: %v", err)
	}
	c, err := u.Verify(key, now)
	if err != nil {
		return Claim{}, invalid("%v", err)
	}
	if err := v.admit(c, method, path, accessToken, now); err != nil {
		return Claim{}, err
	}
	return claimOf(key, c)
}

// Use uses a proof up; the second time it is a replay.
func (v *Verifier) Use(ctx context.Context, c Claim, now time.Time) error {
	verdict, err := v.Seen.Use(ctx, c.id, now)
	switch {
	case err != nil:
		return err
	case verdict == Again:
		return invalid("the proof was used before (a client makes one for each request)")
	case verdict == Full:
		return &refusal.Refusal{Code: refusal.Busy, RetryAfter: 10 * time.Second, Reason: "more proofs of possession come than can be remembered, so none is taken"}
	}
	return nil
}

// admit judges what a proof says (RFC 9449, Section 4.3).
func (v *Verifier) admit(c *foreign.Claims, method, path, accessToken string, now time.Time) error {
	if htm, err := c.Text("htm"); err != nil || htm != method {
		return invalid("the proof is for another method than %.20q", method)
	}
	if htu, err := c.Text("htu"); err != nil || !v.addressed(htu, path) {
		return invalid("the proof is for another address than %s%.200s (htu is the public address, without query)", v.Origin, path)
	}
	if ath, err := c.Text("ath"); err != nil || accessToken != "" && ath != hash(accessToken) {
		return invalid("the proof is for another access token, or for none (ath)")
	}
	return v.young(c, now)
}

// young judges when the proof was made: by its nonce, else by its own clock.
func (v *Verifier) young(c *foreign.Claims, now time.Time) error {
	nonce, err := c.Text("nonce")
	switch {
	case err != nil || c.IssuedAt.IsZero():
		return invalid("the proof has no iat, or a nonce that is no text")
	case nonce != "" && v.Nonces.good(nonce, v.Since, now):
		return nil
	case nonce != "":
		return v.wantNonce("the nonce of the proof is over, or not of this server", now)
	case now.Sub(c.IssuedAt) > Window:
		return v.wantNonce("the proof was made too long ago, or the clock of the client is wrong", now)
	case c.IssuedAt.Before(v.Since):
		return v.wantNonce("the proof was made before this server started, and it is not known whether it was used then", now)
	}
	return nil
}

func (v *Verifier) wantNonce(reason string, now time.Time) error {
	return &Problem{Code: UseNonce, Nonce: v.Nonces.Fresh(now), Err: refusal.New(refusal.TokenInvalid, "%s (the client is given a nonce)", reason)}
}

// maxJTI bounds jti, in bytes.
const maxJTI = 256

func claimOf(key *foreign.Key, c *foreign.Claims) (Claim, error) {
	jti, err := c.Text("jti")
	if err != nil || jti == "" || len(jti) > maxJTI {
		return Claim{}, invalid("the proof has no jti, or one of more than %d bytes", maxJTI)
	}
	print, err := key.Thumbprint()
	if err != nil {
		return Claim{}, invalid("the key of the proof has no thumbprint")
	}
	var claim Claim
	raw, ok := base64url.AppendDecode(claim.Thumbprint[:0], print)
	if !ok || len(raw) != sha256.Size {
		return Claim{}, invalid("the key of the proof has no thumbprint")
	}
	claim.id = sha256.Sum256([]byte(print + "\x00" + jti))
	return claim, nil
}

// hash is the ath of an access token (RFC 9449, Section 4.2).
func hash(accessToken string) string {
	sum := sha256.Sum256([]byte(accessToken))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// Prove implements token.Binding: the request carries a proof for itself and the token, by
// the key with that thumbprint, and the proof is used up. A no is refusal.TokenInvalid
// with the challenge of RFC 9449, Section 7.1, and a *Problem as its cause.
func (v *Verifier) Prove(ctx context.Context, r *exchange.Request, token, thumbprint string) error {
	path, _, _ := strings.Cut(r.Target, "?")
	c, err := v.Verify(r.Fields.Values("Dpop"), r.Method, path, token, r.Now)
	if err == nil && base64.RawURLEncoding.EncodeToString(c.Thumbprint[:]) != thumbprint {
		err = invalid("the proof is by another key than the one that the access token is bound to")
	}
	if err == nil {
		err = v.Use(ctx, c, r.Now)
	}
	return challenged(err)
}

// challenged puts a problem into the form of a route's answer.
func challenged(err error) error {
	p, ok := err.(*Problem)
	if !ok {
		return err
	}
	no := refusal.From(p.Err)
	return &refusal.Refusal{Code: no.Code, Reason: no.Reason, Err: p,
		Challenge: `DPoP error="` + p.Code + `", algs="` + strings.Join(Algorithms(), " ") + `"`}
}

func invalid(format string, args ...any) error {
	return &Problem{Code: InvalidProof, Err: refusal.New(refusal.TokenInvalid, "DPoP: %s", fmt.Sprintf(format, args...))}
}

// addressed compares htu with a path of the public origin (RFC 9449, Section 4.3, point
// 9): without query and fragment, after normalisation (RFC 3986, Section 6.2).
func (v *Verifier) addressed(htu, path string) bool {
	want, ok := normal(v.Origin + path)
	have, fine := normal(htu)
	return ok && fine && want == have
}

func normal(address string) (string, bool) {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.User != nil || u.Opaque != "" {
		return "", false
	}
	scheme, host := strings.ToLower(u.Scheme), strings.ToLower(u.Host)
	if scheme == "https" {
		host = strings.TrimSuffix(host, ":443")
	} else if scheme == "http" {
		host = strings.TrimSuffix(host, ":80")
	}
	path := unreserved(u.EscapedPath())
	if path == "" {
		path = "/"
	}
	return scheme + "://" + host + path, true
}

// unreserved decodes what needs no encoding and writes other escapes in upper case
// (RFC 3986, Sections 6.2.2.1 and 6.2.2.2).
func unreserved(path string) string {
	if !strings.Contains(path, "%") {
		return path
	}
	var b strings.Builder
	for i := 0; i < len(path); i++ {
		if path[i] != '%' || i+2 >= len(path) {
			b.WriteByte(path[i])
			continue
		}
		c := digit(path[i+1])<<4 | digit(path[i+2])
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte("-._~", c) >= 0 {
			b.WriteByte(c)
		} else {
			b.WriteString(strings.ToUpper(path[i : i+3]))
		}
		i += 2
	}
	return b.String()
}

// digit is the value of a hexadecimal digit; url.Parse has checked that it is one.
func digit(c byte) byte {
	switch {
	case c >= 'a':
		return c - 'a' + 10
	case c >= 'A':
		return c - 'A' + 10
	}
	return c - '0'
}
