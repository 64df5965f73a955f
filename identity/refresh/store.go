package refresh

import (
	"context"
	"errors"
	"time"

	"github.com/sanmon-gate/sanmon/audit"
)

// ErrNotFound says that the store has no such family or code.
var ErrNotFound = errors.New("grant not found")

// ErrParent says that a grant cannot begin, because its login session or its person has
// ended, expired or been disabled meanwhile.
var ErrParent = errors.New("the login that the grant would come from is no more")

// Mark says that a generation has arrived at its client.
type Mark struct {
	SID string
	Gen int64
}

// Redemption is how a code is to be exchanged. The functions may be called more than
// once, where a transaction is repeated, and must have no effect.
type Redemption struct {
	At       time.Time
	Max      int // as in CreateGrant
	Admit    func(Code) (Family, audit.Event, error)
	Replayed func(Code) audit.Event
}

// Store keeps grants and authorization codes. Every method is one transaction; what it
// changes, the session changes of the feed and the events are in it, or nothing is.
type Store interface {
	// CreateGrant stores a family and its session (kind "grant"). The parent, where one
	// is named, must be a live login session of the same user; the user must not be
	// disabled; else ErrParent. AMR and ACR are the parent's when the family has none.
	// When max is positive and the user has max live grants already, those seen longest
	// ago are ended with reason "evicted". The family is returned as stored.
	CreateGrant(ctx context.Context, f Family, max int, ev audit.Event) (Family, error)
	// RotateFamily makes the verdict of a.Judge true: the generation moves by one
	// statement that holds only if nobody moved it before; a former generation counts
	// its redelivery; Theft and Ahead end the grant, Theft also its parent and the
	// parent's other grants. Events are those of a.Event: of Redelivered and AccessOnly
	// the first of a window, of refusals at most one a minute and grant. An unknown
	// family is a Result, no error. When it returns an error the client keeps its token:
	// if the change was made all the same, the token is the former one.
	RotateFamily(ctx context.Context, a Attempt) (Result, error)
	// FamilyByID returns one family, ended or not; ErrNotFound.
	FamilyByID(ctx context.Context, id [16]byte) (Family, error)
	// ConfirmFamilies notes generations that have arrived. Of a generation that is not
	// current any more nothing is noted.
	ConfirmFamilies(ctx context.Context, marks []Mark) error
	// RevokeSession ends one session with its children, see identity/session.
	RevokeSession(ctx context.Context, sid, reason string, at time.Time, ev audit.Event) (bool, error)
	// CreateCode stores an authorization code by the SHA-256 of its text.
	CreateCode(ctx context.Context, hash [32]byte, c Code) error
	// RedeemCode uses a code up, whatever comes of it. The first time it asks r.Admit,
	// with the code as stored, for the family to create as CreateGrant does. Every
	// further time it ends the grant that the first one gave, if that is alive, with
	// reason ReasonCodeReplay and the event of r.Replayed. ErrNotFound; errors of Admit
	// and ErrParent are returned as they are.
	RedeemCode(ctx context.Context, hash [32]byte, r Redemption) (Redeemed, error)
}
