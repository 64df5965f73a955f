package session

import (
	"bytes"
	"net/netip"
	"slices"
	"sync/atomic"
	"time"

	"github.com/sanmon-gate/sanmon/caller"
	"github.com/sanmon-gate/sanmon/identity/adopt"
	"github.com/sanmon-gate/sanmon/identity/agent"
)

// live is one session in memory: the row as it was read, which never changes, and
// what was learned since. A changed row makes a new live.
type live struct {
	Record                // never changed
	agent    agent.Family // Agent
	bindings [][]byte
	slot     *caller.Slot

	seen      atomic.Int64 // last request, microseconds
	stored    atomic.Int64 // last-seen mark in the store, microseconds
	confirmed atomic.Bool
	networks  atomic.Pointer[[]netip.Prefix]
	unwritten atomic.Bool               // confirmed or networks are not in the store yet
	jar       atomic.Pointer[adopt.Jar] // Jar, opened; nil: not yet
	replaced  atomic.Bool               // the secret was rotated: the store must not hear of this one
	looked    atomic.Uint64             // last User-Agent; see foreign
	told      atomic.Uint64             // kinds of browser that were told of, a bit each
	shown     atomic.Pointer[shown]     // last proof of the key that was good
}

// newLive puts a row into memory. former, if any, is what was known of the same
// session before: what was learned from requests is kept.
func newLive(r Record, former *live) *live {
	l := &live{Record: r, agent: agent.Parse(r.Agent), slot: new(caller.Slot), bindings: [][]byte{binding(r.SecretHash)}}
	if r.PrevHash != ([32]byte{}) {
		l.bindings = append(l.bindings, binding(r.PrevHash))
	}
	networks := parseNetworks(r.Networks)
	l.networks.Store(&networks)
	l.confirmed.Store(r.Confirmed)
	l.seen.Store(r.LastSeenAt.UnixMicro())
	l.stored.Store(r.LastSeenAt.UnixMicro())
	if former != nil {
		l.slot = former.slot
		l.told.Store(former.told.Load())
		if bytes.Equal(former.Jar, r.Jar) {
			l.jar.Store(former.jar.Load())
		}
		l.touch(time.UnixMicro(former.seen.Load()))
		if former.SecretHash == r.SecretHash && former.confirmed.Load() && !r.Confirmed {
			l.confirmed.Store(true)
			l.unwritten.Store(true)
		}
	}
	return l
}

// touch notes a request. Time never goes back.
func (l *live) touch(now time.Time) {
	us := now.UnixMicro()
	for {
		old := l.seen.Load()
		if us <= old || l.seen.CompareAndSwap(old, us) {
			return
		}
	}
}

// dirty reports that memory knows more than the store.
func (l *live) dirty() bool {
	return !l.replaced.Load() && (l.seen.Load() > l.stored.Load() || l.unwritten.Load())
}

func (l *live) knows(p netip.Prefix) bool {
	known := *l.networks.Load()
	return slices.Contains(known, p) || inside(p) && slices.ContainsFunc(known, inside)
}

func (l *live) learn(p netip.Prefix) {
	networks := withNetwork(*l.networks.Load(), p)
	l.networks.Store(&networks)
	l.unwritten.Store(true)
}

// state is what a presented secret is worth at a moment.
type state uint8

const (
	current     state = iota // the secret of the session
	unconfirmed              // the former one, and nobody has shown the new one yet
	racing                   // the former one, from a request that was under way
	spent                    // the former one, too late: theft
	unknown                  // neither
	idle                     // the session paused for too long
	ended                    // the session reached its absolute end
	revoked                  // the session was ended
	stale                    // one before the former, too late: theft
	overtaken                // one before the former, from a request that may have been under way
	ahead                    // newer than the row: the store went back in time
)

// state judges the secret with that hash. All limits are open at their end: at the
// very moment of expiry it has expired.
func (l *live) state(hash [32]byte, now time.Time, o *Options) state {
	switch {
	case !l.RevokedAt.IsZero():
		return revoked
	case !now.Before(l.ExpiresAt):
		return ended
	case l.Kind != Grant && now.UnixMicro()-l.seen.Load() >= o.Idle.Microseconds():
		return idle
	case hash == l.SecretHash:
		return current
	case hash != l.PrevHash:
		return unknown
	}
	return l.former(now, o)
}

// former judges the secret before the last rotation. After a step-up it holds for
// Race only and is never followed by a redelivery: it must not lead to the new
// authentication.
func (l *live) former(now time.Time, o *Options) state {
	age := now.Sub(l.RotatedAt)
	switch {
	case !l.confirmed.Load() && !l.steppedUp() && age < o.Redeliver:
		return unconfirmed
	case age < o.Race:
		return racing
	}
	return spent
}

// steppedUp reports that the last rotation was a new authentication.
func (l *live) steppedUp() bool {
	return l.PrevHash != [32]byte{} && !l.PrevAuthTime.Equal(l.AuthTime)
}

// tokens returns what CSRF tokens may be bound to now.
func (l *live) tokens(now time.Time, o *Options) [][]byte {
	if len(l.bindings) == 2 && l.former(now, o) == spent {
		return l.bindings[:1:1]
	}
	return l.bindings
}

func (l *live) due(now time.Time, o *Options) bool {
	return o.Rotate > 0 && now.Sub(l.RotatedAt) >= o.Rotate
}
