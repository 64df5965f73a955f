package session

import (
	"context"
	"errors"
	"time"

	"github.com/sanmon-gate/sanmon/secret"
)

// attempts bounds how often a change is tried again after another one won.
const attempts = 3

// Renew returns the secret that the client shall hold from now on, or the empty
// secret when it shall keep what it has. Exactly one of several concurrent calls
// with the same cookie replaces the secret; the others return the same successor.
// It is for cookies that Judge has just let pass; an error is refusal.Busy, and the
// client keeps a cookie that still works.
//
// Call it when the header of the answer is about to be written: the windows Race
// and Redeliver begin here.
func (k *Keeper) Renew(ctx context.Context, cookie string, c Client, now time.Time) (secret.Value, error) {
	raw, _, ok := presented(cookie)
	if !ok {
		return secret.Value{}, nil
	}
	o, hash := k.options.Load(), digest(raw)
	now = o.at(now)
	for range attempts {
		l, err := k.load(ctx, hash)
		if err != nil {
			return secret.Value{}, err
		}
		switch st := l.state(hash, now, o); {
		case st == current && l.due(now, o):
			next, err := k.rotate(ctx, l, raw, c.place(), now, o)
			if errors.Is(err, ErrConflict) {
				continue
			}
			return next, err
		case st == unconfirmed && k.doubts(l, c).given:
			return l.redeliver(raw, o), nil
		}
		return secret.Value{}, nil
	}
	return secret.Value{}, busy("replace a session secret", ErrConflict)
}

func (k *Keeper) rotate(ctx context.Context, l *live, raw decoded, by Place, now time.Time, o *Options) (secret.Value, error) {
	at := l.after(now)
	next, hash := o.next(l.SID, raw, at)
	ctx, cancel := context.WithTimeout(ctx, loadTimeout)
	defer cancel()
	if _, err := k.exchange(ctx, l, hash, by, l.AuthTime, at, nil); err != nil {
		return secret.Value{}, err
	}
	return next, nil
}

// exchange replaces the secret hash of a session in the store and in memory and
// returns the row as it is then. at is the moment in the mark of the secret. ErrConflict says that another change was first.
func (k *Keeper) exchange(ctx context.Context, l *live, to [32]byte, by Place, authTime, at time.Time, up *Raised) (Record, error) {
	gen := k.memory.generation()
	err := k.store.RotateSession(ctx, l.SID, l.SecretHash, to, by, authTime, at, up)
	switch {
	case errors.Is(err, ErrConflict):
		k.memory.hide(l.SID)
		return Record{}, err
	case err != nil:
		k.memory.hide(l.SID) // it may have happened all the same
		return Record{}, busy("replace a session secret", err)
	}
	r := l.Record
	r.PrevHash, r.PrevAuthTime, r.SecretHash = l.SecretHash, l.AuthTime, to
	r.RotatedBy = by
	r.AuthTime, r.RotatedAt, r.LastSeenAt, r.Confirmed = authTime, at, at, false
	r.Networks = networkTexts(*l.networks.Load())
	if up != nil {
		r.Networks, r.AMR, r.ACR, r.Agent, r.SudoUntil = up.Networks, up.AMR, up.ACR, up.Agent, up.SudoUntil
	}
	k.memory.replace(r, gen)
	return r, nil
}

// redeliver computes the current secret from the former one; the empty secret when
// it was not derived from it.
func (l *live) redeliver(raw decoded, o *Options) secret.Value {
	if o.Ring == nil {
		return secret.Value{}
	}
	for _, key := range o.Ring.All() {
		if next, hash := successor(key.Value, l.SID, raw, l.RotatedAt); hash == l.SecretHash {
			return next
		}
	}
	return secret.Value{}
}
