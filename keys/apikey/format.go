package apikey

import (
	"errors"
	"hash/crc32"

	"github.com/sanmon-gate/sanmon/secret"
)

// Env is the environment that a key is for.
type Env string

// The environments.
const (
	Live Env = "live"
	Test Env = "test"
)

// ID is the public part of a key: its name in the store, in logs and on screen.
type ID [idSize]byte

// String gives the id's 12 characters.
func (id ID) String() string { return string(id[:]) }

// ParseID reads the 12 characters of an id.
func ParseID(s string) (ID, error) {
	if len(s) != idSize || !allBase62(s) {
		return ID{}, errID
	}
	return ID([]byte(s)), nil
}

// The shape of a key.
const (
	Size = len(prefix) + envSize + 1 + idSize + 1 + secretSize + sumSize // 60

	prefix     = "smk_"
	envSize    = 4
	idSize     = 12
	secretSize = 32
	sumSize    = 6

	idAt     = len(prefix) + envSize + 1
	secretAt = idAt + idSize + 1
	sumAt    = secretAt + secretSize
)

// The ways in which a string is no key. None of them quotes it.
var (
	errID     = errors.New("this is no key id (an id has 12 letters and digits)")
	errSize   = errors.New("the key does not have 60 characters (it was cut or padded when it was copied)")
	errShape  = errors.New("the key does not have the form smk_<live|test>_<id>_<secret> (copy it again, whole)")
	errSum    = errors.New("the key's checksum is wrong (a character was changed when it was copied)")
	errFormat = errors.New("environment is neither live nor test")
)

// Generate makes a key from crypto/rand.
func Generate(env Env) (ID, secret.Value, error) {
	if env != Live && env != Test {
		return ID{}, secret.Value{}, errFormat
	}
	id := ID([]byte(secret.Random62(idSize)))
	key := make([]byte, 0, Size)
	key = append(key, prefix+string(env)+"_"...)
	key = append(key, id[:]...)
	key = append(key, '_')
	key = append(key, secret.Random62(secretSize)...)
	sum := checksum(crc(string(key)))
	return id, secret.New(append(key, sum[:]...)), nil
}

// Parse reads a key strictly: 60 characters, the alphabet, the checksum over all
// that precedes it. It says nothing about whether the key was ever issued.
func Parse(key string) (ID, Env, error) {
	if len(key) != Size {
		return ID{}, "", errSize
	}
	env := Env(key[len(prefix) : len(prefix)+envSize])
	if key[:len(prefix)] != prefix || env != Live && env != Test || key[idAt-1] != '_' || key[secretAt-1] != '_' ||
		!allBase62(key[idAt:secretAt-1]) || !allBase62(key[secretAt:]) {
		return ID{}, "", errShape
	}
	if sum := checksum(crc(key[:sumAt])); string(sum[:]) != key[sumAt:] {
		return ID{}, "", errSum
	}
	return ID([]byte(key[idAt : secretAt-1])), env, nil
}

// crc is CRC-32/IEEE of a string. crc32.ChecksumIEEE wants bytes, and the copy would
// be an allocation for each request.
func crc(s string) uint32 {
	c := ^uint32(0)
	for i := range len(s) {
		c = crc32.IEEETable[byte(c)^s[i]] ^ c>>8
	}
	return ^c
}

// checksum writes a CRC in base62, padded with zeros: 62⁶ > 2³².
func checksum(crc uint32) (sum [sumSize]byte) {
	for i := sumSize - 1; i >= 0; i-- {
		sum[i] = alphabet[crc%62]
		crc /= 62
	}
	return sum
}

const alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

func allBase62(s string) bool {
	for i := range len(s) {
		if !isBase62(s[i]) {
			return false
		}
	}
	return true
}

func isBase62(c byte) bool {
	return '0' <= c && c <= '9' || 'A' <= c && c <= 'Z' || 'a' <= c && c <= 'z'
}
