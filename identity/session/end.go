package session

import (
	"context"
	"net/netip"
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

// Leaving says which live session a cookie stands for, and what its CSRF tokens are bound to,
// for who only wants to end it. Neither the network nor the key of the browser is asked for: a
// person who signs out where the session is worth nothing must not leave it to a thief
// elsewhere. Errors are those of a secret that is worth nothing, as of Judge.
func (k *Keeper) Leaving(ctx context.Context, cookie string, from netip.Addr, now time.Time) (sid string, bindings [][]byte, err error) {
	raw, _, ok := presented(cookie)
	if !ok {
		return "", nil, stranger("the session cookie is not a session secret (there is nothing to sign out of)")
	}
	o, hash := k.options.Load(), digest(raw)
	now = o.at(now)
	l, st, err := k.find(ctx, raw, hash, now, o)
	if err == nil && st > racing {
		err = k.refuse(ctx, l, st, from, now)
	}
	if err != nil {
		return "", nil, err
	}
	return l.SID, l.tokens(now, o), nil
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
