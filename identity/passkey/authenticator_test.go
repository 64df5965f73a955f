package passkey

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

// authenticator is one in software, after WebAuthn Level 3, Sections 6.1 and 6.5: ES256,
// attestation "none". Its fields are what a test changes to make it lie.
type authenticator struct {
	t          testing.TB
	key        *ecdsa.PrivateKey
	id         []byte
	user       []byte
	rp, origin string
	count      uint32
	flags      byte
	create     string // type of the client data
	get        string
}

// The flags of authenticator data.
const (
	userPresent    = 1 << 0
	userVerified   = 1 << 2
	backupEligible = 1 << 3
	backedUp       = 1 << 4
	attested       = 1 << 6
)

func newAuthenticator(t testing.TB) *authenticator {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	id := make([]byte, 32)
	_, _ = rand.Read(id)
	return &authenticator{t: t, key: key, id: id, rp: "app.example.com", origin: "https://app.example.com", count: 1,
		flags: userPresent | userVerified | backupEligible, create: "webauthn.create", get: "webauthn.get"}
}

func b64(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

func (a *authenticator) clientData(kind, challenge string) []byte {
	out, _ := json.Marshal(map[string]any{"type": kind, "challenge": challenge, "origin": a.origin, "crossOrigin": false})
	return out
}

func (a *authenticator) data(flags byte, more ...byte) []byte {
	rp := sha256.Sum256([]byte(a.rp))
	out := append(rp[:], flags)
	out = binary.BigEndian.AppendUint32(out, a.count)
	return append(out, more...)
}

// challenge reads what the options of a ceremony ask.
func (a *authenticator) challenge(b Begun) string {
	var o struct {
		Challenge string
		User      struct{ ID string }
	}
	if err := json.Unmarshal(b.Options, &o); err != nil {
		a.t.Fatal(err)
	}
	if o.User.ID != "" {
		a.user, _ = base64.RawURLEncoding.DecodeString(o.User.ID)
	}
	return o.Challenge
}

// register answers BeginRegistration.
func (a *authenticator) register(b Begun) []byte {
	challenge := a.challenge(b)
	raw, err := a.key.PublicKey.Bytes() // 4, x, y
	if err != nil {
		a.t.Fatal(err)
	}
	cose, err := webauthncbor.Marshal(map[int]any{1: 2, 3: -7, -1: 1, -2: raw[1:33], -3: raw[33:]}) // RFC 9053, Section 7.1.1
	if err != nil {
		a.t.Fatal(err)
	}
	more := append(make([]byte, 16), byte(len(a.id)>>8), byte(len(a.id)))
	more = append(append(more, a.id...), cose...)
	object, err := webauthncbor.Marshal(map[string]any{"fmt": "none", "attStmt": map[string]any{}, "authData": a.data(a.flags|attested, more...)})
	if err != nil {
		a.t.Fatal(err)
	}
	out, _ := json.Marshal(map[string]any{"id": b64(a.id), "rawId": b64(a.id), "type": "public-key", "clientExtensionResults": map[string]any{},
		"response": map[string]any{"clientDataJSON": b64(a.clientData(a.create, challenge)), "attestationObject": b64(object), "transports": []string{"internal", "hybrid"}}})
	return out
}

// answer answers BeginLogin.
func (a *authenticator) answer(b Begun) []byte {
	client := a.clientData(a.get, a.challenge(b))
	data := a.data(a.flags)
	hash := sha256.Sum256(client)
	digest := sha256.Sum256(append(append([]byte(nil), data...), hash[:]...))
	sig, err := ecdsa.SignASN1(rand.Reader, a.key, digest[:])
	if err != nil {
		a.t.Fatal(err)
	}
	out, _ := json.Marshal(map[string]any{"id": b64(a.id), "rawId": b64(a.id), "type": "public-key", "clientExtensionResults": map[string]any{},
		"response": map[string]any{"clientDataJSON": b64(client), "authenticatorData": b64(data), "signature": b64(sig), "userHandle": b64(a.user)}})
	return out
}
