package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"math/big"
	"testing"
)

// signer is a P-256 key that the tests sign with: the scalar is no secret.
func signer(t testing.TB, n int64) *ecdsa.PrivateKey {
	t.Helper()
	k, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), big.NewInt(n+1_000_003).FillBytes(make([]byte, 32)))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// jwkOf is the public key of k.
func jwkOf(t testing.TB, k *ecdsa.PrivateKey) string {
	t.Helper()
	point, err := k.PublicKey.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	b64 := base64.RawURLEncoding
	return fmt.Sprintf(`{"crv":"P-256","kty":"EC","x":"%s","y":"%s"}`, b64.EncodeToString(point[1:33]), b64.EncodeToString(point[33:]))
}

func signerKeys(t testing.TB) string { return `{"keys":[` + jwkOf(t, signer(t, 1)) + `]}` }

// signed is a compact JWS by k.
func signed(t testing.TB, k *ecdsa.PrivateKey, header, claims string) string {
	t.Helper()
	b64 := base64.RawURLEncoding
	signing := b64.EncodeToString([]byte(header)) + "." + b64.EncodeToString([]byte(claims))
	sum := sha256.Sum256([]byte(signing))
	r, s, err := ecdsa.Sign(rand.Reader, k, sum[:])
	if err != nil {
		t.Fatal(err)
	}
	return signing + "." + b64.EncodeToString(append(r.FillBytes(make([]byte, 32)), s.FillBytes(make([]byte, 32))...))
}
