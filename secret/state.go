package secret

import (
	"slices"
	"time"
)

// State is where a signing key is in its life. It follows from the times in the store
// and the clock, so that every node comes to the same answer by itself.
type State uint8

// The states, in the order of a life.
const (
	Next     State = iota // published, so that verifiers know it before it signs
	Active                // signs; exactly one, where there is any
	Retiring              // signs nothing more; what it signed may still be on its way
	Gone                  // verifies nothing
)

// String gives the word that lists print.
func (s State) String() string {
	switch s {
	case Next:
		return "next"
	case Active:
		return "active"
	case Retiring:
		return "retiring"
	}
	return "gone"
}

// States returns the state of each key at a moment, and when any of them changes next:
// zero when none will by itself. keys are of one purpose, lowest version first. keep is
// how long a key verifies after the following one took over: the longest life of what it
// signed, and the largest difference between two clocks.
//
// Where the first key of all begins in the future, it is active: the clock of the node
// that made it is ahead of this one. Keys that all lack a beginning, as NewRing is given
// them by a program that keeps its keys elsewhere, have the newest one active and the
// others retiring.
func States(keys []Key, keep time.Duration, now time.Time) (states []State, until time.Time) {
	states = make([]State, len(keys))
	if !slices.ContainsFunc(keys, func(k Key) bool { return !k.ActiveAt.IsZero() }) {
		for i := range states {
			states[i] = Retiring
		}
		if n := len(keys); n > 0 {
			states[n-1] = Active
		}
		return states, until
	}
	var after time.Time // when a later key took over; zero: none has
	sooner := func(t time.Time) {
		if until.IsZero() || t.Before(until) {
			until = t
		}
	}
	for i := len(keys) - 1; i >= 0; i-- {
		begins := keys[i].ActiveAt
		switch {
		case begins.IsZero() || now.Before(begins):
			states[i] = Next
			if !begins.IsZero() {
				sooner(begins)
			}
			continue
		case after.IsZero():
			states[i] = Active
		case now.Before(after.Add(keep)):
			states[i] = Retiring
			sooner(after.Add(keep))
		default:
			states[i] = Gone
		}
		after = begins
	}
	if after.IsZero() {
		states[first(keys)] = Active
	}
	return states, until
}

// first is the key that begins before all others; one of keys does begin.
func first(keys []Key) int {
	at := -1
	for i, k := range keys {
		if !k.ActiveAt.IsZero() && (at < 0 || k.ActiveAt.Before(keys[at].ActiveAt)) {
			at = i
		}
	}
	return at
}
