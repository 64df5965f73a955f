package leak

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"
)

// The fields of GitHub's message that carry the signature.
const (
	IdentifierField = "Github-Public-Key-Identifier"
	SignatureField  = "Github-Public-Key-Signature"
)

// maxKeys bounds the list of public keys, maxKeyList its bytes.
const (
	maxKeys    = 64
	maxKeyList = 256 << 10
)

// publicKey is one entry of GitHub's list.
type publicKey struct {
	Identifier string `json:"key_identifier"`
	PEM        string `json:"key"`
	Current    bool   `json:"is_current"`
}

// parseKeys reads the answer of /meta/public_keys/secret_scanning. Keys that are no
// longer current are left out.
func parseKeys(body []byte) (map[string]*ecdsa.PublicKey, error) {
	var list struct {
		Keys []publicKey `json:"public_keys"`
	}
	if err := json.Unmarshal(body, &list); err != nil {
		return nil, errors.New("the list of public keys is no JSON object with public_keys")
	}
	if len(list.Keys) > maxKeys {
		return nil, fmt.Errorf("the list has %d public keys, more than %d", len(list.Keys), maxKeys)
	}
	keys := make(map[string]*ecdsa.PublicKey, len(list.Keys))
	for _, k := range list.Keys {
		if !k.Current {
			continue
		}
		key, err := parseKey(k.PEM)
		if err != nil {
			return nil, fmt.Errorf("public key %.80q: %w", k.Identifier, err)
		}
		if _, twice := keys[k.Identifier]; twice || k.Identifier == "" {
			return nil, fmt.Errorf("public key %.80q is there twice, or has no name", k.Identifier)
		}
		keys[k.Identifier] = key
	}
	if len(keys) == 0 {
		return nil, errors.New("the list has no current public key")
	}
	return keys, nil
}

// parseKey reads a PKIX public key on P-256, the one curve of the programme.
func parseKey(text string) (*ecdsa.PublicKey, error) {
	block, _ := pem.Decode([]byte(text))
	if block == nil || block.Type != "PUBLIC KEY" {
		return nil, errors.New("it is not in PEM form")
	}
	key, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil {
		return nil, errors.New("it is no PKIX public key")
	}
	ec, ok := key.(*ecdsa.PublicKey)
	if !ok || ec.Curve != elliptic.P256() {
		return nil, errors.New("it is no key on P-256")
	}
	return ec, nil
}

// verify checks an ECDSA-NIST-P256V1-SHA256 signature (base64 of ASN.1 DER) over the bytes
// of the body exactly as they came.
func verify(key *ecdsa.PublicKey, signature string, body []byte) bool {
	der, err := base64.StdEncoding.Strict().DecodeString(signature)
	if err != nil || strings.ContainsAny(signature, "\r\n") { // which the decoder skips
		return false
	}
	sum := sha256.Sum256(body)
	return ecdsa.VerifyASN1(key, sum[:], der)
}
