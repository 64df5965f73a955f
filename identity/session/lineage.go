package session

import (
	"context"
	"errors"
	"time"
)

// lineage judges a secret that no row has any more. missing is the refusal for one that
// never was; it stands where nothing proves that we made the secret. A guess costs no
// statement here.
func (k *Keeper) lineage(ctx context.Context, h decoded, missing error, now time.Time, o *Options) (*live, state, error) {
	sid, made, ok := o.origin(h)
	if !ok || !errors.Is(missing, ErrNotFound) {
		return nil, unknown, missing
	}
	l, err := k.freshBySID(ctx, sid)
	if err != nil {
		return nil, unknown, err
	}
	return l, l.forgotten(made, now, o), nil
}

// forgotten judges a secret of this session that was made at a moment and is neither the
// current nor the former one.
//
// As long as a request that was under way at the last rotation may carry the secret before
// that, as former has it, it may carry one more: a rotation in passing and a step-up can
// follow each other at once. Such a request is refused, and ends nothing. Later it is a copy.
func (l *live) forgotten(made, now time.Time, o *Options) state {
	switch st := l.standing(now, o); {
	case st != current:
		return st // nobody can use it: nothing to end, and nothing to tell
	case !made.Before(l.RotatedAt):
		return ahead
	case l.window(now, o):
		return overtaken
	}
	return stale
}

// window reports whether a request from before the last rotation may still be under way, or
// its client without the answer that carried the current secret.
func (l *live) window(now time.Time, o *Options) bool {
	limit := o.Redeliver
	if l.confirmed.Load() {
		limit = o.Race
	}
	return now.Sub(l.RotatedAt) < limit
}

// after is the moment of a rotation: later than the one before, whatever the clock says, so
// that marks tell the order of secrets.
func (l *live) after(now time.Time) time.Time {
	if next := l.RotatedAt.Add(time.Microsecond); now.Before(next) {
		return next
	}
	return now
}
