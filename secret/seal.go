package secret

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
)

// MasterSize is the size of a master key in bytes.
const MasterSize = 32

const (
	sealVersion = 1
	saltSize    = 16
	nonceSize   = 12
)

// ErrSeal is returned when sealed bytes do not open: another master key, another
// purpose, or changed bytes.
var ErrSeal = errors.New("sealed value does not open (wrong master key, or the stored bytes were changed)")

// Master seals what has to be stored. It is safe for concurrent use.
type Master struct{ key Value }

// NewMaster returns a Master for a key of MasterSize random bytes.
func NewMaster(key Value) (*Master, error) {
	if n := len(key.Expose()); n != MasterSize {
		return nil, fmt.Errorf("master key has %d bytes, want %d (make one with: sanmon init)", n, MasterSize)
	}
	return &Master{key}, nil
}

// Seal encrypts plain with AES-256-GCM under a key derived for this value alone
// (HKDF-SHA-256, RFC 5869, random salt), bound to purpose.
// Layout: version[1] salt[16] nonce[12] ciphertext+tag.
func (m *Master) Seal(purpose string, plain []byte) ([]byte, error) {
	out := make([]byte, 1+saltSize+nonceSize, 1+saltSize+nonceSize+len(plain)+16)
	out[0] = sealVersion
	if _, err := rand.Read(out[1:]); err != nil {
		return nil, fmt.Errorf("seal %s: %w", purpose, err)
	}
	aead, err := m.aead(purpose, out[1:1+saltSize])
	if err != nil {
		return nil, err
	}
	return aead.Seal(out, out[1+saltSize:], plain, []byte(purpose)), nil
}

// Open decrypts what Seal made for the same purpose, or returns ErrSeal.
func (m *Master) Open(purpose string, sealed []byte) (Value, error) {
	if len(sealed) < 1+saltSize+nonceSize || sealed[0] != sealVersion {
		return Value{}, fmt.Errorf("open %s: %w", purpose, ErrSeal)
	}
	aead, err := m.aead(purpose, sealed[1:1+saltSize])
	if err != nil {
		return Value{}, err
	}
	plain, err := aead.Open(nil, sealed[1+saltSize:1+saltSize+nonceSize], sealed[1+saltSize+nonceSize:], []byte(purpose))
	if err != nil {
		return Value{}, fmt.Errorf("open %s: %w", purpose, ErrSeal)
	}
	return keep(plain), nil
}

func (m *Master) aead(purpose string, salt []byte) (cipher.AEAD, error) {
	key, err := hkdf.Key(sha256.New, m.key.Expose(), salt, "sanmon/seal/v1\x00"+purpose, 32)
	if err != nil {
		return nil, fmt.Errorf("derive key for %s: %w", purpose, err)
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("derive key for %s: %w", purpose, err)
	}
	return cipher.NewGCM(block)
}
