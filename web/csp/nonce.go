package csp

import (
	"encoding/hex"
	"fmt"
	"io"
)

// NonceBytes is the entropy of a nonce: 128 bits (CSP3, Section 7.1).
const NonceBytes = 16

// NewNonce makes a nonce of 32 hexadecimal digits. They need no quotes in an attribute
// and end no comment, string or tag, wherever a confused parser may stand.
func NewNonce(random io.Reader) (string, error) {
	var raw [NonceBytes]byte
	if _, err := io.ReadFull(random, raw[:]); err != nil {
		return "", fmt.Errorf("make a nonce: %w", err)
	}
	var text [2 * NonceBytes]byte
	hex.Encode(text[:], raw[:])
	return string(text[:]), nil
}
