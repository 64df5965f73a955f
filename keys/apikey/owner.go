package apikey

import (
	"context"
	"errors"

	"github.com/sanmon-gate/sanmon/caller"
)

// ErrNoOwner says that no principal has this id.
var ErrNoOwner = errors.New("no such owner")

// Owner is the person or service behind a key, as of now.
type Owner struct {
	Rights   *caller.Rights // the same pointer for as long as the roles are the same
	Name     string         // "service:NAME" for services, else the e-mail address
	Email    string         // "" for services
	Disabled bool
}

// Owners says who is behind a key. It is asked with every request and must answer
// from memory.
type Owners interface {
	// Owner returns ErrNoOwner when there is none. It must be safe for concurrent use.
	Owner(ctx context.Context, id string) (Owner, error)
}
