package session

import (
	"context"
	"net/netip"
	"time"

	"github.com/sanmon-gate/sanmon/audit"
	"github.com/sanmon-gate/sanmon/refusal"
)

// The reasons that sessions end for, as stored.
const (
	ReasonLogout   = "logout"   // the person signed out
	ReasonIdle     = "idle"     // Idle passed without a request
	ReasonExpired  = "expired"  // Absolute passed
	ReasonReuse    = "reuse"    // a spent secret was presented: theft
	ReasonReplaced = "replaced" // another person signed in with the same browser
)

// expiry is a session that was found expired; Run writes it down.
type expiry struct {
	sid, user, reason string
	at                time.Time
}

// refuse says no to a secret that is worth nothing, and ends the session where
// that follows.
func (k *Keeper) refuse(ctx context.Context, l *live, st state, from netip.Addr, now time.Time) error {
	switch st {
	case idle:
		k.expire(l, ReasonIdle, now)
		return refusal.New(refusal.SessionExpired, "session %s had no request for longer than session.idle (sign in again)", l.SID)
	case ended:
		k.expire(l, ReasonExpired, now)
		return refusal.New(refusal.SessionExpired, "session %s reached the end of session.absolute (sign in again)", l.SID)
	case revoked:
		return l.refuseRevoked()
	case spent:
		return k.theft(ctx, l, "recent_prev", from, now)
	case stale:
		return k.theft(ctx, l, "stale", from, now)
	case overtaken:
		k.counts.overtaken.Add(1)
		return refusal.New(refusal.LoginRequired, "session %s has replaced the secret that was presented twice, the last time at %s (a request that was under way; the browser has the new one)", l.SID, l.RotatedAt.UTC().Format(time.RFC3339))
	case ahead:
		k.counts.ahead.Add(1)
		return refusal.New(refusal.LoginRequired, "session %s was presented a secret that is newer than the store knows: the database was put back, or the session key is in other hands (compare with the audit anchor; rotate with: sanmon keyset rotate session)", l.SID)
	}
	return refusal.New(refusal.LoginRequired, "session %s does not have the secret that was presented any more (sign in again)", l.SID)
}

func (l *live) refuseRevoked() error {
	code := refusal.LoginRequired
	if l.RevokeReason == ReasonIdle || l.RevokeReason == ReasonExpired {
		code = refusal.SessionExpired
	}
	return refusal.New(code, "session %s was ended, reason %q (sign in again)", l.SID, l.RevokeReason)
}

// theft ends a session whose spent secret came back: either a thief uses what the
// person replaced, or the person what a thief replaced (RFC 9700, Section 4.14.2,
// for rotated refresh tokens; a rotated cookie is the same case). class is "recent_prev" for
// the former secret, "stale" for one before that, as of refresh tokens.
func (k *Keeper) theft(ctx context.Context, l *live, class string, from netip.Addr, now time.Time) error {
	ev := Meta{From: from, Actor: "system"}.event(event(ReasonReuse), l.User, l.SID, "reason="+ReasonReuse+" class="+class, now)
	alive, err := k.end(context.WithoutCancel(ctx), l.SID, ReasonReuse, ev, now)
	if err != nil {
		return err
	}
	if alive {
		k.counts.reuse.Add(1)
	}
	return refusal.New(refusal.LoginRequired, "session %s was ended: a secret came back that was replaced at %s or before (class %s; check the person's devices)",
		l.SID, l.RotatedAt.UTC().Format(time.RFC3339), class)
}

// expire hands an expired session to Run. When Run is behind, the row stays as it
// is and is judged expired again.
func (k *Keeper) expire(l *live, reason string, now time.Time) {
	select {
	case k.expired <- expiry{l.SID, l.User, reason, now}:
	default:
	}
}

// event names what the end of a session is in the audit trail.
func event(reason string) audit.Name {
	switch reason {
	case ReasonLogout, ReasonApp:
		return audit.Logout
	case ReasonIdle, ReasonExpired:
		return audit.SessionExpired
	}
	return audit.SessionRevoked
}
