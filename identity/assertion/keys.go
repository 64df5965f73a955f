package assertion

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"

	"github.com/sanmon-gate/sanmon/secret"
)

const coordinate = 32 // bytes of a P-256 coordinate or scalar

// GenerateKey makes a private key as a secret.Ring keeps it: the P-256 scalar, 32
// bytes big-endian.
func GenerateKey() ([]byte, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("make assertion key: %w", err)
	}
	return key.Bytes()
}

// jwk is the public form of a key: exactly the members of a public EC key, so that
// none of a private one can slip in (RFC 7517, Section 4; RFC 7518, Section 6.2.1).
type jwk struct {
	Kty string `json:"kty"`
	Crv string `json:"crv"`
	X   string `json:"x"`
	Y   string `json:"y"`
	Kid string `json:"kid"`
	Use string `json:"use"`
	Alg string `json:"alg"`
}

// signer is one opened key.
type signer struct {
	version int
	private *ecdsa.PrivateKey
	public  jwk
	header  string // first segment of every JWT of this key, and the dot
}

func newSigner(k secret.Key) (*signer, error) {
	private, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), k.Value.Expose())
	if err != nil {
		// The cause is left out: it was made while reading a private key.
		return nil, fmt.Errorf("assertion key %d is no P-256 scalar of %d bytes (rotate it: sanmon keyset rotate)", k.Version, coordinate)
	}
	point, err := private.PublicKey.Bytes() // 4 ‖ x ‖ y (SEC 1, Section 2.3.3)
	if err != nil {
		return nil, fmt.Errorf("assertion key %d: %w", k.Version, err)
	}
	b64 := base64.RawURLEncoding
	public := jwk{Kty: "EC", Crv: "P-256", X: b64.EncodeToString(point[1 : 1+coordinate]), Y: b64.EncodeToString(point[1+coordinate:]),
		Use: "sig", Alg: "ES256"}
	public.Kid = public.thumbprint()
	header := `{"alg":"ES256","kid":"` + public.Kid + `","typ":"` + Type + `"}`
	return &signer{k.Version, private, public, b64.EncodeToString([]byte(header)) + "."}, nil
}

// thumbprint is the SHA-256 thumbprint (RFC 7638, Section 3). The members are
// base64url and fixed words, so that nothing needs escaping.
func (j jwk) thumbprint() string {
	sum := sha256.Sum256([]byte(`{"crv":"` + j.Crv + `","kty":"` + j.Kty + `","x":"` + j.X + `","y":"` + j.Y + `"}`))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// sign appends the signature to what it signs: r ‖ s, 32 bytes each (RFC 7518,
// Section 3.4). The nonce is hedged: a weak random source alone does not leak the key.
func (s *signer) sign(signing []byte) (string, error) {
	sum := sha256.Sum256(signing)
	r, t, err := ecdsa.Sign(rand.Reader, s.private, sum[:])
	if err != nil {
		return "", fmt.Errorf("sign assertion: %w", err)
	}
	var sig [2 * coordinate]byte
	r.FillBytes(sig[:coordinate])
	t.FillBytes(sig[coordinate:])
	return string(base64.RawURLEncoding.AppendEncode(append(signing, '.'), sig[:])), nil
}

// keyset is a ring, opened.
type keyset struct {
	of      []secret.Key // the ring's slice, to see that it was swapped
	current *signer
	err     error // why there is no current
	jwks    []byte
}

func openRing(keys []secret.Key) *keyset {
	set := &keyset{of: keys, err: fmt.Errorf("there is no assertion key (make one: sanmon keyset rotate)")}
	doc := struct {
		Keys []jwk `json:"keys"`
	}{Keys: []jwk{}}
	for _, k := range keys {
		set.current, set.err = newSigner(k)
		if set.err == nil {
			doc.Keys = append(doc.Keys, set.current.public)
		}
	}
	set.jwks, _ = json.Marshal(doc) // strings only: cannot fail
	return set
}

// same reports that the ring still has the keys that set was opened from. A ring
// swaps its slice and never changes it.
func (set *keyset) same(keys []secret.Key) bool {
	return len(keys) == len(set.of) && (len(keys) == 0 || &keys[0] == &set.of[0])
}
