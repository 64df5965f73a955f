package session

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"

	"github.com/sanmon-gate/sanmon/secret"
)

// A session secret is 32 bytes from crypto/rand in base64url without padding
// (RFC 4648, Section 5): 256 bits where ASVS 7.2.3 asks for 128.
const (
	secretBytes = 32
	secretChars = 43
)

var encoding = base64.RawURLEncoding.Strict()

// decode reads the one canonical form of a secret: exact length, no line ends, no
// padding bits. A truncated or extended secret is no secret.
func decode(cookie string) (raw [secretBytes]byte, ok bool) {
	if len(cookie) != secretChars {
		return raw, false
	}
	var in [secretChars]byte
	copy(in[:], cookie)
	n, err := encoding.Decode(raw[:], in[:])
	return raw, err == nil && n == secretBytes
}

// digest is what is kept of a secret, at rest and in memory.
func digest(raw [secretBytes]byte) [32]byte { return sha256.Sum256(raw[:]) }

func encode(raw []byte) secret.Value {
	return secret.New(encoding.AppendEncode(nil, raw))
}

// random makes a new secret.
func random() (secret.Value, [32]byte) {
	var raw [secretBytes]byte
	_, _ = rand.Read(raw[:]) // never fails: crypto/rand ends the program instead
	return encode(raw[:]), digest(raw)
}

// successor derives the secret that follows raw. Whoever has raw but not the key
// cannot compute it; every node that sees raw can send it again.
func successor(key secret.Value, sid string, raw [secretBytes]byte) (secret.Value, [32]byte) {
	mac := hmac.New(sha256.New, key.Expose())
	mac.Write([]byte("sanmon/session/next/v1\x00"))
	mac.Write([]byte(sid))
	mac.Write([]byte{0})
	mac.Write(raw[:])
	var next [secretBytes]byte
	mac.Sum(next[:0])
	return encode(next[:]), digest(next)
}

// binding is the public stand-in of a secret that CSRF tokens are bound to.
func binding(hash [32]byte) []byte {
	sum := sha256.Sum256(append([]byte("sanmon/session/csrf/v1\x00"), hash[:]...))
	return sum[:]
}
