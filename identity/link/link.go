// Package link makes links that are good once: for a new password, an invitation, an
// account. Whoever has the link has read the mail to an address; it proves nothing else.
package link

import (
	"context"
	"crypto/sha256"
	"errors"
	"time"

	"github.com/sanmon-gate/sanmon/audit"
	"github.com/sanmon-gate/sanmon/identity/principal"
	"github.com/sanmon-gate/sanmon/secret"
)

// Kind says what a link is for.
type Kind string

// The kinds.
const (
	Reset  Kind = "reset"  // a person sets a new password
	Invite Kind = "invite" // a person whom an administrator has added sets the first one
	Signup Kind = "signup" // an address is confirmed, and an account made
)

// Life is how long a link of a kind is good. That of a reset is short, because whoever
// reads old mail must find nothing (NIST SP 800-63B-4, Section 4.2.1.2 has 24 h as the most).
func (k Kind) Life() time.Duration {
	switch k {
	case Invite:
		return 72 * time.Hour
	case Signup:
		return 24 * time.Hour
	}
	return 30 * time.Minute
}

// MaxOpen is how many links of a kind an address may have. A further one ends the oldest.
const MaxOpen = 3

// Record is a link at rest. Its secret is not in it.
type Record struct {
	Hash                 [32]byte // SHA-256 of the secret as text
	Kind                 Kind
	User                 string // principal id, "" for Signup
	Email                string // canonical
	CreatedAt, ExpiresAt time.Time
}

// ErrNotFound is what a Store says of a link that is not good, or not any more.
var ErrNotFound = errors.New("no such link, or it was used")

// Store keeps links.
type Store interface {
	// CreateLink keeps a link; the oldest of the same kind and address go beyond MaxOpen.
	CreateLink(ctx context.Context, r Record, ev audit.Event) error
	// LinkByHash finds a link that was not used, whether or not it has ended; ErrNotFound.
	LinkByHash(ctx context.Context, hash [32]byte) (Record, error)
	// UseLink uses up a link of a user that ends after now, sets the password, ends all
	// sessions of the user with reason "password" and drops the user's other links, in one
	// transaction. ErrNotFound when there is no such link any more.
	UseLink(ctx context.Context, hash [32]byte, password secret.Value, now time.Time, ev audit.Event) (user string, err error)
	// UseSignup uses up a Signup link that ends after now and creates the principal, in one
	// transaction. ErrNotFound, or principal.ErrExists when the address is taken.
	UseSignup(ctx context.Context, hash [32]byte, r principal.Record, now time.Time, ev audit.Event) error
}

// A secret is "sml_" and 43 characters of base62, which have 256 bits.
const (
	prefix = "sml_"
	length = 43
)

// New returns the secret of a new link and its hash.
func New() (secret.Value, [32]byte) {
	text := prefix + secret.Random62(length)
	return secret.NewString(text), sha256.Sum256([]byte(text))
}

// Parse returns the hash of a secret; false when it cannot be one.
func Parse(text string) (hash [32]byte, ok bool) {
	if len(text) != len(prefix)+length || text[:len(prefix)] != prefix {
		return hash, false
	}
	for i := len(prefix); i < len(text); i++ {
		if c := text[i]; (c < '0' || c > '9') && (c < 'A' || c > 'Z') && (c < 'a' || c > 'z') {
			return hash, false
		}
	}
	return sha256.Sum256([]byte(text)), true
}
