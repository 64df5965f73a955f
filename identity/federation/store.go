package federation

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/sanmon-gate/sanmon/audit"
	"github.com/sanmon-gate/sanmon/identity/principal"
)

// Link says which of our people somebody at a provider is. Issuer and subject together
// name a person for ever; an e-mail address does not (OpenID Connect Core, Section 5.7).
type Link struct {
	Issuer, Subject string
	User            string // principal id
	CreatedAt       time.Time
}

// Errors of a Store.
var (
	ErrNotFound = errors.New("no such link to a provider")
	ErrExists   = errors.New("that person of the provider is linked already")
	ErrLast     = errors.New("the link is the only way to sign in that the person has")
)

// Offered are the ways to sign in that a site offers.
type Offered struct {
	Password, Passkey bool
	Issuers           []string // of its providers
}

// Enough reports whether somebody who has a password, some passkeys and links can sign in.
func (o Offered) Enough(password bool, passkeys int, links []Link) bool {
	return o.Password && password || o.Passkey && passkeys > 0 ||
		slices.ContainsFunc(links, func(l Link) bool { return slices.Contains(o.Issuers, l.Issuer) })
}

// Store keeps links.
type Store interface {
	// FederatedUser returns the principal id that is linked; ErrNotFound.
	FederatedUser(ctx context.Context, issuer, subject string) (string, error)
	// LinkFederated adds a link: ErrExists when issuer and subject have one, and
	// principal.ErrNotFound when there is no such user.
	LinkFederated(ctx context.Context, l Link, ev audit.Event) error
	// CreateFederated creates the principal and the link in one transaction: ErrExists, or
	// principal.ErrExists when the name is taken.
	CreateFederated(ctx context.Context, r principal.Record, l Link, added, linked audit.Event) error
	// FederatedOf lists the links of a user.
	FederatedOf(ctx context.Context, user string) ([]Link, error)
	// UnlinkFederated removes a link and ends all sessions of its user; ErrNotFound.
	UnlinkFederated(ctx context.Context, l Link, at time.Time, ev audit.Event) error
	// UnlinkOwn removes a link for its user, who can still sign in by what is offered, and
	// ends the user's sessions but except: ErrNotFound, or ErrLast when nothing else is left.
	// Of two links that are the last ones, removed at once, one stays.
	UnlinkOwn(ctx context.Context, l Link, o Offered, except string, at time.Time, ev audit.Event) error
}
