// Package store is the door to the gate's own database for Go programs that use the
// layers alone: sessions, refresh tokens, API keys and people, with their audit trail and
// their change feed, on SQLite (package sqlite below it) or PostgreSQL (package postgres).
//
// The tables are those of the gate. A program and a gate may share one database: what
// one of them revokes, the other knows within a quarter of a second.
//
// A layer never needs more than the interface that it declares, such as session.Store.
// Store is all of them together, so that one handle serves every layer.
package store

import (
	"context"
	"time"

	"github.com/sanmon-gate/sanmon/audit"
	"github.com/sanmon-gate/sanmon/change"
	"github.com/sanmon-gate/sanmon/identity/principal"
	"github.com/sanmon-gate/sanmon/identity/refresh"
	"github.com/sanmon-gate/sanmon/identity/session"
	"github.com/sanmon-gate/sanmon/internal/feed"
	"github.com/sanmon-gate/sanmon/keys/apikey"
	"github.com/sanmon-gate/sanmon/secret"
	"github.com/sanmon-gate/sanmon/web/csrf"
)

// Store is an open database. It is safe for concurrent use, except that one goroutine may
// follow its feed. A store that cannot answer returns a *refusal.Refusal with code busy.
type Store interface {
	session.Store
	refresh.Store
	principal.Store
	apikey.Store
	secret.KeyStore
	csrf.Spent

	// Record writes an audit event that goes with no change.
	Record(ctx context.Context, ev audit.Event) error
	// Events returns up to limit events of the audit trail with a number above after,
	// lowest first. The trail starts at 1 and has no gaps.
	Events(ctx context.Context, after int64, limit int) ([]audit.Event, error)

	// Changes, LastChange and WaitChange are the feed: see Follow.
	Changes(ctx context.Context, after int64, limit int) ([]change.Change, error)
	LastChange(ctx context.Context) (int64, error)
	WaitChange(ctx context.Context) error

	// Offset is the database's clock less ours, for session.Options and refresh.Options;
	// FollowClock keeps it true until ctx ends. Both matter with several nodes only.
	Offset() time.Duration
	FollowClock(ctx context.Context) error

	// Maintain deletes what is over for long. Call it every few minutes.
	Maintain(ctx context.Context) error
	Ping(ctx context.Context) error
	Close() error
}

// Feed tells memory what changed in the store, by whomever. Its zero value cannot be
// used: see Follow.
type Feed struct{ follower feed.Follower }

// Follow returns the feed of a store from this moment on. Make it before anything is read
// into memory. apply makes one change true in memory, such as the Apply of a
// session.Keeper and of a principal.Directory; reset makes memory distrust all that it
// holds, such as their Flush, because lines of the feed were missed.
func Follow(ctx context.Context, s Store, apply func(change.Change), reset func()) (*Feed, error) {
	after, err := s.LastChange(ctx)
	if err != nil {
		return nil, err
	}
	return &Feed{feed.Follower{Source: s, After: after, Notify: s.WaitChange,
		Apply: func(_ context.Context, c change.Change) { apply(c) },
		Reset: func(context.Context) { reset() },
	}}, nil
}

// Run follows until ctx ends and returns nil.
func (f *Feed) Run(ctx context.Context) error { return f.follower.Run(ctx) }

// Stale reports that the feed was not heard for five seconds: then memory must not be
// believed. It is the Stale of session.Options and principal.Options.
func (f *Feed) Stale() bool { return f.follower.Stale() }
