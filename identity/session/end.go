package session

import (
	"context"
	"time"

	"github.com/sanmon-gate/sanmon/audit"
)

// End ends a session for everybody at once, and says whether it was alive. It is
// ended only when err is nil: a store that failed is refusal.Busy, and the client
// must not be told that it is signed out.
func (k *Keeper) End(ctx context.Context, sid, reason string, m Meta, now time.Time) (bool, error) {
	return k.end(ctx, sid, reason, m.event(event(reason), k.memory.user(sid), sid, "reason="+reason, now), now)
}

func (k *Keeper) end(ctx context.Context, sid, reason string, ev audit.Event, now time.Time) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, loadTimeout)
	defer cancel()
	alive, err := k.store.RevokeSession(ctx, sid, reason, now.Truncate(time.Microsecond), ev)
	if err != nil {
		k.memory.hide(sid) // it may have ended all the same
		return false, busy("end a session", err)
	}
	k.memory.forget(sid)
	return alive, nil
}

// EndUser ends all sessions of a person but the one named by except ("" for none)
// and returns their sids. Errors are as of End.
func (k *Keeper) EndUser(ctx context.Context, user, except, reason string, m Meta, now time.Time) ([]string, error) {
	ctx, cancel := context.WithTimeout(ctx, loadTimeout)
	defer cancel()
	ev := m.event(event(reason), user, "", "reason="+reason, now)
	sids, err := k.store.RevokeUserSessions(ctx, user, except, reason, now.Truncate(time.Microsecond), ev)
	k.memory.hideUser(user)
	if err != nil {
		return nil, busy("end a person's sessions", err)
	}
	return sids, nil
}
