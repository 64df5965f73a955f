package leak

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/sanmon-gate/sanmon/refusal"
	"github.com/sanmon-gate/sanmon/secret"
)

// Found says what a reported credential was.
type Found struct {
	Ours    bool   // it was issued here, alive or not
	Revoked bool   // it was alive, and this report ended it
	ID      string // public id; "" where it has none
}

// Revoker ends credentials that are known to others. detail says where one was found.
type Revoker interface {
	Revoke(ctx context.Context, token secret.Value, detail string, now time.Time) (Found, error)
}

// Label is what the answer says about a report.
type Label string

// The labels. GitHub takes these two and no other.
const (
	TruePositive  Label = "true_positive"
	FalsePositive Label = "false_positive"
)

// Feedback is one entry of the answer. The token is named by its SHA-256, so that the
// answer is worth nothing to whoever reads it.
type Feedback struct {
	Hash  string `json:"token_hash"`
	Type  string `json:"token_type"`
	Label Label  `json:"label"`
}

// GitHub receives reports of GitHub's secret scanning (docs.github.com, "Secret scanning
// partner program"). Its fields are set before use; it is safe for concurrent use.
type GitHub struct {
	Keys    *Keys
	Revoker Revoker
	Logger  *slog.Logger
}

// Receive judges one message: identifier and signature are its header fields, body its
// bytes as they came. Every credential in it that was issued here is revoked. A message
// that was received before is received again to the same effect: nothing is left to end.
//
// It refuses with token_invalid what GitHub did not sign, with input_invalid what it did
// and nobody can read, and with busy where it could not be found out or the store failed;
// what was revoked until then stays revoked, and GitHub sends the message again.
func (g *GitHub) Receive(ctx context.Context, identifier, signature string, body []byte, now time.Time) ([]Feedback, error) {
	if err := g.authentic(ctx, identifier, signature, body, now); err != nil {
		return nil, err
	}
	reports, err := Parse(body)
	if err != nil {
		return nil, refusal.New(refusal.InputInvalid, "secret scanning: %v (it is signed by GitHub: has the form of its messages changed?)", err)
	}
	feedback := make([]Feedback, 0, len(reports))
	for _, r := range reports {
		label, err := g.one(ctx, r, now)
		if err != nil {
			return nil, &refusal.Refusal{Code: refusal.Busy, Reason: "secret scanning: a reported credential could not be looked up (is the database reachable?)", RetryAfter: time.Second, Err: err}
		}
		sum := sha256.Sum256(r.Token.Expose())
		feedback = append(feedback, Feedback{Hash: hex.EncodeToString(sum[:]), Type: r.Type, Label: label})
	}
	return feedback, nil
}

func (g *GitHub) authentic(ctx context.Context, identifier, signature string, body []byte, now time.Time) error {
	if identifier == "" || signature == "" || len(identifier) > maxWord || len(signature) > maxWord {
		return refusal.New(refusal.TokenInvalid, "secret scanning: the message has no usable %s and %s (GitHub sends both)", IdentifierField, SignatureField)
	}
	key, err := g.Keys.find(ctx, identifier, now)
	if errors.Is(err, errUnknownKey) {
		return refusal.New(refusal.TokenInvalid, "secret scanning: public key %.80q: %v (the message is forged, or the key was withdrawn)", identifier, err)
	}
	if err != nil {
		return &refusal.Refusal{Code: refusal.Busy, Reason: "secret scanning: the public keys of GitHub could not be read (may this server connect to them?)", RetryAfter: listPause, Err: err}
	}
	if !verify(key, signature, body) {
		return refusal.New(refusal.TokenInvalid, "secret scanning: the signature does not fit the body (the message is forged, or something on the way changed its bytes)")
	}
	return nil
}

// one ends one credential and says whether it was one.
func (g *GitHub) one(ctx context.Context, r Report, now time.Time) (Label, error) {
	found, err := g.Revoker.Revoke(ctx, r.Token, fmt.Sprintf("reported by GitHub, source=%s url=%s", r.Source, r.URL), now)
	if err != nil {
		return "", err
	}
	if !found.Ours {
		return FalsePositive, nil
	}
	g.Logger.Warn("a credential was found in a public place", "id", found.ID, "source", r.Source, "url", r.URL, "revoked", found.Revoked)
	return TruePositive, nil
}
