package session

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/sanmon-gate/sanmon/audit"
	"github.com/sanmon-gate/sanmon/identity/dbsc"
	"github.com/sanmon-gate/sanmon/identity/principal"
	"github.com/sanmon-gate/sanmon/secret"
)

// Policy says what happens when a session turns up in a network that it was not
// begun or stepped up in. Networks are compared as /24 (IPv4) and /48 (IPv6): an
// address is a signal, not a proof (OWASP Session Management Cheat Sheet, "Binding
// the Session ID to Other User Properties").
type Policy string

// The network policies.
const (
	// Observe lets it pass and remembers the network.
	Observe Policy = "observe"
	// StepUp lets it pass, but the authentication does not count as recent there:
	// Caller.AuthTime is the epoch until the person signs in again from there.
	StepUp Policy = "step_up"
	// Strict refuses it. Another kind of browser is treated as by StepUp.
	Strict Policy = "strict"
)

// Options of a Keeper. Zero values take the default that is named.
type Options struct {
	Idle     time.Duration // longest pause between two requests; 1 h (NIST SP 800-63B-4, Section 2.2.3)
	Absolute time.Duration // longest life, whatever happens; 24 h (the same)
	Rotate   time.Duration // age at which a secret is replaced in passing; 15 min, negative: never

	// Race is how long after a rotation the former secret is taken from requests
	// that were under way; 10 s. Redeliver is how long it is taken as long as no
	// request came with the new secret, because the answer that carried it may be
	// lost; 60 s. After that, whoever comes with it has stolen it, or was stolen
	// from, and the session ends.
	Race, Redeliver time.Duration

	// Sudo is how long after an authentication its person may do what needs a recent one
	// and names no time of its own, such as changing the account; 10 min (ASVS 7.5.1). It is
	// written on the session: another node, or a shorter Sudo, does not move it.
	Sudo time.Duration

	// Binder judges the short-lived cookies of sessions that are bound to a key of the
	// browser; nil: no session is bound, and none is asked to prove it. BindRequired refuses
	// a login session that is not bound two minutes after its authentication.
	Binder       *dbsc.Binder
	BindRequired bool

	MaxPerUser int    // live sessions of one person; 0: any number
	AtMax      AtMax  // what a further login does; EvictOldest
	Network    Policy // StepUp
	Max        int    // sessions in memory; 100,000

	// Crowded is told of a login that found MaxPerUser sessions, under Deny and Notify. It must
	// not wait. nil: nobody is told, and the trail has it (audit.SessionLimit).
	Crowded func(user principal.Record, m Meta, c Crowd)

	// Ring (secret.PurposeSession) derives the successor of a secret from the secret,
	// so that any node can send the same successor again. Without it a lost answer to
	// a rotation ends the session after Redeliver.
	Ring *secret.Ring
	// Master seals what sessions hold of backends that sign their own people in; nil: there
	// are no such backends.
	Master *secret.Master
	// Offset is the clock that all nodes share (the database's) less ours: Race and
	// Redeliver are shorter than clocks differ. Times in the store, and in what is
	// returned, are by the shared one. nil: one node, or one clock.
	Offset func() time.Duration
	// Stale reports that the change feed is behind: every Judge then reads the store.
	// nil means never.
	Stale func() bool
	// Now is the clock of Run; nil means time.Now.
	Now func() time.Time
	// Signal writes what somebody may want to look at and nothing follows from by itself: a
	// session that turned up with another kind of browser (audit.SessionStrange), by Run; a login
	// that Room refused (audit.SessionLimit). nil: it is only counted.
	Signal func(context.Context, audit.Event) error
	// Log gets what happens outside of any request. nil discards.
	Log *slog.Logger
}

const (
	loadTimeout  = 2 * time.Second  // one statement in the store
	flushTimeout = 5 * time.Second  // everything that is unwritten at shutdown
	maxTouch     = 60 * time.Second // last-seen marks are written at most this often
	minTouch     = 20 * time.Millisecond
	maxNetworks  = 8
)

func (o Options) complete() (Options, error) {
	o.Idle = or(o.Idle, time.Hour)
	o.Absolute = or(o.Absolute, 24*time.Hour)
	o.Rotate = or(o.Rotate, 15*time.Minute)
	o.Race = or(o.Race, 10*time.Second)
	o.Redeliver = or(o.Redeliver, 60*time.Second)
	o.Network = or(o.Network, StepUp)
	o.AtMax = or(o.AtMax, EvictOldest)
	o.Sudo = or(o.Sudo, 10*time.Minute)
	o.Max = or(o.Max, 100_000)
	if o.Stale == nil {
		o.Stale = func() bool { return false }
	}
	if o.Offset == nil {
		o.Offset = func() time.Duration { return 0 }
	}
	if o.Crowded == nil {
		o.Crowded = func(principal.Record, Meta, Crowd) {}
	}
	if o.Signal == nil {
		o.Signal = func(context.Context, audit.Event) error { return nil }
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return o, o.check()
}

func (o Options) check() error {
	var errs []error
	if o.Idle < 0 || o.Absolute < 0 || o.Race < 0 || o.Sudo < 0 || o.Redeliver < 0 || o.Max < 0 || o.MaxPerUser < 0 {
		errs = append(errs, errors.New("a session limit is negative (leave it out for its default)"))
	}
	if o.Race > o.Redeliver {
		errs = append(errs, fmt.Errorf("token.race %v is longer than token.redeliver %v (make it shorter)", o.Race, o.Redeliver))
	}
	switch o.Network {
	case Observe, StepUp, Strict:
	default:
		errs = append(errs, fmt.Errorf("session.network %q is unknown (use observe, step_up or strict)", o.Network))
	}
	switch o.AtMax {
	case EvictOldest, Deny, Notify:
	default:
		errs = append(errs, fmt.Errorf("session.at_max %q is unknown (use evict_oldest, deny or notify)", o.AtMax))
	}
	return errors.Join(errs...)
}

// touchEvery is how often a last-seen mark is written: often enough that another
// node, which knows only the row, is wrong by a quarter of Idle at most.
func (o Options) touchEvery() time.Duration {
	return max(minTouch, min(maxTouch, o.Idle/4))
}

// at is a moment by the clock that all nodes share, in what is kept of it.
func (o *Options) at(now time.Time) time.Time {
	return now.Add(o.Offset()).Truncate(time.Microsecond)
}

func or[T comparable](v, def T) T {
	var zero T
	if v == zero {
		return def
	}
	return v
}
