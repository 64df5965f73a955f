package keyset

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"fmt"

	"github.com/sanmon-gate/sanmon/secret"
)

const coordinate = 32 // bytes of a P-256 coordinate or scalar

// SignatureSize is the length of an ES256 signature: r ‖ s (RFC 7518, Section 3.4).
const SignatureSize = 2 * coordinate

// GenerateKey makes a private key as a secret.Ring keeps it: the P-256 scalar, 32
// bytes big-endian.
func GenerateKey() ([]byte, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("make a signing key: %w", err)
	}
	return key.Bytes()
}

// JWK is the public form of a key: exactly the members of a public EC key, so that
// none of a private one can slip in (RFC 7517, Section 4; RFC 7518, Section 6.2.1).
type JWK struct {
	Kty string `json:"kty"`
	Crv string `json:"crv"`
	X   string `json:"x"`
	Y   string `json:"y"`
	Kid string `json:"kid"`
	Use string `json:"use"`
	Alg string `json:"alg"`
}

// Thumbprint is the SHA-256 thumbprint (RFC 7638, Section 3), which is also the key id.
// The members are base64url and fixed words, so that nothing needs escaping.
func (j JWK) Thumbprint() string {
	sum := sha256.Sum256([]byte(`{"crv":"` + j.Crv + `","kty":"` + j.Kty + `","x":"` + j.X + `","y":"` + j.Y + `"}`))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// Key is one opened key. It is never changed.
type Key struct {
	Version int
	State   secret.State
	Header  string // first segment of every token of this key
	Public  JWK

	value   secret.Value
	private *ecdsa.PrivateKey
}

func newKey(k secret.Key, typ string) (Key, error) {
	private, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), k.Value.Expose())
	if err != nil {
		// The cause is left out: it was made while reading a private key.
		return Key{}, fmt.Errorf("key %d is no P-256 scalar of %d bytes (rotate it: sanmon keyset rotate)", k.Version, coordinate)
	}
	point, err := private.PublicKey.Bytes() // 4 ‖ x ‖ y (SEC 1, Section 2.3.3)
	if err != nil {
		return Key{}, fmt.Errorf("key %d: %w", k.Version, err)
	}
	b64 := base64.RawURLEncoding
	public := JWK{Kty: "EC", Crv: "P-256", X: b64.EncodeToString(point[1 : 1+coordinate]), Y: b64.EncodeToString(point[1+coordinate:]),
		Use: "sig", Alg: "ES256"}
	public.Kid = public.Thumbprint()
	header := `{"alg":"ES256","kid":"` + public.Kid + `","typ":"` + typ + `"}`
	return Key{Version: k.Version, Header: b64.EncodeToString([]byte(header)), Public: public, value: k.Value, private: private}, nil
}

// Token makes a compact JWS (RFC 7515, Section 3.1) of a payload. The nonce of the
// signature is hedged: a weak random source alone does not leak the key.
func (k *Key) Token(payload []byte) ([]byte, error) {
	b64 := base64.RawURLEncoding
	out := make([]byte, 0, len(k.Header)+b64.EncodedLen(len(payload))+b64.EncodedLen(SignatureSize)+2)
	out = append(append(out, k.Header...), '.')
	out = b64.AppendEncode(out, payload)
	sum := sha256.Sum256(out)
	r, s, err := ecdsa.Sign(rand.Reader, k.private, sum[:])
	if err != nil {
		return nil, fmt.Errorf("sign a token: %w", err)
	}
	var sig [SignatureSize]byte
	r.FillBytes(sig[:coordinate])
	s.FillBytes(sig[coordinate:])
	return b64.AppendEncode(append(out, '.'), sig[:]), nil
}

// Verify reports whether sig is this key's signature of what hashes to sum (SHA-256).
// r and s of 0, or not below the order of the curve, are none.
func (k *Key) Verify(sum [sha256.Size]byte, sig *[SignatureSize]byte) bool {
	var buf [2 + 2*(2+1+coordinate)]byte
	der := append(buf[:0], 0x30, 0)
	der = appendInteger(der, sig[:coordinate])
	der = appendInteger(der, sig[coordinate:])
	der[1] = byte(len(der) - 2) // at most 70: one byte of length
	return ecdsa.VerifyASN1(&k.private.PublicKey, sum[:], der)
}

// appendInteger appends a DER INTEGER (X.690, Section 8.3) of a big-endian number.
func appendInteger(der, n []byte) []byte {
	for len(n) > 1 && n[0] == 0 {
		n = n[1:]
	}
	if n[0] >= 0x80 {
		der = append(der, 0x02, byte(len(n)+1), 0)
	} else {
		der = append(der, 0x02, byte(len(n)))
	}
	return append(der, n...)
}
