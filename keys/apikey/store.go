package apikey

import (
	"context"
	"errors"
	"net/netip"
	"time"

	"github.com/sanmon-gate/sanmon/audit"
)

var (
	// ErrNotFound says that there is no key with this id.
	ErrNotFound = errors.New("API key not found")
	// ErrReplaced says that a key has a successor that is not revoked.
	ErrReplaced = errors.New("API key was replaced already (rotate the key that replaced it, or revoke that first)")
)

// Record is an API key at rest. The secret part of the key is nowhere in it.
type Record struct {
	ID        string // 12 base62 characters, public
	Owner     string // principal id of the person or service
	Env       string // "live" or "test"
	Roles     []string
	Scopes    []string
	Networks  []netip.Prefix // empty means any
	Limit     string         // as in the configuration, "10/m"; "" none
	Pepper    int            // version of the pepper that MAC was made with
	MAC       [32]byte       // keyed hash of the key and, where Bound, of its terms: see docs/formats.md
	Bound     bool           // MAC binds owner, terms and Until; false for keys from before that
	CreatedAt time.Time
	ExpiresAt time.Time // zero: never
	RevokedAt time.Time // zero while alive
	HeldAt    time.Time // since when a person has to decide, after the store was restored; zero: it counts
	Until     time.Time // end that the key was made with, which ExpiresAt never exceeds; zero: never
	Replaces  string    // id of the key that this one replaced, "" none
	Note      string    // for people: what it is for
	Foreign   bool      // made elsewhere and imported: of unknown strength
	Canary    bool      // never valid: whoever presents it has found it where it lay

	LastUsedAt      time.Time
	LastUsedNetwork string
}

// Held reports whether the key is refused until a person decides, because the store was
// restored and may not know of a revocation.
func (r *Record) Held() bool { return !r.HeldAt.IsZero() && r.RevokedAt.IsZero() }

// Use is one batched "last used" mark.
type Use struct {
	ID      string
	At      time.Time
	Network string
}

// Store keeps API keys. Every change writes a key change to the feed and the given
// event in the same transaction.
type Store interface {
	// CreateKey stores a new key. With replaces set, the key of that id gets
	// oldExpires as its expiry in the same transaction (never later than it had);
	// ErrNotFound when there is none alive, or it is held; ErrReplaced when another key
	// that is not revoked has replaced it: each has the limit of the first once more.
	CreateKey(ctx context.Context, r Record, oldExpires time.Time, ev audit.Event) error
	// KeyByID returns ErrNotFound when there is none.
	KeyByID(ctx context.Context, id string) (Record, error)
	// EachKey calls yield for every key, revoked ones too, in no order, until it
	// returns an error, which is passed on. The Record and what it points to belong
	// to yield.
	EachKey(ctx context.Context, yield func(Record) error) error
	// RevokeKey ends a key; false when it was revoked already, and then no event is
	// written; ErrNotFound.
	RevokeKey(ctx context.Context, id string, at time.Time, evs ...audit.Event) (bool, error)
	// TouchKeys writes last uses in one transaction, forward only. No change is
	// written.
	TouchKeys(ctx context.Context, uses []Use) error
}
