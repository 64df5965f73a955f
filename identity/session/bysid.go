package session

import (
	"context"
	"errors"
	"net/netip"
	"time"

	"github.com/sanmon-gate/sanmon/caller"
	"github.com/sanmon-gate/sanmon/refusal"
)

// ErrNetwork is the cause of a refusal by network Strict.
var ErrNetwork = errors.New("a network that the session does not know")

// Live says who stands behind a session now, by its sid instead of its secret, and fills
// into: it is the live half of an access token, whose signature vouches for the sid. Kind
// is that of a session, Credential that of one that narrows nothing: both are the token's
// to say. There are no Bindings, because nothing about a token is ambient, and no Slot.
//
// A session that was never there, has ended or belongs to nobody is refusal.LoginRequired
// or, by its natural end, refusal.SessionExpired; one that is not bound to the network
// under Strict is refusal.LoginRequired with the cause ErrNetwork; a store that does not
// answer refusal.Busy. into is changed only when err is nil. A warm verdict allocates
// nothing.
func (k *Keeper) Live(ctx context.Context, sid string, from netip.Addr, now time.Time, into *caller.Caller) error {
	o := k.options.Load()
	now = o.at(now)
	l, err := k.bySID(ctx, sid, now, o)
	if err != nil {
		return err
	}
	if st := l.standing(now, o); st != current {
		return k.refuse(ctx, l, st, from, now)
	}
	if l.Kind == App {
		return refusal.New(refusal.LoginRequired, "session %s is that of a backend, which no token stands on", l.SID)
	}
	p, err := k.person(ctx, l)
	if err != nil {
		return err
	}
	network := Network(from)
	strange := !l.knows(network)
	if strange && o.Network == Strict {
		no := refusal.New(refusal.LoginRequired, "session %s is not bound to network %v (sign in from there, or set session.network to step_up)", l.SID, network)
		no.Err = ErrNetwork
		return no
	}
	if strange && o.Network == Observe {
		l.learn(network)
		k.tell(l)
	}
	l.touch(now)
	*into = caller.Caller{Kind: caller.Session, Subject: p.ID, Email: p.Email, Name: p.Name, SID: l.SID, ClientID: l.Client,
		Credential: k.whole, Principal: p.Rights, AuthTime: l.AuthTime, AMR: l.AMR, ACR: l.ACR, ExpiresAt: l.ExpiresAt}
	if strange && o.Network == StepUp {
		into.AuthTime = time.Unix(0, 0) // as Judge does
	}
	return nil
}

// bySID returns a session by its public handle, from memory where that says that it
// lives: what would end it is read again from the store.
func (k *Keeper) bySID(ctx context.Context, sid string, now time.Time, o *Options) (*live, error) {
	if !o.Stale() {
		if l := k.memory.bySIDShown(sid); l != nil && l.standing(now, o) == current {
			return l, nil
		}
	}
	return k.freshBySID(ctx, sid)
}

// standing is state for the current secret: whether the session itself lives.
func (l *live) standing(now time.Time, o *Options) state { return l.state(l.SecretHash, now, o) }
