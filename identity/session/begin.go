package session

import (
	"context"
	"errors"
	"net/netip"
	"time"

	"github.com/sanmon-gate/sanmon/audit"
	"github.com/sanmon-gate/sanmon/identity/agent"
	"github.com/sanmon-gate/sanmon/identity/principal"
	"github.com/sanmon-gate/sanmon/refusal"
	"github.com/sanmon-gate/sanmon/secret"
)

// Meta is what is written down about a change of a session.
type Meta struct {
	From      netip.Addr   // address of the client
	Device    string       // as Device returns it
	Agent     agent.Family // kind of browser; zero: nobody knows, and none is another one
	RequestID string
	Lang      string   // language of the person, "en" or "ja", for Options.Crowded; "" not known
	Actor     string   // principal id, "cli" or "system"; the person itself where empty
	AMR       []string // how the person has just authenticated (RFC 8176); empty: a password
	ACR       string   // AAL1 or AAL2; "": AAL1
	// AuthTime is when that was, where it was elsewhere; zero: now. A later time is now, too.
	AuthTime time.Time
	// Same refuses, with the cause ErrOther, to put this person in the place of somebody else
	// who has a live session in the browser.
	Same bool
}

// ErrOther says that somebody else is signed in at that browser.
var ErrOther = errors.New("somebody else is signed in there")

// Unsaid is the Meta.AuthTime of who has authenticated nobody knows when: long ago.
func Unsaid() time.Time { return time.Unix(1, 0).UTC() }

func (m Meta) authTime(now time.Time) time.Time {
	switch {
	case m.AuthTime.IsZero() || m.AuthTime.After(now):
		return now
	case m.AuthTime.Before(Unsaid()):
		return Unsaid()
	}
	return m.AuthTime.Truncate(time.Microsecond)
}

func (m Meta) place() Place {
	return Place{Network: networkText(m.From), Agent: m.Agent.String()}
}

func (m Meta) event(name audit.Name, user, sid, detail string, at time.Time) audit.Event {
	return audit.Event{At: at, Event: name, Subject: user, Actor: or(m.Actor, user), SID: sid,
		Network: networkText(m.From), RequestID: m.RequestID, Detail: detail}
}

// Begin makes a session for somebody who has just authenticated, writing login.ok.
// The secret is nowhere else. Where the person has MaxPerUser sessions already, AtMax says
// what happens; Deny refuses with refusal.PermissionMissing and the cause ErrFull.
func (k *Keeper) Begin(ctx context.Context, user principal.Record, m Meta, now time.Time) (secret.Value, Record, error) {
	return k.begin(ctx, user, "", m, now)
}

// begin is Begin for a browser whose session, if any, ends with it: former.
func (k *Keeper) begin(ctx context.Context, user principal.Record, former string, m Meta, now time.Time) (secret.Value, Record, error) {
	if user.Disabled {
		return secret.Value{}, Record{}, refusal.New(refusal.LoginFailed, "%s is disabled (sanmon user enable)", user.ID)
	}
	o := k.options.Load()
	now = o.at(now)
	sid := secret.NewID(sidPrefix)
	value, hash := o.random(sid, now)
	since := m.authTime(now)
	r := Record{SID: sid, User: user.ID, SecretHash: hash, RotatedAt: now, CreatedAt: now,
		AMR: m.amr(), ACR: m.acr(), AuthTime: since, SudoUntil: since.Add(o.Sudo), LastSeenAt: now, ExpiresAt: now.Add(o.Absolute), Device: m.Device, Agent: m.Agent.String(),
		Networks: networkTexts(withNetwork(nil, Network(m.From)))}
	if err := k.admit(ctx, user, r, former, m, now, o); err != nil {
		return secret.Value{}, Record{}, err
	}
	return value, r, nil
}

// StepUp is Begin for a browser that sent a session cookie along (ASVS 7.2.4). A
// live session of the same person keeps its sid and its absolute end, and gets a new
// secret and AuthTime; the former secret holds for Race, with its own AuthTime. A
// live session of somebody else ends, but for Meta.Same, unless Deny refuses the new one. A
// cookie that is worth nothing is ignored: what the client brought is never taken over
// (session fixation).
func (k *Keeper) StepUp(ctx context.Context, cookie string, user principal.Record, m Meta, now time.Time) (secret.Value, Record, error) {
	raw, proof, ok := presented(cookie)
	if !ok || user.Disabled {
		return k.Begin(ctx, user, m, now)
	}
	shared := k.options.Load().at(now)
	for range attempts {
		l, proven, err := k.presentable(ctx, digest(raw), proof, shared)
		switch {
		case err != nil:
			return secret.Value{}, Record{}, err
		case l == nil || !proven && l.User != user.ID:
			return k.Begin(ctx, user, m, now)
		case !proven: // under Deny it would keep its own browser out until it is idle
			former := ""
			if k.options.Load().AtMax == Deny {
				former = l.SID
			}
			return k.begin(ctx, user, former, m, now)
		case l.User != user.ID && m.Same && l.Kind != App:
			return secret.Value{}, Record{}, other(l, user)
		case l.User != user.ID:
			j, _ := k.jar(l) // what cannot be opened is lost
			value, r, err := k.begin(ctx, user, l.SID, m, now)
			if err == nil && l.Kind == App {
				k.carry(ctx, j, r.SID)
			}
			return value, r, err
		}
		value, r, err := k.raise(ctx, l, m, shared)
		if !errors.Is(err, ErrConflict) {
			return value, r, err
		}
	}
	return secret.Value{}, Record{}, busy("replace a session secret", ErrConflict)
}

func other(l *live, user principal.Record) error {
	no := refusal.New(refusal.StepUpRequired, "%s has authenticated where %s is signed in with session %s (sign out first, or sign in as the same person)", user.ID, l.User, l.SID)
	no.Detail, no.Err = "Somebody else is signed in. Sign out first.", ErrOther
	return no
}

// usable returns the live session of a secret, nil when there is none, or its browser does
// not prove the key that it is bound to.
func (k *Keeper) usable(ctx context.Context, hash [32]byte, proof string, now time.Time) (*live, error) {
	l, proven, err := k.presentable(ctx, hash, proof, now)
	if !proven {
		return nil, err
	}
	return l, err
}

// presentable returns the live session of a secret, nil when there is none, and whether its
// browser proves the key that it is bound to.
func (k *Keeper) presentable(ctx context.Context, hash [32]byte, proof string, now time.Time) (l *live, proven bool, err error) {
	l, err = k.load(ctx, hash)
	if r, ok := errors.AsType[*refusal.Refusal](err); ok && r.Code == refusal.LoginRequired {
		return nil, false, nil
	}
	o := k.options.Load()
	if err != nil || l.state(hash, now, o) > racing {
		return nil, false, err
	}
	return l, l.proven(proof, now, o) == nil, nil
}

func (k *Keeper) raise(ctx context.Context, l *live, m Meta, now time.Time) (secret.Value, Record, error) {
	now = l.after(now)
	o := k.options.Load()
	value, hash := o.random(l.SID, now)
	ctx, cancel := context.WithTimeout(ctx, loadTimeout)
	defer cancel()
	since := m.authTime(now)
	if since.Before(l.AuthTime) {
		since = l.AuthTime
	}
	r, err := k.exchange(ctx, l, hash, m.place(), since, now, &Raised{
		Networks: networkTexts(withNetwork(*l.networks.Load(), Network(m.From))), AMR: m.amr(), ACR: m.acr(), Agent: m.Agent.String(), SudoUntil: since.Add(o.Sudo),
		Event: m.event(audit.LoginOK, l.User, l.SID, "step-up "+m.words(), now),
	})
	if err != nil {
		return secret.Value{}, Record{}, err
	}
	return value, r, nil
}
