package secret

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
)

// MasterSize is the size of a master key in bytes.
const MasterSize = 32

const (
	sealVersion = 2
	sealOld     = 1 // the same without the id of the master key
	idSize      = 4
	saltSize    = 16
	nonceSize   = 12
)

// ErrSeal is returned when sealed bytes do not open: another master key, another
// purpose, or changed bytes.
var ErrSeal = errors.New("sealed value does not open (wrong master key, or the stored bytes were changed)")

// Master seals what has to be stored. One key seals; others may be there that only open:
// the one before it, until everything is sealed anew, or the one after it. It is safe for
// concurrent use, Use included.
type Master struct{ keys atomic.Pointer[[]masterKey] }

// masterKey is a key and the name that sealed values know it by.
type masterKey struct {
	id  [idSize]byte
	key Value
}

// NewMaster returns a Master that seals with key, and opens what key and others sealed.
// Each is MasterSize random bytes.
func NewMaster(key Value, others ...Value) (*Master, error) {
	keys := make([]masterKey, 0, 1+len(others))
	for _, k := range append([]Value{key}, others...) {
		if n := len(k.Expose()); n != MasterSize {
			return nil, fmt.Errorf("master key has %d bytes, want %d (make one with: sanmon init)", n, MasterSize)
		}
		id, err := hkdf.Key(sha256.New, k.Expose(), nil, "sanmon/master-id/v1", idSize)
		if err != nil {
			return nil, fmt.Errorf("name the master key: %w", err)
		}
		keys = append(keys, masterKey{[idSize]byte(id), k})
	}
	m := new(Master)
	m.keys.Store(&keys)
	return m, nil
}

// Use makes m seal and open as other does, from now on.
func (m *Master) Use(other *Master) { m.keys.Store(other.keys.Load()) }

// IDs names the keys, the one that seals first. A name is 8 hexadecimal digits and says
// nothing about the key.
func (m *Master) IDs() []string {
	var out []string
	for _, k := range *m.keys.Load() {
		out = append(out, hex.EncodeToString(k.id[:]))
	}
	return out
}

// SealedBy names the master key that sealed a value; "" where the value does not say.
func SealedBy(sealed []byte) string {
	if len(sealed) < 1+idSize || sealed[0] != sealVersion {
		return ""
	}
	return hex.EncodeToString(sealed[1 : 1+idSize])
}

// Seals reports whether a value was sealed by the key that seals now.
func (m *Master) Seals(sealed []byte) bool {
	k := (*m.keys.Load())[0]
	return len(sealed) > 1+idSize && sealed[0] == sealVersion && [idSize]byte(sealed[1:]) == k.id
}

// Seal encrypts plain with AES-256-GCM under a key derived for this value alone
// (HKDF-SHA-256, RFC 5869, random salt), bound to purpose.
// Layout: version[1] id of the master key[4] salt[16] nonce[12] ciphertext+tag.
func (m *Master) Seal(purpose string, plain []byte) ([]byte, error) {
	k := (*m.keys.Load())[0]
	const head = 1 + idSize + saltSize + nonceSize
	out := make([]byte, head, head+len(plain)+16)
	out[0] = sealVersion
	copy(out[1:], k.id[:])
	if _, err := rand.Read(out[1+idSize:]); err != nil {
		return nil, fmt.Errorf("seal %s: %w", purpose, err)
	}
	aead, err := k.aead(purpose, out[1+idSize:1+idSize+saltSize])
	if err != nil {
		return nil, err
	}
	return aead.Seal(out, out[head-nonceSize:], plain, []byte(purpose)), nil
}

// Open decrypts what Seal made for the same purpose, or returns ErrSeal.
func (m *Master) Open(purpose string, sealed []byte) (Value, error) {
	keys := *m.keys.Load()
	if len(sealed) >= 1 && sealed[0] == sealOld { // made before values named their key: any may be it
		for _, k := range keys {
			if v, err := k.open(purpose, sealed[1:]); err == nil {
				return v, nil
			}
		}
		return Value{}, fmt.Errorf("open %s: %w", purpose, ErrSeal)
	}
	if len(sealed) < 1+idSize || sealed[0] != sealVersion {
		return Value{}, fmt.Errorf("open %s: %w", purpose, ErrSeal)
	}
	for _, k := range keys {
		if k.id == [idSize]byte(sealed[1:]) {
			return k.open(purpose, sealed[1+idSize:])
		}
	}
	return Value{}, &ForeignKeyError{Purpose: purpose, SealedBy: SealedBy(sealed), Have: m.IDs()}
}

// ForeignKeyError says that a value was sealed by a master key that is not there. It is an
// ErrSeal.
type ForeignKeyError struct {
	Purpose, SealedBy string
	Have              []string
}

// Error implements error.
func (e *ForeignKeyError) Error() string {
	return fmt.Sprintf("open %s: it is sealed with the master key %s, and master_key gives %s (bring the other key back, or name it as master_key.previous)",
		e.Purpose, e.SealedBy, strings.Join(e.Have, " and "))
}

// Is implements errors.Is.
func (e *ForeignKeyError) Is(target error) bool { return target == ErrSeal }

func (k masterKey) open(purpose string, rest []byte) (Value, error) {
	if len(rest) < saltSize+nonceSize {
		return Value{}, fmt.Errorf("open %s: %w", purpose, ErrSeal)
	}
	aead, err := k.aead(purpose, rest[:saltSize])
	if err != nil {
		return Value{}, err
	}
	plain, err := aead.Open(nil, rest[saltSize:saltSize+nonceSize], rest[saltSize+nonceSize:], []byte(purpose))
	if err != nil {
		return Value{}, fmt.Errorf("open %s: %w", purpose, ErrSeal)
	}
	return keep(plain), nil
}

func (k masterKey) aead(purpose string, salt []byte) (cipher.AEAD, error) {
	key, err := hkdf.Key(sha256.New, k.key.Expose(), salt, "sanmon/seal/v1\x00"+purpose, 32)
	if err != nil {
		return nil, fmt.Errorf("derive key for %s: %w", purpose, err)
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("derive key for %s: %w", purpose, err)
	}
	return cipher.NewGCM(block)
}
