package dpop

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/binary"
	"time"

	"github.com/sanmon-gate/sanmon/identity/base64url"
	"github.com/sanmon-gate/sanmon/secret"
)

// nonceLife is how long a nonce is taken; a fresh one goes out with every answer of the
// token endpoint.
const nonceLife = 5 * time.Minute

// nonceBytes is seconds[8] MAC[16].
const nonceBytes = 8 + 16

// Nonces makes and checks nonces (RFC 9449, Section 8). They are stateless: all nodes that
// have the ring, secret.PurposeDPoP, take them.
type Nonces struct{ Ring *secret.Ring }

// Fresh is a nonce of this moment.
func (n *Nonces) Fresh(now time.Time) string {
	var b [nonceBytes]byte
	binary.BigEndian.PutUint64(b[:], uint64(max(0, now.Unix())))
	mac := nonceMAC(n.Ring.Current().Value, b[:8])
	copy(b[8:], mac[:])
	return base64.RawURLEncoding.EncodeToString(b[:])
}

// good reports whether a nonce was made here, not before since, and is young. Another
// node's clock may be a little ahead.
func (n *Nonces) good(nonce string, since, now time.Time) bool {
	var buf [nonceBytes]byte
	if len(nonce) != base64.RawURLEncoding.EncodedLen(nonceBytes) {
		return false
	}
	b, ok := base64url.AppendDecode(buf[:0], nonce)
	if !ok || len(b) != nonceBytes {
		return false
	}
	made := time.Unix(int64(binary.BigEndian.Uint64(b)), 0)
	if made.Before(since) || made.After(now.Add(Window)) || !now.Before(made.Add(nonceLife)) {
		return false
	}
	for _, key := range n.Ring.All() {
		if mac := nonceMAC(key.Value, b[:8]); subtle.ConstantTimeCompare(mac[:], b[8:]) == 1 {
			return true
		}
	}
	return false
}

func nonceMAC(key secret.Value, message []byte) (mac [16]byte) {
	h := hmac.New(sha256.New, key.Expose())
	h.Write([]byte("sanmon/dpop/nonce/v1\x00"))
	h.Write(message)
	copy(mac[:], h.Sum(nil))
	return mac
}
