package secret

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"time"
)

// The purposes of server keys. Each has a ring of its own.
const (
	PurposeCSRF      = "csrf"      // HMAC-SHA-256 key of CSRF tokens, 32 bytes
	PurposePepper    = "pepper"    // HMAC-SHA-256 key of API keys at rest, 32 bytes
	PurposeAssertion = "assertion" // ECDSA P-256 scalar of Sanmon-Assertion, 32 bytes
	PurposeDevice    = "device"    // HMAC-SHA-256 key of pre-session and device cookies, 32 bytes
	PurposeSession   = "session"   // HMAC-SHA-256 key that derives the successor of a session secret, 32 bytes
	PurposeToken     = "token"     // ECDSA P-256 scalar of access tokens, 32 bytes
	PurposeAudit     = "audit"     // Ed25519 seed of audit checkpoints, 32 bytes
	PurposeRefresh   = "refresh"   // HMAC-SHA-256 key that refresh tokens are derived from, 32 bytes
	PurposeDPoP      = "dpop"      // HMAC-SHA-256 key of nonces for proofs of possession, 32 bytes
)

// SealedKey is one server key as the store keeps it.
type SealedKey struct {
	Purpose   string
	Version   int // 1, 2, …; the highest is current
	Sealed    []byte
	CreatedAt time.Time
	ActiveAt  time.Time // when a signing key begins to sign; zero: it is "next"
	RetiredAt time.Time // zero while the key may still verify
}

// KeyStore keeps sealed server keys.
type KeyStore interface {
	// ServerKeys returns all keys of a purpose that are not retired, lowest version
	// first; none is an empty slice.
	ServerKeys(ctx context.Context, purpose string) ([]SealedKey, error)
	// AddServerKey stores k and writes a keyset change. ErrVersionTaken when the
	// purpose already has that version (another node was first).
	AddServerKey(ctx context.Context, k SealedKey) error
}

// ErrVersionTaken says that another node added the same version first.
var ErrVersionTaken = errors.New("server key version is taken")

// Key is one opened server key.
type Key struct {
	Version   int
	Value     Value
	CreatedAt time.Time
	ActiveAt  time.Time // as in SealedKey
}

// Ring holds the opened keys of one purpose. Reading is lock-free; Load swaps the
// whole set. It is safe for concurrent use.
type Ring struct {
	Purpose string
	keys    atomic.Pointer[[]Key]
}

// NewRing returns a ring with the given keys, lowest version first. It is for
// tests and for programs that keep their keys elsewhere.
func NewRing(purpose string, keys ...Key) *Ring {
	r := &Ring{Purpose: purpose}
	r.keys.Store(&keys)
	return r
}

// LoadRing opens the keys of a purpose, making the first one where there is none.
// generate returns the bytes of a new key; nil means 32 random bytes.
func LoadRing(ctx context.Context, store KeyStore, master *Master, purpose string, generate func() ([]byte, error)) (*Ring, error) {
	r := &Ring{Purpose: purpose}
	if err := r.Load(ctx, store, master); err != nil {
		return nil, err
	}
	if len(r.All()) > 0 {
		return r, nil
	}
	if err := Rotate(ctx, store, master, purpose, 1, generate); err != nil && !errors.Is(err, ErrVersionTaken) {
		return nil, err
	}
	if err := r.Load(ctx, store, master); err != nil {
		return nil, err
	}
	if len(r.All()) == 0 {
		return nil, fmt.Errorf("load %s keys: the store kept none", purpose)
	}
	return r, nil
}

// Load reads the ring again. On error the ring keeps what it has; it is never
// swapped to empty.
func (r *Ring) Load(ctx context.Context, store KeyStore, master *Master) error {
	sealed, err := store.ServerKeys(ctx, r.Purpose)
	if err != nil {
		return fmt.Errorf("load %s keys: %w", r.Purpose, err)
	}
	keys := make([]Key, 0, len(sealed))
	for _, s := range sealed {
		v, err := master.Open("keyset/"+r.Purpose, s.Sealed)
		if err != nil {
			return fmt.Errorf("load %s key %d: %w", r.Purpose, s.Version, err)
		}
		keys = append(keys, Key{s.Version, v, s.CreatedAt, s.ActiveAt})
	}
	slices.SortFunc(keys, func(a, b Key) int { return a.Version - b.Version })
	if len(keys) > 0 || r.keys.Load() == nil {
		r.keys.Store(&keys)
	}
	return nil
}

// Rotate makes a key of the given version, in use from now on, and stores it sealed.
func Rotate(ctx context.Context, store KeyStore, master *Master, purpose string, version int, generate func() ([]byte, error)) error {
	k, err := newKey(master, purpose, version, generate, time.Now())
	if err != nil {
		return err
	}
	k.ActiveAt = k.CreatedAt
	return store.AddServerKey(ctx, k)
}

// newKey makes one sealed key. generate returns its bytes; nil means 32 random ones.
func newKey(master *Master, purpose string, version int, generate func() ([]byte, error), now time.Time) (SealedKey, error) {
	if generate == nil {
		generate = func() ([]byte, error) {
			b := make([]byte, 32)
			_, err := rand.Read(b)
			return b, err
		}
	}
	plain, err := generate()
	if err != nil {
		return SealedKey{}, fmt.Errorf("make %s key: %w", purpose, err)
	}
	sealed, err := master.Seal("keyset/"+purpose, plain)
	if err != nil {
		return SealedKey{}, err
	}
	return SealedKey{Purpose: purpose, Version: version, Sealed: sealed, CreatedAt: now}, nil
}

// Current is the newest key: the one that is in use, where keys have no states. It panics on an empty ring, which no constructor
// but NewRing without keys makes.
func (r *Ring) Current() Key {
	keys := r.All()
	return keys[len(keys)-1]
}

// Version returns the key of that version.
func (r *Ring) Version(v int) (Key, bool) {
	for _, k := range r.All() {
		if k.Version == v {
			return k, true
		}
	}
	return Key{}, false
}

// All returns the keys, lowest version first. The slice must not be changed.
func (r *Ring) All() []Key {
	if p := r.keys.Load(); p != nil {
		return *p
	}
	return nil
}
