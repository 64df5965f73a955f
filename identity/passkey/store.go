package passkey

import (
	"context"
	"errors"
	"time"

	"github.com/sanmon-gate/sanmon/audit"
)

// The errors that a Store declares.
var (
	ErrNotFound = errors.New("passkey not found")
	ErrExists   = errors.New("passkey exists")
	ErrTooMany  = errors.New("too many passkeys (remove one first)")
)

// MaxPerUser is how many passkeys one person may have.
const MaxPerUser = 20

// MaxName is the longest name that a person gives a passkey, in bytes.
const MaxName = 64

// Record is a passkey at rest. Nothing in it is secret.
type Record struct {
	Handle    string // our public handle, "pky_…"
	User      string // principal id; it is also the user handle that the authenticator keeps
	ID        []byte // credential id, at most 1023 bytes
	PublicKey []byte // COSE_Key (RFC 9052, Section 7)
	Name      string // what its owner calls it

	Transports     []string
	AAGUID         []byte // model of the authenticator, 16 bytes; zero for most passkeys
	Attestation    string // format of the attestation statement
	SignCount      uint32 // 0 where the authenticator does not count
	BackupEligible bool   // may be copied to other devices; must never change (WebAuthn, Section 6.1.3)
	BackedUp       bool   // is copied now

	CreatedAt  time.Time
	LastUsedAt time.Time
	FlaggedAt  time.Time // when its counter last failed to advance; zero: never
}

// Store keeps passkeys. Every change writes the given event in the same transaction.
type Store interface {
	// Passkeys lists those of a person, oldest first.
	Passkeys(ctx context.Context, user string) ([]Record, error)
	// PasskeyByCredential returns ErrNotFound when there is none.
	PasskeyByCredential(ctx context.Context, id []byte) (Record, error)
	// AddPasskey stores a new one: ErrExists when the credential is known, for whomever;
	// ErrTooMany when the person has max.
	AddPasskey(ctx context.Context, r Record, max int, ev audit.Event) error
	// UsePasskey notes a use: counter and backup state of a good one, with FlaggedAt alone
	// of a refused one. A counter never goes back: of two uses with the same counter the
	// second is ErrNotFound, unless both are 0. ev may be nil.
	UsePasskey(ctx context.Context, r Record, ev *audit.Event) error
	// RenamePasskey and RemovePasskey change one of that person: ErrNotFound.
	RenamePasskey(ctx context.Context, user, handle, name string, ev audit.Event) error
	RemovePasskey(ctx context.Context, user, handle string, ev audit.Event) error
}
