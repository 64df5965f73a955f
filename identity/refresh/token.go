package refresh

import (
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/binary"
	"fmt"
	"hash/crc32"

	"github.com/sanmon-gate/sanmon/secret"
)

// Prefix begins every refresh token, for people and for scanners of leaked secrets.
const Prefix = "smr_"

// A token is Prefix, 77 characters of base62 for the body, and 6 for the CRC-32 (IEEE) of
// all before it, by which a scanner tells a token from noise and a cut one is refused
// cheaply. The body, big-endian: key version[2] family[16] generation[6] MAC[32].
const (
	bodyBytes = 56
	macBytes  = 32
	bodyChars = bodyBytes / 8 * blockChars
	crcChars  = 6

	// Size is the length of every refresh token, in bytes.
	Size = len(Prefix) + bodyChars + crcChars

	maxVersion = 1<<16 - 1
	maxGen     = 1<<48 - 1
)

// claim is what a token says: which family, and which generation of it.
type claim struct {
	family [16]byte
	gen    int64
}

// mint writes the token of a generation. It is the same every time, as long as the ring's
// current key is. The MAC covers the client, so that a token is nothing to another one.
func mint(ring *secret.Ring, c claim, client string) (secret.Value, error) {
	key := ring.Current()
	if key.Version < 1 || key.Version > maxVersion || c.gen < 0 || c.gen > maxGen {
		return secret.Value{}, fmt.Errorf("make a refresh token: key version %d or generation %d is out of range", key.Version, c.gen)
	}
	var body [bodyBytes]byte
	head := body[:bodyBytes-macBytes]
	binary.BigEndian.PutUint16(head, uint16(key.Version))
	copy(head[2:], c.family[:])
	binary.BigEndian.PutUint64(body[18:], uint64(c.gen)<<16)
	mac, err := authenticate(key.Value, head, client)
	if err != nil {
		return secret.Value{}, err
	}
	copy(body[bodyBytes-macBytes:], mac[:])
	out := make([]byte, 0, Size)
	out = append(out, Prefix...)
	for i := 0; i < bodyBytes; i += 8 {
		out = appendBase62(out, binary.BigEndian.Uint64(body[i:]), blockChars)
	}
	out = appendBase62(out, uint64(crc32.ChecksumIEEE(out)), crcChars)
	return secret.New(out), nil
}

// open reads a token and checks its MAC. ok is false for everything that mint did not
// write for this client with a key that the ring still has.
func open(ring *secret.Ring, token, client string) (c claim, ok bool) {
	body, ok := parse(token)
	if !ok {
		return c, false
	}
	key, ok := ring.Version(int(binary.BigEndian.Uint16(body[:])))
	if !ok {
		return c, false
	}
	mac, err := authenticate(key.Value, body[:bodyBytes-macBytes], client)
	if err != nil || subtle.ConstantTimeCompare(mac[:], body[bodyBytes-macBytes:]) != 1 {
		return c, false
	}
	copy(c.family[:], body[2:18])
	var gen [8]byte
	copy(gen[2:], body[18:24])
	c.gen = int64(binary.BigEndian.Uint64(gen[:]))
	return c, true
}

// parse reads the one spelling of a body: exact length, alphabet, no overflow, checksum.
func parse(token string) (body [bodyBytes]byte, ok bool) {
	if len(token) != Size || token[:len(Prefix)] != Prefix {
		return body, false
	}
	sum, ok := parseBase62(token[Size-crcChars:])
	if !ok || sum != uint64(crc32.ChecksumIEEE([]byte(token[:Size-crcChars]))) {
		return body, false
	}
	for i := range bodyBytes / 8 {
		from := len(Prefix) + i*blockChars
		n, ok := parseBase62(token[from : from+blockChars])
		if !ok {
			return body, false
		}
		binary.BigEndian.PutUint64(body[i*8:], n)
	}
	return body, true
}

// Looks reports whether a text is spelled like a refresh token. It says nothing about
// whether it is one.
func Looks(text string) bool {
	_, ok := parse(text)
	return ok
}

// authenticate is HMAC-SHA-256 with a key of the family's own (HKDF, RFC 5869), which
// needs no row: the family's id is the salt.
func authenticate(master secret.Value, head []byte, client string) (mac [macBytes]byte, err error) {
	key, err := hkdf.Key(sha256.New, master.Expose(), head[2:18], "sanmon/refresh/family/v1", 32)
	if err != nil {
		return mac, fmt.Errorf("derive the key of a refresh family: %w", err)
	}
	h := hmac.New(sha256.New, key)
	h.Write([]byte("sanmon/refresh/token/v1\x00"))
	h.Write(head)
	h.Write([]byte(client))
	h.Sum(mac[:0])
	return mac, nil
}
