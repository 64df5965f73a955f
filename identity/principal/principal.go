// Package principal is who may act: people (users) and services, their roles, and
// whether they are disabled. Its Directory answers from memory that the feed keeps
// true.
package principal

import (
	"context"
	"errors"
	"time"

	"github.com/sanmon-gate/sanmon/audit"
	"github.com/sanmon-gate/sanmon/secret"
)

// Kind is the kind of a principal.
type Kind string

// The kinds of principal.
const (
	User    Kind = "user"
	Service Kind = "service"
)

// ErrNotFound says that there is no such principal.
var ErrNotFound = errors.New("principal not found")

// ErrExists says that the e-mail address or service name is taken.
var ErrExists = errors.New("principal exists")

// Record is a principal at rest.
type Record struct {
	ID        string // "usr_…" or "svc_…", opaque, never reused
	Kind      Kind
	Name      string       // e-mail address in lower case (user) or name (service); unique within the kind
	Password  secret.Value // PHC string; empty for services and for users without a password
	Roles     []string
	Disabled  bool
	Version   int64 // grows with every change
	CreatedAt time.Time
}

// Store keeps principals. Every change writes a principal change to the feed and
// the given event in the same transaction. The event's Subject is filled with the
// principal's id where it is empty.
type Store interface {
	// CreatePrincipal stores a new principal; ErrExists when its name is taken.
	CreatePrincipal(ctx context.Context, r Record, ev audit.Event) error
	// PrincipalByID returns ErrNotFound when there is none.
	PrincipalByID(ctx context.Context, id string) (Record, error)
	// PrincipalByName finds a user by e-mail address in lower case or a service by
	// its name; ErrNotFound when there is none.
	PrincipalByName(ctx context.Context, kind Kind, name string) (Record, error)
	// Principals lists all of a kind, ordered by name.
	Principals(ctx context.Context, kind Kind) ([]Record, error)
	// SetRoles replaces the roles; ErrNotFound.
	SetRoles(ctx context.Context, id string, roles []string, ev audit.Event) error
	// SetDisabled switches a principal off or on. Switching off revokes all its
	// sessions in the same transaction, with reason "disabled"; its keys stay and
	// are refused while it is off. ErrNotFound.
	SetDisabled(ctx context.Context, id string, disabled bool, at time.Time, ev audit.Event) error
	// SetPassword replaces the password hash. With endSessions all its sessions are
	// revoked in the same transaction, with reason "password". ErrNotFound.
	SetPassword(ctx context.Context, id string, hash secret.Value, endSessions bool, at time.Time, ev audit.Event) error
}
