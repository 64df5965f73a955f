// Package change is the vocabulary of the revocation feed: what was changed in the
// store, so that every node drops or reloads what it holds in memory.
//
// A change is written in the transaction that makes it true. Nodes follow the
// feed in order; applying a change twice is harmless.
package change

import "time"

// Kind says what sort of thing changed.
type Kind string

// The kinds of change.
const (
	Session   Kind = "session"   // ID is a sid: revoked, rotated or otherwise not as cached
	Principal Kind = "principal" // ID is a principal id: roles, disabled, password
	Key       Kind = "key"       // ID is an API key id: created, revoked, rotated
	Keyset    Kind = "keyset"    // ID is a purpose: a server key was added or dropped
	Document  Kind = "document"  // ID is an upstream: another OpenAPI document is in force
)

// Change is one line of the feed.
type Change struct {
	Seq  int64 // ascending, never reused
	At   time.Time
	Kind Kind
	ID   string
}
