package session

import (
	"context"
	"net/netip"
	"time"

	"github.com/sanmon-gate/sanmon/caller"
)

// Behind says who stands behind a live session, wherever they are: for questions about a
// session that its own client does not ask. Unlike Live it judges no network and leaves
// no trace of use. Refusals are those of Live; into is changed only when err is nil.
func (k *Keeper) Behind(ctx context.Context, sid string, now time.Time, into *caller.Caller) error {
	o := k.options.Load()
	now = o.at(now)
	l, err := k.bySID(ctx, sid, now, o)
	if err != nil {
		return err
	}
	if st := l.standing(now, o); st != current {
		return k.refuse(ctx, l, st, netip.Addr{}, now)
	}
	p, err := k.person(ctx, l)
	if err != nil {
		return err
	}
	*into = caller.Caller{Kind: caller.Session, Subject: p.ID, Email: p.Email, Name: p.Name, SID: l.SID, ClientID: l.Client,
		Credential: k.whole, Principal: p.Rights, AuthTime: l.AuthTime, AMR: l.AMR, ACR: l.ACR, ExpiresAt: l.ExpiresAt}
	return nil
}
