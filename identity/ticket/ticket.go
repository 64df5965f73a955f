// Package ticket is what somebody carries between two steps of signing in, when there is
// no session yet that could hold it: sealed, so that it can be neither read nor changed,
// bound to a purpose and to the browser that got it, short-lived, and good once.
package ticket

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"time"

	"github.com/sanmon-gate/sanmon/identity/base64url"
	"github.com/sanmon-gate/sanmon/refusal"
	"github.com/sanmon-gate/sanmon/secret"
)

// Spent remembers the tickets that were used.
type Spent interface {
	// Spend marks id as used until then; false when it was already.
	Spend(ctx context.Context, id [16]byte, now, until time.Time) (bool, error)
}

// Office issues tickets and takes them back. Its fields are set before use. It is safe for
// concurrent use, and every node of a site can take the tickets of the others.
type Office struct {
	Master *secret.Master
	Spent  Spent
}

// MaxPayload bounds what a ticket carries, in bytes.
const MaxPayload = 4 << 10

// maxText is the longest ticket as text.
const maxText = (MaxPayload + 256) * 4 / 3

// Ticket is an opened one.
type Ticket struct {
	Payload secret.Value
	Until   time.Time
	id      [16]byte
}

// The sealed content is id[16] until[8, microseconds since 1970] payload. The binding goes
// into the purpose that the seal is bound to, as a hash.
const head = 16 + 8

// Issue seals payload for a purpose ("passkey/login") and a binding, which is the value by
// which the browser is known: its pre-session or its session. An empty binding is refused.
func (o *Office) Issue(purpose string, binding, payload []byte, until time.Time) (string, error) {
	if len(binding) == 0 || len(payload) > MaxPayload {
		return "", fmt.Errorf("issue ticket %s: binding of %d and payload of %d bytes (bind it, and carry at most %d)", purpose, len(binding), len(payload), MaxPayload)
	}
	plain := make([]byte, head, head+len(payload))
	_, _ = rand.Read(plain[:16]) // never fails: crypto/rand ends the program instead
	binary.BigEndian.PutUint64(plain[16:], uint64(until.UnixMicro()))
	sealed, err := o.Master.Seal(sealedFor(purpose, binding), append(plain, payload...))
	if err != nil {
		return "", fmt.Errorf("issue ticket %s: %w", purpose, err)
	}
	return base64.RawURLEncoding.EncodeToString(sealed), nil
}

// Open reads a ticket of that purpose and binding which has not ended. It is not used up by
// that. Everything else is refusal.LoginFailed.
func (o *Office) Open(purpose string, binding []byte, text string, now time.Time) (Ticket, error) {
	if len(text) > maxText {
		text = ""
	}
	sealed, ok := base64url.AppendDecode(nil, text)
	if !ok || len(sealed) == 0 || len(binding) == 0 {
		return Ticket{}, refusal.New(refusal.LoginFailed, "the ticket for %s is malformed or not bound to a browser (begin again)", purpose)
	}
	plain, err := o.Master.Open(sealedFor(purpose, binding), sealed)
	if err != nil || len(plain.Expose()) < head {
		return Ticket{}, refusal.New(refusal.LoginFailed, "the ticket for %s does not open: it was made for another step, browser or master key (begin again)", purpose)
	}
	raw := plain.Expose()
	t := Ticket{Payload: secret.New(raw[head:]), Until: time.UnixMicro(int64(binary.BigEndian.Uint64(raw[16:]))), id: [16]byte(raw)}
	if !now.Before(t.Until) {
		return Ticket{}, refusal.New(refusal.LoginFailed, "the ticket for %s ended at %s (begin again)", purpose, t.Until.UTC().Format(time.RFC3339))
	}
	return t, nil
}

// Use uses a ticket up: refusal.LoginFailed when it was used before, refusal.Busy when the
// store does not answer. Whoever opened it does that before acting on it.
func (o *Office) Use(ctx context.Context, t Ticket, now time.Time) error {
	first, err := o.Spent.Spend(ctx, t.id, now, t.Until)
	if err != nil {
		return &refusal.Refusal{Code: refusal.Busy, RetryAfter: time.Second, Err: err, Reason: "could not remember a used ticket (is the database reachable?)"}
	}
	if !first {
		return refusal.New(refusal.LoginFailed, "the ticket was used before (begin again)")
	}
	return nil
}

func sealedFor(purpose string, binding []byte) string {
	sum := sha256.Sum256(binding)
	return "ticket/" + purpose + "/" + base64.RawURLEncoding.EncodeToString(sum[:])
}
