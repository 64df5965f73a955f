package session

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"hash"
	"time"

	"github.com/sanmon-gate/sanmon/secret"
)

// A session secret begins with 32 bytes, the seed, from crypto/rand or derived from those
// of its predecessor: 256 bits where ASVS 7.2.3 asks for 128. With a ring the mark follows
// (mark.go); without one the seed is the secret. In a cookie it is base64url without
// padding (RFC 4648, Section 5).
const (
	seedBytes   = 32
	seedChars   = 43
	markedBytes = seedBytes + markBytes
	markedChars = markedBytes / 3 * 4
)

var encoding = base64.RawURLEncoding.Strict()

// decoded is a secret as a client presents it.
type decoded struct {
	buf [markedBytes]byte
	n   int // seedBytes or markedBytes
}

func (h *decoded) bytes() []byte { return h.buf[:h.n] }

// decode reads the one canonical form of a secret: exact length, no line ends, no
// padding bits. A truncated or extended secret is no secret.
func decode(cookie string) (h decoded, ok bool) {
	switch len(cookie) {
	case seedChars:
		h.n = seedBytes
	case markedChars:
		h.n = markedBytes
	default:
		return h, false
	}
	var in [markedChars]byte
	n, err := encoding.Decode(h.buf[:], in[:copy(in[:], cookie)])
	return h, err == nil && n == h.n
}

// digest is what is kept of a secret, at rest and in memory. It covers the mark: whoever
// cuts that off has no secret any more.
func digest(h decoded) [32]byte { return sha256.Sum256(h.bytes()) }

// random makes the secret of a session that is given out at a moment.
func (o *Options) random(sid string, at time.Time) (secret.Value, [32]byte) {
	var seed [seedBytes]byte
	_, _ = rand.Read(seed[:]) // never fails: crypto/rand ends the program instead
	if o.Ring == nil {
		return finish(seed[:])
	}
	return mint(o.Ring.Current().Value, sid, at, seed)
}

// next is the secret that a rotation in passing replaces former by at a moment.
func (o *Options) next(sid string, former decoded, at time.Time) (secret.Value, [32]byte) {
	if o.Ring == nil {
		return o.random(sid, at)
	}
	return successor(o.Ring.Current().Value, sid, former, at)
}

// keyed is a MAC for one purpose.
func keyed(key secret.Value, purpose string) hash.Hash {
	mac := hmac.New(sha256.New, key.Expose())
	mac.Write([]byte(purpose + "\x00"))
	return mac
}

// successor derives the secret that follows former at a moment. Whoever has former but not
// the key cannot compute it; every node that sees former can send it again.
func successor(key secret.Value, sid string, former decoded, at time.Time) (secret.Value, [32]byte) {
	mac := keyed(key, "sanmon/session/next/v1")
	mac.Write([]byte(sid))
	mac.Write([]byte{0})
	mac.Write(former.bytes())
	var seed [seedBytes]byte
	mac.Sum(seed[:0])
	return mint(key, sid, at, seed)
}

// mint is the secret with that seed and its digest.
func mint(key secret.Value, sid string, at time.Time, seed [seedBytes]byte) (secret.Value, [32]byte) {
	raw := make([]byte, 0, markedBytes)
	return finish(mark(key, sid, at, append(raw, seed[:]...)))
}

func finish(raw []byte) (secret.Value, [32]byte) {
	return secret.New(encoding.AppendEncode(nil, raw)), sha256.Sum256(raw)
}

// binding is the public stand-in of a secret that CSRF tokens are bound to.
func binding(hash [32]byte) []byte {
	sum := sha256.Sum256(append([]byte("sanmon/session/csrf/v1\x00"), hash[:]...))
	return sum[:]
}
