package session

import (
	"context"
	"errors"
	"time"
)

// Run writes what requests taught about sessions, and those that expired, until ctx
// ends; then it writes what is left and returns nil. A mark that cannot be written
// is logged and tried again.
func (k *Keeper) Run(ctx context.Context) error {
	timer := time.NewTimer(k.options.Load().touchEvery())
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			k.finish(ctx)
			return nil
		case l := <-k.urgent:
			k.write(ctx, l)
		case x := <-k.expired:
			k.bury(ctx, x)
		case ev := <-k.signals:
			k.record(ctx, ev)
		case <-timer.C:
			k.flush(ctx)
			timer.Reset(k.options.Load().touchEvery())
		}
	}
}

// tell asks Run to write a session soon. When Run is behind, the next flush does.
func (k *Keeper) tell(l *live) {
	select {
	case k.urgent <- l:
	default:
	}
}

// finish writes everything that is left, in bounded time.
func (k *Keeper) finish(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), flushTimeout)
	defer cancel()
	for {
		select {
		case l := <-k.urgent:
			k.write(ctx, l)
		case x := <-k.expired:
			k.bury(ctx, x)
		case ev := <-k.signals:
			k.record(ctx, ev)
		default:
			k.flush(ctx)
			return
		}
	}
}

// flush writes every session that memory knows more of, and lets go of those that
// nobody will use again.
func (k *Keeper) flush(ctx context.Context) {
	o := k.options.Load()
	now := o.at(o.Now())
	lapsed := 0
	for _, l := range k.memory.all(func(l *live) bool { return l.dirty() || !l.over(now, o) }) {
		if ctx.Err() != nil {
			return
		}
		k.write(ctx, l)
		if lapsed < maxLapsed && l.lapsed(time.UnixMicro(l.seen.Load()), now, o) {
			lapsed++
			k.lapse(ctx, l.SID, now, o)
		}
	}
}

// maxLapsed is how many sessions one flush ends.
const maxLapsed = 500

// lapsed reports that the time of a session has run out, whatever another node has seen of
// it and not written yet. A grant ends by its tokens.
func (l *live) lapsed(seen, now time.Time, o *Options) bool {
	return l.Kind != Grant && (!now.Before(l.ExpiresAt) || now.Sub(seen) >= o.Idle+o.touchEvery())
}

// lapse ends a session that nobody asks for any more, so that what stays open on it is cut
// and the trail says when it ended. Another node may know better: the row decides.
func (k *Keeper) lapse(ctx context.Context, sid string, now time.Time, o *Options) {
	l, err := k.freshBySID(ctx, sid)
	if err != nil || !l.RevokedAt.IsZero() || !l.lapsed(l.LastSeenAt, now, o) {
		return
	}
	reason := ReasonIdle
	if !now.Before(l.ExpiresAt) {
		reason = ReasonExpired
	}
	k.bury(ctx, expiry{l.SID, l.User, reason, now})
}

// over reports that a session is far beyond its limits by any clock.
func (l *live) over(now time.Time, o *Options) bool {
	last := time.UnixMicro(l.seen.Load())
	return now.Sub(l.ExpiresAt) > 5*time.Minute || now.Sub(last) > o.Idle+5*time.Minute
}

func (k *Keeper) write(ctx context.Context, l *live) {
	if l = k.memory.newest(l); !l.dirty() {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, loadTimeout)
	defer cancel()
	seen := l.seen.Load()
	l.unwritten.Store(false) // before the read: what is learned meanwhile stays unwritten
	err := k.store.TouchSession(ctx, l.SID, l.SecretHash, time.UnixMicro(seen), networkTexts(*l.networks.Load()), l.confirmed.Load())
	if errors.Is(err, ErrNotFound) { // deleted: there is nothing to keep
		k.memory.forget(l.SID)
		return
	}
	if err != nil {
		l.unwritten.Store(true)
		k.options.Load().Log.Warn("session mark not written", "sid", l.SID, "err", err)
		return
	}
	l.stored.Store(seen)
}

func (k *Keeper) bury(ctx context.Context, x expiry) {
	m := Meta{Actor: "system"}
	ctx, cancel := context.WithTimeout(ctx, loadTimeout)
	defer cancel()
	ev := m.event(event(x.reason), x.user, x.sid, "reason="+x.reason, x.at)
	if _, err := k.store.RevokeSession(ctx, x.sid, x.reason, x.at.Truncate(time.Microsecond), ev); err != nil {
		k.options.Load().Log.Warn("expired session not written", "sid", x.sid, "err", err)
		return
	}
	k.memory.forget(x.sid)
}
