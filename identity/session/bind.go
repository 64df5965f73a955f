package session

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/sanmon-gate/sanmon/audit"
	"github.com/sanmon-gate/sanmon/caller"
	"github.com/sanmon-gate/sanmon/refusal"
)

// After a session was bound, requests that were under way come without the short-lived
// cookie for bindGrace. unboundGrace is how long a browser has to register its key where it
// must.
const (
	bindGrace    = 30 * time.Second
	unboundGrace = 2 * time.Minute
)

// Presented puts together what a browser shows: the session cookie and the short-lived one,
// either of which may be "".
func Presented(session, bound string) string {
	if session == "" || bound == "" {
		return session
	}
	return session + "." + bound
}

// presented takes apart what Presented put together. A proof may stand behind any session.
func presented(cookie string) (raw decoded, proof string, ok bool) {
	secret, proof, _ := strings.Cut(cookie, ".")
	raw, ok = decode(secret)
	return raw, proof, ok
}

// shown is a short-lived cookie that was good.
type shown struct {
	cookie string
	until  time.Time
}

// proven refuses a bound session whose browser does not show that it has the key. The session
// goes on: the browser may be about to refresh its cookie.
func (l *live) proven(proof string, now time.Time, o *Options) error {
	switch {
	case o.Binder == nil:
		return nil
	case l.BindKind == "":
		if o.BindRequired && l.Kind != App && now.Sub(l.begun()) > unboundGrace {
			return refusal.New(refusal.LoginRequired, "session %s was not bound to a key of its browser in time (dbsc: required; use a browser that can, or set dbsc: opportunistic)", l.SID)
		}
		return nil
	case now.Sub(l.BoundAt) < bindGrace:
		return nil
	}
	if s := l.shown.Load(); s != nil && s.cookie == proof && now.Before(s.until) {
		return nil
	}
	until, ok := o.Binder.Bound(l.SID, proof, now)
	if !ok {
		return refusal.New(refusal.LoginRequired, "session %s is bound to a key, and the request has no short-lived cookie that is still good (its browser gets one at dbsc/refresh; without the key, sign in again)", l.SID)
	}
	l.shown.Store(&shown{strings.Clone(proof), until})
	return nil
}

// begun is the last login here. The person may have authenticated elsewhere long before.
func (l *live) begun() time.Time {
	if l.CreatedAt.After(l.AuthTime) {
		return l.CreatedAt
	}
	return l.AuthTime
}

// Bind binds the session of a cookie to a key, for good: the cookie alone is worth nothing from
// then on. A session that is bound already is refusal.InputInvalid.
func (k *Keeper) Bind(ctx context.Context, sid string, kind BindKind, key []byte, m Meta, now time.Time) error {
	now = k.options.Load().at(now)
	l, err := k.freshBySID(ctx, sid)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, loadTimeout)
	defer cancel()
	err = k.store.BindSession(ctx, sid, kind, key, now, m.event(audit.SessionBound, l.User, sid, "kind="+string(kind), now))
	k.memory.hide(sid)
	if errors.Is(err, ErrConflict) {
		return refusal.New(refusal.InputInvalid, "session %s is bound to a key already, or has ended (sign in again to bind another)", sid)
	}
	if err != nil {
		return busy("bind a session", err)
	}
	return nil
}

// Binding returns what the session of a cookie is bound to, without asking for a proof: it is
// for who is about to prove it. Errors are as of Judge.
func (k *Keeper) Binding(ctx context.Context, cookie string, from Client, now time.Time) (sid string, kind BindKind, key []byte, err error) {
	var who caller.Caller
	l, _, err := k.judge(ctx, cookie, from, now, &who, false)
	if err != nil {
		return "", "", nil, err
	}
	return l.SID, l.BindKind, l.BindKey, nil
}
