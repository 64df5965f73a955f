package session

import (
	"context"
	"errors"
	"time"

	"github.com/sanmon-gate/sanmon/audit"
)

// ErrNotFound says that the store has no such session.
var ErrNotFound = errors.New("session not found")

// ErrConflict says that a session is not in the state that the change expected,
// because another node or request was first.
var ErrConflict = errors.New("session changed meanwhile")

// Kind is what a session came from.
type Kind string

// The kinds of session.
const (
	// Login is a login with a browser: the secret is a cookie.
	Login Kind = "login"
	// Grant is what a person allowed a client: there is no secret, access tokens name
	// the sid. Its pauses are limited by its refresh tokens, not by Options.Idle.
	Grant Kind = "grant"
	// App is a login with a backend that signs its own people in: the secret is a cookie,
	// and User is adopt.Subject of the backend, because nobody knows more.
	App Kind = "app"
)

// BindKind is what a session may be bound to.
type BindKind string

// DBSC is a key that the browser keeps where it cannot be copied from.
const DBSC BindKind = "dbsc"

// Record is a session at rest. It holds no credential of ours: secrets are stored as
// SHA-256 of 256 random bits.
type Record struct {
	SID        string // public handle, "ses_…"
	User       string // principal id
	SecretHash [32]byte

	// PrevHash is the secret before the last rotation; zero when there was none.
	// PrevAuthTime is the AuthTime that it keeps.
	PrevHash     [32]byte
	PrevAuthTime time.Time
	RotatedAt    time.Time // when SecretHash replaced PrevHash; CreatedAt at first
	RotatedBy    Place     // who asked for it; zero at first
	Confirmed    bool      // a request arrived with SecretHash since

	CreatedAt  time.Time
	AuthTime   time.Time // last authentication of the person
	LastSeenAt time.Time
	ExpiresAt  time.Time // absolute end, set once at creation

	AMR []string // how the person authenticated (RFC 8176): "pwd", "otp", "hwk", …; nil for sessions of older versions
	ACR string   // what that is worth: AAL1 or AAL2; "" for sessions of older versions

	Kind   Kind   // Login where empty
	Parent string // Grant: sid of the login session that it came from, "" for none
	Client string // Grant: client id

	Jar []byte // what backends know the person by, an adopt.Jar that Options.Master sealed for this sid; nil once revoked

	Networks []string // network keys seen, newest first, at most 8: "203.0.113.0/24"
	Device   string   // what the person sees in a list: "Firefox on Linux"
	Agent    string   // kind of browser that signed in, an agent.Family: "gecko/linux"; "" for sessions of older versions

	SudoUntil time.Time // until when the last authentication opens what needs a recent one; zero: not at all

	BindKind BindKind // what the session is bound to beside its secret; "" nothing
	BindKey  []byte   // its public key: an uncompressed P-256 point
	BoundAt  time.Time

	RevokedAt    time.Time // zero while alive
	RevokeReason string
}

// Place is where a client comes from, as coarsely as it is kept.
type Place struct {
	Network string // as in Record.Networks; "" for none
	Agent   string // as Record.Agent
}

// Raised is what a new authentication makes of a session, beside its secret.
type Raised struct {
	Networks   []string // as Record.Networks
	AMR        []string
	ACR, Agent string
	SudoUntil  time.Time
	Event      audit.Event
}

// Store keeps sessions. Every method that changes what a session may do writes a
// session change to the feed and the given event in the same transaction. Every method that
// revokes a session also deletes its Jar.
type Store interface {
	// CreateSession stores a new session. When max is positive and the user has
	// max live sessions of the same kind already, those seen longest ago are revoked
	// with reason "evicted" in the same transaction, so that max remain.
	CreateSession(ctx context.Context, r Record, max int, ev audit.Event) error
	// AdmitSession is CreateSession where nobody is put out for it. In one transaction it
	// ends p.Former with reason "replaced" and counts the other live sessions of the user and
	// kind; those not seen for p.Idle do not count and, where places are short, end with
	// reason "idle". With p.Max of them, Deny stores nothing, ends no p.Former, writes
	// audit.SessionLimit instead of ev and returns ErrFull; Notify stores the session and
	// writes both. However many call it at once on whatever node, Deny is never passed by more
	// than p.Max. live is how many there are after it.
	AdmitSession(ctx context.Context, r Record, p Places, ev audit.Event) (live int, err error)
	// SessionBySecret returns the session whose SecretHash or PrevHash is hash,
	// revoked or not; ErrNotFound when there is none. A Grant has no secret: it is
	// never found.
	SessionBySecret(ctx context.Context, hash [32]byte) (Record, error)
	// SessionBySID returns one session, revoked or not; ErrNotFound.
	SessionBySID(ctx context.Context, sid string) (Record, error)
	// RotateSession replaces the secret hash from by to, in one statement that holds
	// only if the session is alive and its current hash is still from; else
	// ErrConflict. It sets PrevHash=from, PrevAuthTime=old AuthTime, AuthTime,
	// RotatedAt=at, RotatedBy=by, LastSeenAt=at, Confirmed=false, and in the same transaction what
	// a new authentication makes of it; up is nil where there was none. A secret must not
	// get what another one has proven, nor nobody at all a session that was raised half.
	RotateSession(ctx context.Context, sid string, from, to [32]byte, by Place, authTime, at time.Time, up *Raised) error
	// TouchSession writes LastSeenAt, which never goes back, and, only while secret is
	// still the current hash, Networks and Confirmed: a mark that was made before a
	// rotation must not confirm the secret that came after it. It writes no change:
	// caches on other nodes need not know. ErrNotFound.
	TouchSession(ctx context.Context, sid string, secret [32]byte, at time.Time, networks []string, confirmed bool) error
	// ReplaceJar writes Jar of a live session if it is still from, in one statement; else
	// ErrConflict.
	ReplaceJar(ctx context.Context, sid string, from, to []byte) error
	// BindSession binds a live session that is not bound yet to a key, with the event; else
	// ErrConflict.
	BindSession(ctx context.Context, sid string, kind BindKind, key []byte, at time.Time, ev audit.Event) error
	// RevokeSession ends one session and, in the same transaction, its children, each
	// with an event token.revoked; false when it was not alive. With ReasonIdle or
	// ReasonExpired the children live on: a grant outlasts the login that it came from,
	// but not its logout or theft.
	RevokeSession(ctx context.Context, sid, reason string, at time.Time, ev audit.Event) (bool, error)
	// RevokeUserSessions ends all live sessions of a user but the one named by
	// except ("" for none) and returns their sids. Grants are sessions: those of except
	// end, too.
	RevokeUserSessions(ctx context.Context, user, except, reason string, at time.Time, ev audit.Event) ([]string, error)
	// Sessions lists the live sessions (not revoked, ExpiresAt after now) of a user,
	// or of all users when user is "", newest first, at most limit.
	Sessions(ctx context.Context, user string, now time.Time, limit int) ([]Record, error)
}
