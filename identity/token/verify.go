package token

import (
	"crypto/sha256"
	"strings"
	"time"

	"github.com/sanmon-gate/sanmon/identity/base64url"
	"github.com/sanmon-gate/sanmon/identity/keyset"
	"github.com/sanmon-gate/sanmon/refusal"
)

// future is how far a token's beginning may lie ahead of this node's clock: it may have
// been made by another node. Its end is judged without any leeway.
const future = 5 * time.Second

// signatureChars is the length of an ES256 signature in base64url.
const signatureChars = 86

// rules are all that a verdict on a token depends on beside its bytes and the time. They
// are never changed: other rules are another value, and verdicts are kept together with
// the rules they were made under.
type rules struct {
	keys *keyset.View
	o    Options
}

// judge verifies a token from scratch. It allocates for what it returns only.
func (r *rules) judge(token string, now time.Time) (Claims, error) {
	if len(token) > MaxSize {
		return Claims{}, invalid("it has %d bytes, and %d are the most", len(token), MaxSize)
	}
	head, rest, _ := strings.Cut(token, ".")
	key := r.keys.ByHeader(head)
	if key == nil {
		return Claims{}, invalid("its header is not that of any key in use (another issuer, another type, another algorithm, or a key that is gone)")
	}
	dot := len(rest) - signatureChars - 1
	if dot < 1 || rest[dot] != '.' {
		return Claims{}, invalid("it is not three parts of which the last is an ES256 signature")
	}
	var sig [keyset.SignatureSize]byte
	if s, ok := base64url.AppendDecode(sig[:0], rest[dot+1:]); !ok || len(s) != len(sig) {
		return Claims{}, invalid("its signature is not canonical base64url")
	}
	var buf [MaxSize]byte
	payload, ok := base64url.AppendDecode(buf[:0], rest[:dot])
	if !ok {
		return Claims{}, invalid("its claims are not canonical base64url")
	}
	if !key.Verify(sum(token[:len(head)+1+dot]), &sig) {
		return Claims{}, invalid("its signature is not that of key %d", key.Version)
	}
	c, ok := parse(string(payload))
	if !ok {
		return Claims{}, invalid("its claims are not in the form of this server's tokens")
	}
	return c, r.admit(&c, now)
}

// admit judges what signed claims say.
func (r *rules) admit(c *Claims, now time.Time) error {
	switch {
	case c.Issuer != r.o.Issuer:
		return invalid("its issuer is %q, not %q", c.Issuer, r.o.Issuer)
	case c.Audience != r.o.Audience:
		return invalid("its audience is %q, not %q", c.Audience, r.o.Audience)
	case c.ExpiresAt-c.IssuedAt > int64(MaxTTL/time.Second):
		return invalid("its life of %d seconds is longer than %s", c.ExpiresAt-c.IssuedAt, MaxTTL)
	case c.IssuedAt > now.Add(future).Unix():
		return invalid("it begins in %d seconds (set the clocks of all nodes)", c.IssuedAt-now.Unix())
	}
	return nil
}

// end is when a token ends at the latest. A shorter token.access_ttl holds for tokens
// that were made before it, too.
func (r *rules) end(c *Claims) time.Time {
	return time.Unix(min(c.ExpiresAt, c.IssuedAt+int64(r.o.TTL/time.Second)), 0)
}

// sum is the SHA-256 of a token, or of a part of one, without a copy on the heap.
func sum(token string) [sha256.Size]byte {
	var buf [MaxSize]byte
	return sha256.Sum256(buf[:copy(buf[:], token)])
}

// signatureSum is the SHA-256 of the last segment of a token.
func signatureSum(segment string) [sha256.Size]byte {
	var buf [signatureChars]byte
	return sha256.Sum256(buf[:copy(buf[:], segment)])
}

// challenge is for a 401 (RFC 6750, Section 3.1).
const challenge = `Bearer error="invalid_token"`

func refuse(code refusal.Code, err error, format string, args ...any) *refusal.Refusal {
	no := refusal.New(code, format, args...)
	no.Challenge, no.Err = challenge, err
	return no
}

func invalid(format string, args ...any) error {
	return refuse(refusal.TokenInvalid, nil, "the access token was not made by this server: "+format, args...)
}
