// Package webhook posts signed messages in the form of Standard Webhooks 1.0.0: a
// receiver verifies them with the library of that name in its own language.
package webhook

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/sanmon-gate/sanmon/secret"
)

// The header fields of a message (Standard Webhooks, "Webhook headers").
const (
	FieldID        = "Webhook-Id"        // the same at every try: whoever saw it ignores the next
	FieldTimestamp = "Webhook-Timestamp" // of the try, seconds since 1970
	FieldSignature = "Webhook-Signature" // "v1,BASE64", several apart by a space
)

// The form of a secret (Standard Webhooks, "Signature scheme").
const (
	prefix   = "whsec_"
	minBytes = 24
	maxBytes = 64
	maxKeys  = 4
)

// Keys are symmetric signing keys. A message has a signature of each, so that a receiver
// can go from one to the next.
type Keys struct{ keys []secret.Value }

// ParseKeys reads one or more secrets, apart by white space. The error does not repeat
// them.
func ParseKeys(v secret.Value) (Keys, error) {
	words := bytes.Fields(v.Expose())
	if len(words) == 0 || len(words) > maxKeys {
		return Keys{}, fmt.Errorf("it holds %d signing secrets, want 1 to %d (%s)", len(words), maxKeys, remedy)
	}
	k := Keys{make([]secret.Value, len(words))}
	for i, word := range words {
		raw, err := parseKey(word)
		if err != nil {
			return Keys{}, err
		}
		k.keys[i] = secret.New(raw)
		clear(raw)
	}
	return k, nil
}

const remedy = "make one with: echo whsec_$(openssl rand -base64 32)"

func parseKey(word []byte) ([]byte, error) {
	encoded, ok := bytes.CutPrefix(word, []byte(prefix))
	if !ok {
		return nil, fmt.Errorf("it does not begin with %s (%s)", prefix, remedy)
	}
	raw, err := base64.StdEncoding.Strict().AppendDecode(nil, encoded)
	if err != nil {
		return nil, fmt.Errorf("what follows %s is not base64 (%s)", prefix, remedy)
	}
	if len(raw) < minBytes || len(raw) > maxBytes {
		return nil, fmt.Errorf("it has %d bytes, want %d to %d (%s)", len(raw), minBytes, maxBytes, remedy)
	}
	return raw, nil
}

// Empty reports that there is no key.
func (k Keys) Empty() bool { return len(k.keys) == 0 }

// Sign sets the header fields of a try at a message. The id has no full stop in it: it
// stands before one in what is signed.
func (k Keys) Sign(h http.Header, id string, at time.Time, body []byte) {
	seconds := strconv.FormatInt(at.Unix(), 10)
	h.Set(FieldID, id)
	h.Set(FieldTimestamp, seconds)
	h.Set(FieldSignature, k.signatures(id+"."+seconds+".", body))
}

func (k Keys) signatures(head string, body []byte) string {
	var out []byte
	for i, key := range k.keys {
		mac := hmac.New(sha256.New, key.Expose())
		mac.Write([]byte(head))
		mac.Write(body)
		if i > 0 {
			out = append(out, ' ')
		}
		out = base64.StdEncoding.AppendEncode(append(out, "v1,"...), mac.Sum(nil))
	}
	return string(out)
}
