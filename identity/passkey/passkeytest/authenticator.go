// Package passkeytest is an authenticator in software, for tests of passkeys.
package passkeytest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"testing"

	"github.com/go-webauthn/webauthn/protocol/webauthncbor"
)

// Authenticator is one after WebAuthn Level 3, Sections 6.1 and 6.5: ES256, attestation
// "none". Its fields are what a test changes to make it lie. It is not safe for concurrent
// use.
type Authenticator struct {
	ID         []byte // credential id
	User       []byte // user handle, learned at registration
	RP, Origin string
	Count      uint32
	Flags      byte
	Create     string // type of the client data at registration
	Get        string // and at login

	t   testing.TB
	key *ecdsa.PrivateKey
}

// The flags of authenticator data (WebAuthn, Section 6.1).
const (
	UserPresent    = 1 << 0
	UserVerified   = 1 << 2
	BackupEligible = 1 << 3
	BackedUp       = 1 << 4
	attested       = 1 << 6
)

// New returns an authenticator with one key, for https://app.example.com.
func New(t testing.TB) *Authenticator {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	id := make([]byte, 32)
	_, _ = rand.Read(id)
	return &Authenticator{t: t, key: key, ID: id, RP: "app.example.com", Origin: "https://app.example.com", Count: 1,
		Flags: UserPresent | UserVerified | BackupEligible, Create: "webauthn.create", Get: "webauthn.get"}
}

func b64(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

func (a *Authenticator) clientData(kind, challenge string) []byte {
	out, _ := json.Marshal(map[string]any{"type": kind, "challenge": challenge, "origin": a.Origin, "crossOrigin": false})
	return out
}

func (a *Authenticator) data(flags byte, more ...byte) []byte {
	rp := sha256.Sum256([]byte(a.RP))
	out := append(rp[:], flags)
	out = binary.BigEndian.AppendUint32(out, a.Count)
	return append(out, more...)
}

// challenge reads what the options of a ceremony ask.
func (a *Authenticator) challenge(options []byte) string {
	var o struct {
		Challenge string
		User      struct{ ID string }
	}
	if err := json.Unmarshal(options, &o); err != nil {
		a.t.Fatal(err)
	}
	if o.User.ID != "" {
		a.User, _ = base64.RawURLEncoding.DecodeString(o.User.ID)
	}
	return o.Challenge
}

// Register answers the options of a registration, in the JSON that a browser sends.
func (a *Authenticator) Register(options []byte) []byte {
	challenge := a.challenge(options)
	raw, err := a.key.PublicKey.Bytes() // 4, x, y
	if err != nil {
		a.t.Fatal(err)
	}
	cose, err := webauthncbor.Marshal(map[int]any{1: 2, 3: -7, -1: 1, -2: raw[1:33], -3: raw[33:]}) // RFC 9053, Section 7.1.1
	if err != nil {
		a.t.Fatal(err)
	}
	more := append(make([]byte, 16), byte(len(a.ID)>>8), byte(len(a.ID)))
	more = append(append(more, a.ID...), cose...)
	object, err := webauthncbor.Marshal(map[string]any{"fmt": "none", "attStmt": map[string]any{}, "authData": a.data(a.Flags|attested, more...)})
	if err != nil {
		a.t.Fatal(err)
	}
	out, _ := json.Marshal(map[string]any{"id": b64(a.ID), "rawId": b64(a.ID), "type": "public-key", "clientExtensionResults": map[string]any{},
		"response": map[string]any{"clientDataJSON": b64(a.clientData(a.Create, challenge)), "attestationObject": b64(object), "transports": []string{"internal", "hybrid"}}})
	return out
}

// Answer answers the options of a login, in the JSON that a browser sends.
func (a *Authenticator) Answer(options []byte) []byte {
	client := a.clientData(a.Get, a.challenge(options))
	data := a.data(a.Flags)
	hash := sha256.Sum256(client)
	digest := sha256.Sum256(append(append([]byte(nil), data...), hash[:]...))
	sig, err := ecdsa.SignASN1(rand.Reader, a.key, digest[:])
	if err != nil {
		a.t.Fatal(err)
	}
	out, _ := json.Marshal(map[string]any{"id": b64(a.ID), "rawId": b64(a.ID), "type": "public-key", "clientExtensionResults": map[string]any{},
		"response": map[string]any{"clientDataJSON": b64(client), "authenticatorData": b64(data), "signature": b64(sig), "userHandle": b64(a.User)}})
	return out
}
