// Package recovery makes recovery codes: what somebody writes down to get in when the
// phone with the second factor is gone. A code has 120 random bits, so a plain hash of it
// is safe at rest (ASVS 6.5.2: at least 112 bits), and it is good once.
package recovery

import (
	"crypto/rand"
	"crypto/sha256"
	"strings"

	"github.com/sanmon-gate/sanmon/secret"
)

// Count is how many codes somebody has.
const Count = 10

const (
	length = 24 // characters of 5 bits: 120 bits
	group  = 4
)

// alphabet is that of Crockford's base 32 in lower case: without i, l, o and u, which are
// misread or make words.
const alphabet = "0123456789abcdefghjkmnpqrstvwxyz"

// Generate returns Count different codes, as they are shown: "0k3v-…", six groups of four.
func Generate() []secret.Value {
	codes := make([]secret.Value, Count)
	for i := range codes {
		codes[i] = one()
	}
	return codes
}

func one() secret.Value {
	var random [length]byte
	_, _ = rand.Read(random[:]) // never fails: crypto/rand ends the program instead
	out := make([]byte, 0, length+length/group)
	for i, b := range random {
		if i > 0 && i%group == 0 {
			out = append(out, '-')
		}
		out = append(out, alphabet[b%32]) // 256 is a multiple of 32: uniform
	}
	return secret.New(out)
}

// Hash returns what is kept of a code at rest; false for what cannot be one. Case, blanks
// and dashes do not count, and the letters that the alphabet lacks are read as the digits
// that they look like.
func Hash(code string) (sum [32]byte, ok bool) {
	plain, ok := canonical(code)
	if !ok {
		return sum, false
	}
	return sha256.Sum256([]byte("sanmon/recovery/v1\x00" + plain)), true
}

// Looks reports whether code has the form of a recovery code.
func Looks(code string) bool {
	_, ok := canonical(code)
	return ok
}

func canonical(code string) (string, bool) {
	if len(code) > 4*length {
		return "", false
	}
	out := make([]byte, 0, length)
	for _, r := range strings.ToLower(code) {
		switch r {
		case ' ', '-', '\t', '\u3000', '\u2010', '\u2011', '\u2013', '\u2212':
			continue
		case 'o':
			r = '0'
		case 'i', 'l':
			r = '1'
		}
		if r > 'z' || strings.IndexByte(alphabet, byte(r)) < 0 || len(out) == length {
			return "", false
		}
		out = append(out, byte(r))
	}
	return string(out), len(out) == length
}
