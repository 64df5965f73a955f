// Package factor is the second factor of a person beside the password: one-time codes of
// an app, and recovery codes for when the app is gone. Secrets are sealed with the master
// key at rest; what was used is not taken again.
package factor

import (
	"context"
	"errors"
	"time"

	"github.com/sanmon-gate/sanmon/audit"
)

// ErrNotFound says that the person has no such factor.
var ErrNotFound = errors.New("factor not found")

// ErrExists says that the person has an app already.
var ErrExists = errors.New("an app is enrolled already")

// ErrSpent says that a code was used before, or that another request was first.
var ErrSpent = errors.New("code was used before")

// TOTP is the app of a person at rest.
type TOTP struct {
	User      string
	Sealed    []byte // the secret, sealed for this person
	LastStep  int64  // step of the last code that was taken
	Failures  int64  // wrong codes in a row
	CreatedAt time.Time
}

// Store keeps the second factors. Every change writes the given event in the same
// transaction.
type Store interface {
	// TOTP returns ErrNotFound when the person has none.
	TOTP(ctx context.Context, user string) (TOTP, error)
	// AddTOTP stores the app of a person, and with codes not nil also replaces the person's
	// recovery codes by these hashes: ErrExists when the person has an app, and then nothing
	// is replaced. Of many at once one is stored.
	AddTOTP(ctx context.Context, t TOTP, codes [][32]byte, ev audit.Event) error
	// RemoveTOTP removes app and recovery codes; ErrNotFound.
	RemoveTOTP(ctx context.Context, user string, ev audit.Event) error
	// UseStep notes that a code of a step was taken, and forgets the failures: ErrSpent
	// when that step or a later one was taken before.
	UseStep(ctx context.Context, user string, step int64) error
	// FailStep counts a wrong code.
	FailStep(ctx context.Context, user string) error
	// SetRecoveryCodes replaces the recovery codes of a person.
	SetRecoveryCodes(ctx context.Context, user string, codes [][32]byte, ev audit.Event) error
	// RecoveryCodes is how many codes a person has left.
	RecoveryCodes(ctx context.Context, user string) (int, error)
	// UseRecoveryCode uses a code up and returns how many are left, and forgets the
	// failures of the app: ErrSpent when it was used before, ErrNotFound when it is none
	// of the person's.
	UseRecoveryCode(ctx context.Context, user string, code [32]byte, at time.Time, ev audit.Event) (left int, err error)
}
