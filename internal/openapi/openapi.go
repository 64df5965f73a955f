// Package openapi keeps the OpenAPI documents of the backends: reads them inside, pins
// the first one that was seen, and puts a changed one in force when a person has
// approved it. It also remembers requests that no route took, so that they can be
// compared with configuration and document.
package openapi

import (
	"context"
	"crypto/sha256"
	"errors"
	"time"

	"github.com/sanmon-gate/sanmon/audit"
)

// Pin is a document at rest.
type Pin struct {
	Upstream string
	Source   []byte // as the backend served it
	At       time.Time
}

// Hash identifies the document.
func (p Pin) Hash() [32]byte { return sha256.Sum256(p.Source) }

// Empty reports whether there is none.
func (p Pin) Empty() bool { return len(p.Source) == 0 }

// ErrNotSeen says that there is no changed document to approve, or that it changed again.
var ErrNotSeen = errors.New("there is no changed document with this hash (compare again: sanmon routes --diff)")

// Store keeps pins. Every change is written with its audit event and announced in the
// feed as change.Document.
type Store interface {
	// Pins returns the approved document of an upstream and the newest one that differs
	// from it. Either may be empty.
	Pins(ctx context.Context, upstream string) (approved, seen Pin, err error)
	// PinFirst approves a document unless one is approved already; done says that it did.
	PinFirst(ctx context.Context, p Pin, ev audit.Event) (done bool, err error)
	// PinSeen keeps a document beside the approved one, in place of one seen before. done
	// is false when it is known already.
	PinSeen(ctx context.Context, p Pin, ev audit.Event) (done bool, err error)
	// PinApprove approves the seen document with this hash, or returns ErrNotSeen.
	PinApprove(ctx context.Context, upstream string, hash [32]byte, ev audit.Event) error
}

// Request is a request that no route took: method and path, without what names a thing.
type Request struct {
	Method string    `json:"method"`
	Path   string    `json:"path"`
	Count  int64     `json:"count"`
	First  time.Time `json:"first_seen"`
	Last   time.Time `json:"last_seen"`
}

// MaxRequests bounds what is remembered of them.
const MaxRequests = 1000

// RequestStore keeps requests that no route took.
type RequestStore interface {
	// AddRequests adds counts; of more than MaxRequests the most frequent stay.
	AddRequests(ctx context.Context, all []Request) error
	// Requests returns them, the most frequent first.
	Requests(ctx context.Context) ([]Request, error)
}
