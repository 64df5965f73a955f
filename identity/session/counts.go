package session

import "sync/atomic"

// counts is how often what somebody may want to look at has happened here since the start.
type counts struct{ agent, stepUp, reuse, overtaken, ahead, full atomic.Uint64 }

// Counts returns, by its word, how often here since the start: a session turned up with
// another kind of browser ("agent", once for each kind and session); a former secret was
// refused because of where it came from ("step_up"); a spent one ended its session ("reuse"),
// or was refused because it may have been under way ("overtaken"); a secret was newer than
// the store ("ahead"); a login found no place free and was refused ("full").
func (k *Keeper) Counts() map[string]uint64 {
	c := &k.counts
	return map[string]uint64{"agent": c.agent.Load(), "step_up": c.stepUp.Load(), "reuse": c.reuse.Load(),
		"overtaken": c.overtaken.Load(), "ahead": c.ahead.Load(), "full": c.full.Load()}
}
