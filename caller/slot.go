package caller

import "sync/atomic"

// Slot holds values derived from one credential, so that a warm request computes
// none of them again. Each value carries whatever it was derived from, and its
// reader compares that before use: a slot is a cache, never a source of truth.
// It is safe for concurrent use; the zero value is ready.
type Slot struct {
	Grants    atomic.Pointer[Grants]    // compiled rights
	Assertion atomic.Pointer[Assertion] // last signed assertion
	Limit     atomic.Int64              // theoretical arrival time of the caller's own limit, microseconds
}

// Grants is the compiled form of a caller's two Rights under one configuration.
type Grants struct {
	Credential, Principal *Rights // what it was compiled from
	Generation            uint64  // configuration it was compiled under
	Granted, Live         Set
}

// Assertion is a signed identity assertion and what it asserts.
type Assertion struct {
	Upstream   string
	Generation uint64 // configuration and key generation
	Principal  *Rights
	Credential *Rights
	AuthTime   int64 // seconds
	MintedAt   int64 // seconds
	JWT        string
	Next       *Assertion // for another upstream; nil ends the short list
}
