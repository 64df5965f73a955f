package session

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/sanmon-gate/sanmon/audit"
	"github.com/sanmon-gate/sanmon/identity/principal"
	"github.com/sanmon-gate/sanmon/refusal"
)

// AtMax says what becomes of a login of a person who has Options.MaxPerUser live sessions
// (ASVS 7.1.2 wants the number and the behaviour to be documented).
type AtMax string

// What there is.
const (
	// EvictOldest ends the sessions seen longest ago, so that MaxPerUser remain.
	EvictOldest AtMax = "evict_oldest"
	// Deny refuses the login, with the cause ErrFull: whoever has somebody's password and
	// second factor puts nobody out.
	Deny AtMax = "deny"
	// Notify lets it pass, writes audit.SessionLimit and calls Options.Crowded.
	Notify AtMax = "notify"
)

// ErrFull says that a person has as many sessions as one may have.
var ErrFull = errors.New("the person has as many sessions as one may have")

// Places is what AdmitSession admits into.
type Places struct {
	Max   int   // live sessions of one person and kind; above 0
	AtMax AtMax // Deny or Notify
	// Idle is how long a session may be unseen. Nobody may have noted the end of one that
	// was, and it must not keep its person out. Above 0.
	Idle time.Duration
	// Former is the session whose place the new one takes, whosever it is; "" for none.
	Former string
}

// Crowd is a login that found no place free.
type Crowd struct {
	Live, Max int  // sessions of the person now, and how many one may have
	Refused   bool // by Deny; else it passed
	At        time.Time
}

// admit stores a new session in the place of former, if any, by what AtMax says.
func (k *Keeper) admit(ctx context.Context, user principal.Record, r Record, former string, m Meta, now time.Time, o *Options) error {
	ctx, cancel := context.WithTimeout(ctx, loadTimeout)
	defer cancel()
	ev := m.event(audit.LoginOK, user.ID, r.SID, m.words(), now)
	if o.MaxPerUser == 0 || o.AtMax == EvictOldest {
		return k.evicting(ctx, r, former, m, ev, now, o)
	}
	live, err := k.store.AdmitSession(ctx, r, Places{Max: o.MaxPerUser, AtMax: o.AtMax, Idle: o.Idle, Former: former}, ev)
	k.memory.hideUser(user.ID) // some of them may have been found idle
	if former != "" {
		k.memory.hide(former)
	}
	full := errors.Is(err, ErrFull)
	if err != nil && !full {
		return busy("store a session", err)
	}
	if full {
		return k.noPlace(user, m, live, now, o)
	}
	if live > o.MaxPerUser {
		o.Crowded(user, m, Crowd{Live: live, Max: o.MaxPerUser, At: now})
	}
	return nil
}

// Room refuses as StepUp would, ahead of what a login changes for good, such as an app that it
// enrols: a refused login leaves nothing behind. It holds no place until then.
func (k *Keeper) Room(ctx context.Context, cookie string, user principal.Record, m Meta, now time.Time) error {
	o := k.options.Load()
	if o.AtMax != Deny || o.MaxPerUser == 0 {
		return nil
	}
	now = o.at(now)
	if raw, proof, ok := presented(cookie); ok {
		if l, _, err := k.presentable(ctx, digest(raw), proof, now); err != nil || l != nil && l.User == user.ID {
			return err
		}
	}
	ctx, cancel := context.WithTimeout(ctx, loadTimeout)
	defer cancel()
	all, err := k.store.Sessions(ctx, user.ID, now, math.MaxInt32)
	if err != nil {
		return busy("count the sessions of a person", err)
	}
	live := 0
	for _, r := range all {
		if (r.Kind == Login || r.Kind == "") && now.Sub(r.LastSeenAt) < o.Idle {
			live++
		}
	}
	if live < o.MaxPerUser {
		return nil
	}
	ev := m.event(audit.SessionLimit, user.ID, "", fmt.Sprintf("at_max=%s live=%d max=%d", Deny, live, o.MaxPerUser), now)
	if err := o.Signal(ctx, ev); err != nil {
		return busy("write down that a login was refused", err)
	}
	return k.noPlace(user, m, live, now, o)
}

// evicting stores a session that is never refused.
func (k *Keeper) evicting(ctx context.Context, r Record, former string, m Meta, ev audit.Event, now time.Time, o *Options) error {
	if former != "" {
		if _, err := k.End(ctx, former, ReasonReplaced, m, now); err != nil {
			return err
		}
	}
	err := k.store.CreateSession(ctx, r, o.MaxPerUser, ev)
	if o.MaxPerUser > 0 {
		k.memory.hideUser(r.User) // one of them may have been evicted
	}
	if err != nil {
		return busy("store a session", err)
	}
	return nil
}

// noPlace is the refusal of Deny. Only who has shown everything gets to see it.
func (k *Keeper) noPlace(user principal.Record, m Meta, live int, now time.Time, o *Options) error {
	k.counts.full.Add(1)
	o.Crowded(user, m, Crowd{Live: live, Max: o.MaxPerUser, Refused: true, At: now})
	no := refusal.New(refusal.PermissionMissing, "%s has %d live sessions, and session.max_per_user is %d with session.at_max: deny (end one: sanmon session list, sanmon session revoke)", user.ID, live, o.MaxPerUser)
	no.Detail, no.Err = "You are signed in at as many places as this site allows. Sign out at one of them first, or ask who runs this site.", ErrFull
	return no
}
