package session

import (
	"context"
	"errors"
	"time"

	"github.com/sanmon-gate/sanmon/audit"
	"github.com/sanmon-gate/sanmon/caller"
	"github.com/sanmon-gate/sanmon/identity/adopt"
	"github.com/sanmon-gate/sanmon/refusal"
	"github.com/sanmon-gate/sanmon/secret"
)

// ReasonApp ends a session because its person has signed out at the backend, or the backend
// has ended its own session.
const ReasonApp = "app"

// Held returns what a backend knows the person of a live session by, nothing where the
// session is not that of a person there. A warm answer allocates nothing.
func (k *Keeper) Held(ctx context.Context, sid, upstream string, now time.Time) (adopt.Held, error) {
	o := k.options.Load()
	now = o.at(now)
	l, err := k.bySID(ctx, sid, now, o)
	if err != nil || l.standing(now, o) != current {
		return adopt.Held{}, err
	}
	j, err := k.jar(l)
	return j.Of(upstream), err
}

// jar opens the jar of a session, once for each row.
func (k *Keeper) jar(l *live) (adopt.Jar, error) {
	if len(l.Jar) == 0 {
		return nil, nil
	}
	if j := l.jar.Load(); j != nil {
		return *j, nil
	}
	j, err := k.openJar(l.SID, l.Jar)
	if err == nil {
		l.jar.Store(&j)
	}
	return j, err
}

func (k *Keeper) openJar(sid string, sealed []byte) (adopt.Jar, error) {
	o := k.options.Load()
	if o.Master == nil {
		return nil, errors.New("a session has a jar, and there is no master key to open it with (set Options.Master)")
	}
	plain, err := o.Master.Open(JarPurpose(sid), sealed)
	if err != nil {
		return nil, err
	}
	return adopt.Unmarshal(plain)
}

func (k *Keeper) sealJar(sid string, j adopt.Jar) ([]byte, error) {
	o := k.options.Load()
	switch {
	case len(j) == 0:
		return nil, nil
	case o.Master == nil:
		return nil, errors.New("there is no master key to seal the session of a backend with (set Options.Master)")
	}
	plain, err := j.Marshal()
	if err != nil {
		return nil, err
	}
	return o.Master.Seal(JarPurpose(sid), plain.Expose())
}

// JarPurpose is the purpose that the jar of a session is sealed for: it opens on no other.
func JarPurpose(sid string) string { return "sanmon/session/jar/v1/" + sid }

// Adopt begins a session for somebody who has just signed in at a backend, and returns its
// secret. cookie is the session cookie that came with the login, "" for none. A login session
// of ours stays the one that it is: it gets a new secret, and holds what the backend knows
// its person by. Every other one ends, and what it held of other backends goes over.
func (k *Keeper) Adopt(ctx context.Context, cookie string, h adopt.Held, m Meta, now time.Time) (secret.Value, error) {
	o := k.options.Load()
	at := o.at(now)
	var former *live
	if raw, proof, ok := presented(cookie); ok {
		var err error
		if former, err = k.usable(ctx, digest(raw), proof, at); err != nil {
			return secret.Value{}, err
		}
	}
	if former != nil && former.Kind != App {
		next, err := k.attach(ctx, cookie, h, m, at, o)
		if err != nil || !next.Empty() {
			return next, err
		}
		former = nil // it has ended meanwhile
	}
	return k.beginApp(ctx, former, h, m, at, o)
}

func (k *Keeper) beginApp(ctx context.Context, former *live, h adopt.Held, m Meta, now time.Time, o *Options) (secret.Value, error) {
	j := adopt.Jar(nil)
	if former != nil {
		var err error
		if j, err = k.jar(former); err != nil {
			return secret.Value{}, err
		}
	}
	sid := secret.NewID(sidPrefix)
	value, hash := o.random(sid, now)
	user := adopt.Subject(h.Upstream)
	r := Record{SID: sid, User: user, Kind: App, SecretHash: hash, RotatedAt: now, CreatedAt: now,
		AuthTime: now, LastSeenAt: now, ExpiresAt: now.Add(o.Absolute), Device: m.Device, Agent: m.Agent.String(),
		Networks: networkTexts(withNetwork(nil, Network(m.From)))}
	var err error
	if r.Jar, err = k.sealJar(r.SID, j.With(h)); err != nil {
		return secret.Value{}, err
	}
	bounded, cancel := context.WithTimeout(ctx, loadTimeout)
	defer cancel()
	// Nobody knows which of these sessions are one person's: MaxPerUser would end strangers'.
	if err := k.store.CreateSession(bounded, r, 0, m.event(audit.LoginOK, user, r.SID, appWords(h, m), now)); err != nil {
		return secret.Value{}, busy("store a session", err)
	}
	if former != nil {
		if _, err := k.End(ctx, former.SID, ReasonReplaced, m, now); err != nil {
			return secret.Value{}, err
		}
	}
	return value, nil
}

func appWords(h adopt.Held, m Meta) string { return "app=" + h.Upstream + " device=" + m.Device }

// attach gives a login session what a backend knows its person by, and a new secret. It is
// empty when there is no such session any more.
func (k *Keeper) attach(ctx context.Context, cookie string, h adopt.Held, m Meta, now time.Time, o *Options) (secret.Value, error) {
	raw, proof, _ := presented(cookie)
	for range attempts {
		l, err := k.usable(ctx, digest(raw), proof, now)
		if err != nil || l == nil {
			return secret.Value{}, err
		}
		if err = k.putJar(ctx, l, h); err == nil {
			at := l.after(now)
			value, hash := o.random(l.SID, at)
			// Of the person it says nothing new.
			same := &Raised{Networks: networkTexts(*l.networks.Load()), AMR: l.AMR, ACR: l.ACR, Agent: l.Agent, SudoUntil: l.SudoUntil,
				Event: m.event(audit.LoginOK, l.User, l.SID, appWords(h, m), now)}
			if _, err = k.exchange(ctx, l, hash, m.place(), l.AuthTime, at, same); err == nil {
				k.memory.hide(l.SID) // the row in memory is the one without the jar
				return value, nil
			}
		}
		if !errors.Is(err, ErrConflict) {
			return secret.Value{}, err
		}
	}
	return secret.Value{}, busy("give a session what a backend knows", ErrConflict)
}

// putJar replaces what a session holds of one backend.
func (k *Keeper) putJar(ctx context.Context, l *live, h adopt.Held) error {
	j, err := k.jar(l)
	if err != nil {
		return err
	}
	sealed, err := k.sealJar(l.SID, j.With(h))
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, loadTimeout)
	defer cancel()
	err = k.store.ReplaceJar(ctx, l.SID, l.Jar, sealed)
	k.memory.hide(l.SID)
	if err != nil && !errors.Is(err, ErrConflict) {
		return busy("store the session of a backend", err)
	}
	return err
}

// Follow notes what an answer of a backend set and deleted of the cookies that a session
// holds of it. Answers that come together are merged one after another, as a browser does. A
// session that has ended meanwhile keeps nothing.
func (k *Keeper) Follow(ctx context.Context, sid, upstream string, set []adopt.Cookie, now time.Time) error {
	for range 4 * attempts { // a page asks for many things at once
		l, err := k.freshBySID(ctx, sid)
		if err != nil || !l.RevokedAt.IsZero() {
			return err
		}
		j, err := k.jar(l)
		if err != nil {
			return err
		}
		before := j.Of(upstream)
		after, changed := before.Take(set, now)
		if !changed || len(before.Cookies) == 0 {
			return nil // another answer has said the same, or ended it
		}
		if err := k.putJar(ctx, l, after); !errors.Is(err, ErrConflict) {
			return err
		}
	}
	return busy("store the session of a backend", ErrConflict)
}

// freshBySID is bySID, always from the store.
func (k *Keeper) freshBySID(ctx context.Context, sid string) (*live, error) {
	ctx, cancel := context.WithTimeout(ctx, loadTimeout)
	defer cancel()
	gen := k.memory.generation()
	r, err := k.store.SessionBySID(ctx, sid)
	switch {
	case errors.Is(err, ErrNotFound):
		return nil, refusal.New(refusal.LoginRequired, "there is no session %q any more (it was deleted)", sid)
	case err != nil:
		return nil, busy("read a session", err)
	}
	return k.keep(r, gen), nil
}

// Leave follows a person who has signed out at a backend, or whom the backend has signed out.
// A session that came from there ends; a login session of ours only forgets the backend.
// ended says which.
func (k *Keeper) Leave(ctx context.Context, sid, upstream string, m Meta, now time.Time) (ended bool, err error) {
	for range attempts {
		l, err := k.freshBySID(ctx, sid)
		if err != nil || !l.RevokedAt.IsZero() {
			return err == nil, err
		}
		j, err := k.jar(l)
		if err != nil {
			return false, err
		}
		if l.Kind == App && len(j.Other(upstream)) == 0 {
			_, err := k.End(ctx, sid, ReasonApp, m, now)
			return err == nil, err
		}
		if err := k.putJar(ctx, l, adopt.Held{Upstream: upstream}); !errors.Is(err, ErrConflict) {
			return false, err
		}
	}
	return false, busy("end the session of a backend", ErrConflict)
}

// app fills into for a session that came from a backend. It grants nothing: nobody knows who
// it is, only that the backend does.
func (k *Keeper) app(l *live, st state, now time.Time, o *Options, into *caller.Caller) {
	*into = caller.Caller{Kind: caller.App, Subject: l.User, Name: l.User, SID: l.SID, Credential: k.nothing, Principal: k.nothing,
		AuthTime: l.authTime(st), ExpiresAt: l.ExpiresAt, Bindings: l.tokens(now, o), Slot: l.slot}
}

// carry gives the login session of somebody who was signed in at backends before what these
// know them by. What cannot be carried is lost: they sign in there again.
func (k *Keeper) carry(ctx context.Context, j adopt.Jar, sid string) {
	sealed, err := k.sealJar(sid, j)
	if err == nil && sealed != nil {
		ctx, cancel := context.WithTimeout(ctx, loadTimeout)
		defer cancel()
		err = k.store.ReplaceJar(ctx, sid, nil, sealed)
		k.memory.hide(sid)
	}
	if err != nil {
		k.options.Load().Log.Warn("the sessions of backends were not carried over to a login", "sid", sid, "err", err)
	}
}

// Lend makes the caller of a login session that of a backend, for a route that takes these
// only: what our login allows is left behind.
func (k *Keeper) Lend(c *caller.Caller, h adopt.Held) {
	c.Kind, c.Credential, c.Principal, c.AMR, c.ACR = caller.App, k.nothing, k.nothing, nil, ""
	if c.AuthTime.Unix() > 0 {
		c.AuthTime = h.Since
	}
}
