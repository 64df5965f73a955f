package foreign

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	_ "crypto/sha256" // the hashes that algorithms name
	_ "crypto/sha512"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/go-jose/go-jose/v4"
)

// hashes are the algorithms that can be admitted, all of them asymmetric, and what they
// hash with; EdDSA hashes by itself.
var hashes = map[jose.SignatureAlgorithm]crypto.Hash{
	jose.ES256: crypto.SHA256, jose.ES384: crypto.SHA384, jose.ES512: crypto.SHA512,
	jose.RS256: crypto.SHA256, jose.RS384: crypto.SHA384, jose.RS512: crypto.SHA512,
	jose.PS256: crypto.SHA256, jose.PS384: crypto.SHA384, jose.PS512: crypto.SHA512,
	jose.EdDSA: 0,
}

// The bounds of a JWK Set, and of RSA keys in bits.
const (
	maxKeySet  = 64 << 10
	maxKeys    = 64
	minModulus = 2048
	maxModulus = 8192
)

// Key is one public key that verifies signatures.
type Key struct {
	ID     string // kid, "" none
	alg    string // alg of the JWK: it is for this one only; "" for all that its type allows
	public crypto.PublicKey
}

// Public is the key itself: *ecdsa.PublicKey, *rsa.PublicKey or ed25519.PublicKey.
func (k *Key) Public() crypto.PublicKey { return k.public }

// Thumbprint is the SHA-256 thumbprint of the key in base64url (RFC 7638).
func (k *Key) Thumbprint() (string, error) {
	sum, err := (&jose.JSONWebKey{Key: k.public}).Thumbprint(crypto.SHA256)
	return base64.RawURLEncoding.EncodeToString(sum), err
}

// For reports whether signatures of that algorithm may be verified with the key.
func (k *Key) For(alg jose.SignatureAlgorithm) bool {
	if k.alg != "" && k.alg != string(alg) {
		return false
	}
	switch p := k.public.(type) {
	case *ecdsa.PublicKey:
		curve := map[jose.SignatureAlgorithm]elliptic.Curve{jose.ES256: elliptic.P256(), jose.ES384: elliptic.P384(), jose.ES512: elliptic.P521()}[alg]
		return curve != nil && p.Curve == curve
	case *rsa.PublicKey:
		return strings.HasPrefix(string(alg), "RS") || strings.HasPrefix(string(alg), "PS")
	case ed25519.PublicKey:
		return alg == jose.EdDSA
	}
	return false
}

// salted holds PSS to the salt that RFC 7518, Section 3.5 demands, which go-jose does not.
func (k *Key) salted(u *Unverified) error {
	public, ok := k.public.(*rsa.PublicKey)
	if !ok || !strings.HasPrefix(string(u.Header.Algorithm), "PS") {
		return nil
	}
	hash := hashes[u.Header.Algorithm]
	dot := strings.LastIndexByte(u.token, '.')
	sig, err := base64.RawURLEncoding.DecodeString(u.token[dot+1:])
	if err != nil {
		return err
	}
	h := hash.New()
	h.Write([]byte(u.token[:dot]))
	if rsa.VerifyPSS(public, hash, h.Sum(nil), sig, &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash}) != nil {
		return errors.New("the signature of the token has a salt of another length than its hash")
	}
	return nil
}

// errUnusable says that a key is well formed and not for us: another use, another type.
var errUnusable = errors.New("it is not a key for signatures that are taken here")

// private are the members of keys that are not public (RFC 7518, Section 6).
var private = [...]string{"d", "p", "q", "dp", "dq", "qi", "oth", "k"}

// ParseKey reads one public JWK (RFC 7517).
func ParseKey(jwk []byte) (*Key, error) {
	if len(jwk) > MaxSize {
		return nil, fmt.Errorf("the key has %d bytes, and %d are the most", len(jwk), MaxSize)
	}
	members, err := object(jwk)
	if err != nil {
		return nil, fmt.Errorf("the key: %w", err)
	}
	for _, name := range private {
		if _, ok := members[name]; ok {
			return nil, errors.New("the key is private or symmetric, and somebody gave it away")
		}
	}
	c := Claims{members: members}
	var words [4]string
	for i, name := range [...]string{"kty", "use", "alg", "kid"} {
		if words[i], err = c.Text(name); err != nil {
			return nil, err
		}
	}
	ops, err := c.Texts("key_ops")
	switch {
	case err != nil:
		return nil, err
	case !slices.Contains([]string{"EC", "RSA", "OKP"}, words[0]), words[1] != "" && words[1] != "sig", members["key_ops"] != nil && !slices.Equal(ops, []string{"verify"}):
		return nil, errUnusable
	}
	for _, name := range [...]string{"x5c", "x5u"} { // not ours to follow; go-jose would parse them
		delete(members, name)
	}
	bare, err := json.Marshal(members)
	if err != nil {
		return nil, err
	}
	var read jose.JSONWebKey
	if err := read.UnmarshalJSON(bare); err != nil || !read.Valid() || !read.IsPublic() {
		return nil, errUnusable
	}
	k := &Key{ID: words[3], alg: words[2], public: read.Key}
	return k, k.strong()
}

// strong refuses keys that others can compute the private half of.
func (k *Key) strong() error {
	public, ok := k.public.(*rsa.PublicKey)
	if !ok {
		return nil // points are on their curve already
	}
	switch n := public.N.BitLen(); {
	case n < minModulus || n > maxModulus:
		return fmt.Errorf("%w: its modulus has %d bits", errUnusable, n)
	case public.E < 65537 || public.E&1 == 0: // NIST SP 800-56B, Section 6.2
		return fmt.Errorf("%w: its exponent is %d", errUnusable, public.E)
	case roca(public.N):
		return fmt.Errorf("%w: its modulus was made by a broken library (CVE-2017-15361)", errUnusable)
	}
	return nil
}

// Keys are the public keys of one party.
type Keys struct{ all []*Key }

// ParseKeys reads a JWK Set. Keys that are for something else are left out; a set that
// has a key twice, or a private or symmetric one, is refused as a whole.
func ParseKeys(set []byte) (*Keys, error) {
	if len(set) > maxKeySet {
		return nil, fmt.Errorf("the key set has %d bytes, and %d are the most", len(set), maxKeySet)
	}
	members, err := object(set)
	if err != nil {
		return nil, fmt.Errorf("the key set: %w", err)
	}
	var raw []json.RawMessage
	if json.Unmarshal(members["keys"], &raw) != nil || len(raw) > maxKeys {
		return nil, fmt.Errorf("the key set has no list of keys, or more than %d", maxKeys)
	}
	keys, seen, unusable := &Keys{}, map[string]bool{}, error(nil)
	for _, one := range raw {
		id := idOf(one)
		if id != "" && seen[id] {
			return nil, fmt.Errorf("the key set has two keys with the kid %q", id)
		}
		seen[id] = true
		switch k, err := ParseKey(one); {
		case errors.Is(err, errUnusable):
			unusable = err
		case err != nil:
			return nil, err
		default:
			keys.all = append(keys.all, k)
		}
	}
	if len(keys.all) == 0 {
		return nil, fmt.Errorf("the key set has no key that can be used: %w", errors.Join(unusable, errUnusable))
	}
	return keys, nil
}

func idOf(jwk json.RawMessage) string {
	members, _ := object(jwk)
	id, _ := (&Claims{members: members}).Text("kid")
	return id
}

// Find returns the key for a token: that of its kid or, where it has none, the only one
// that is for its algorithm.
func (ks *Keys) Find(h Header) (*Key, error) {
	var found []*Key
	for _, k := range ks.all {
		if k.For(h.Algorithm) && (h.KeyID == "" || h.KeyID == k.ID) {
			found = append(found, k)
		}
	}
	if len(found) != 1 {
		return nil, fmt.Errorf("%d keys of the set are for a token with %s and the kid %q", len(found), h.Algorithm, h.KeyID)
	}
	return found[0], nil
}
