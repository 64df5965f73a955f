package session

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"sync/atomic"
	"time"

	"github.com/sanmon-gate/sanmon/audit"
	"github.com/sanmon-gate/sanmon/caller"
	"github.com/sanmon-gate/sanmon/change"
	"github.com/sanmon-gate/sanmon/identity/principal"
	"github.com/sanmon-gate/sanmon/refusal"
)

// Principals says who a session belongs to and what that person may do now.
type Principals interface {
	// Get returns principal.ErrNotFound when there is none.
	Get(ctx context.Context, id string) (*principal.Principal, error)
}

// Keeper begins, judges, renews and ends sessions. It is safe for concurrent use;
// Run must run beside it.
type Keeper struct {
	store      Store
	principals Principals
	options    atomic.Pointer[Options]
	memory     *memory
	whole      *caller.Rights // a session does not narrow its person
	nothing    *caller.Rights // what a session of a backend grants
	urgent     chan *live     // learned something that other nodes should know
	expired    chan expiry
	signals    chan audit.Event
	counts     counts
	seed       maphash.Seed // of User-Agents
}

// New returns a Keeper, or an error that names every wrong option.
func New(store Store, principals Principals, o Options) (*Keeper, error) {
	o, err := o.complete()
	if err != nil {
		return nil, err
	}
	k := &Keeper{store: store, principals: principals, memory: newMemory(o.Max), whole: &caller.Rights{Whole: true}, nothing: &caller.Rights{},
		urgent: make(chan *live, 256), expired: make(chan expiry, 256),
		signals: make(chan audit.Event, 256), seed: maphash.MakeSeed()}
	k.options.Store(&o)
	return k, nil
}

// Configure swaps the options of a running Keeper. Max keeps its first value.
func (k *Keeper) Configure(o Options) error {
	o, err := o.complete()
	if err == nil {
		k.options.Store(&o)
	}
	return err
}

// Judge says who a session cookie stands for and fills into. renew reports that the
// client should be given another secret: call Renew when the header of the answer is
// about to be written.
//
// An expired session is refusal.SessionExpired; a malformed, unknown, revoked or
// strange one refusal.LoginRequired; the former secret from another network or kind of
// browser refusal.StepUpRequired; a store that does not answer refusal.Busy. into is changed
// only when err is nil. A warm verdict allocates nothing.
//
// The cookie is the session's secret; of a session that is bound to a key of the browser, the
// secret, "." and the value of the short-lived cookie, as Presented puts them together.
func (k *Keeper) Judge(ctx context.Context, cookie string, c Client, now time.Time, into *caller.Caller) (renew bool, err error) {
	_, renew, err = k.judge(ctx, cookie, c, now, into, true)
	return renew, err
}

// judge is Judge. prove asks of a bound session that the browser has its key; else nothing is
// learned of the request, which keeps no session from its idle end.
func (k *Keeper) judge(ctx context.Context, cookie string, c Client, now time.Time, into *caller.Caller, prove bool) (l *live, renew bool, err error) {
	raw, proof, ok := presented(cookie)
	if !ok {
		return nil, false, stranger("the session cookie is not a session secret (the client should drop it and sign in)")
	}
	o, hash := k.options.Load(), digest(raw)
	now = o.at(now)
	l, st, err := k.find(ctx, raw, hash, now, o)
	if err != nil {
		return nil, false, err
	}
	if st > racing {
		return nil, false, k.refuse(ctx, l, st, c.Addr, now)
	}
	if prove {
		if err := l.proven(proof, now, o); err != nil {
			return nil, false, err
		}
	}
	var p *principal.Principal
	if l.Kind != App {
		if p, err = k.person(ctx, l); err != nil {
			return nil, false, err
		}
	}
	network, d := Network(c.Addr), k.doubts(l, c)
	if d.agent {
		k.signal(l, c, st, now)
	}
	if d.network && o.Network == Strict {
		return nil, false, refusal.New(refusal.LoginRequired, "session %s is not bound to network %v (sign in from there, or set session.network to step_up)", l.SID, network)
	}
	if prove && st != current && d.any(o) && !d.given {
		return nil, false, k.formerDoubted(l, d)
	}
	if prove {
		k.note(l, st, now)
		if d.network && o.Network == Observe {
			l.learn(network)
			k.tell(l)
		}
	}
	if l.Kind == App {
		k.app(l, st, now, o, into)
	} else {
		*into = caller.Caller{Kind: caller.Session, Subject: p.ID, Email: p.Email, Name: p.Name, SID: l.SID,
			Credential: k.whole, Principal: p.Rights, AuthTime: l.authTime(st), ExpiresAt: l.ExpiresAt,
			Bindings: l.tokens(now, o), Slot: l.slot}
		into.AMR, into.ACR = l.factors(st)
		if st == current && !d.network && !d.any(o) {
			into.SudoUntil = l.SudoUntil
		}
	}
	if d.any(o) {
		into.AuthTime = time.Unix(0, 0) // not zero: zero is "no person"
	}
	return l, st == current && l.due(now, o) || st == unconfirmed && d.given, nil
}

// find returns the session of a secret and what the secret is worth. Memory may lag
// behind another node, so what would end a session is read again from the store.
func (k *Keeper) find(ctx context.Context, h decoded, hash [32]byte, now time.Time, o *Options) (*live, state, error) {
	if !o.Stale() {
		if l := k.memory.get(hash); l != nil {
			if st := l.state(hash, now, o); st <= racing || st == ended {
				return l, st, nil
			}
		}
	}
	l, err := k.load(ctx, hash)
	if err != nil {
		return k.lineage(ctx, h, err, now, o)
	}
	return l, l.state(hash, now, o), nil
}

func (k *Keeper) load(ctx context.Context, hash [32]byte) (*live, error) {
	ctx, cancel := context.WithTimeout(ctx, loadTimeout)
	defer cancel()
	gen := k.memory.generation()
	r, err := k.store.SessionBySecret(ctx, hash)
	switch {
	case errors.Is(err, ErrNotFound):
		return nil, stranger("no session has the secret that was presented (it was replaced, deleted or guessed)")
	case err != nil:
		return nil, busy("read a session", err)
	case r.Kind == Grant:
		return nil, stranger("the secret is that of a grant, which no cookie stands for")
	}
	return k.keep(r, gen), nil
}

// keep takes a row into memory. What it evicts is written first, if there is room.
func (k *Keeper) keep(r Record, gen uint64) *live {
	l, evicted := k.memory.adopt(r, gen)
	if evicted != nil && evicted.dirty() {
		k.tell(evicted)
	}
	return l
}

func (k *Keeper) person(ctx context.Context, l *live) (*principal.Principal, error) {
	p, err := k.principals.Get(ctx, l.User)
	switch {
	case errors.Is(err, principal.ErrNotFound):
		return nil, refusal.New(refusal.LoginRequired, "session %s belongs to %s, who does not exist any more", l.SID, l.User)
	case err != nil:
		return nil, busy("read the person of a session", err)
	case p.Disabled:
		return nil, refusal.New(refusal.LoginRequired, "session %s belongs to %s, who is disabled (sanmon user enable)", l.SID, l.User)
	}
	return p, nil
}

// note remembers the request. The first one with a new secret confirms it.
func (k *Keeper) note(l *live, st state, now time.Time) {
	l.touch(now)
	if st == current && !l.confirmed.Load() && l.confirmed.CompareAndSwap(false, true) {
		l.unwritten.Store(true)
		k.tell(l)
	}
}

// factors are how the person has authenticated with a secret. The one before a step-up does
// not have what that has proven; what it had is not kept.
func (l *live) factors(st state) (amr []string, acr string) {
	if st != current && l.steppedUp() {
		return nil, AAL1
	}
	return l.AMR, l.ACR
}

func (l *live) authTime(st state) time.Time {
	if st == current || l.PrevAuthTime.IsZero() {
		return l.AuthTime
	}
	return l.PrevAuthTime
}

// Apply makes the next request of a changed session, or of a changed person's
// sessions, read the store. Other kinds are ignored; twice is harmless.
func (k *Keeper) Apply(c change.Change) {
	switch c.Kind {
	case change.Session:
		k.memory.hide(c.ID)
	case change.Principal:
		k.memory.hideUser(c.ID)
	}
}

// Flush makes the next request of every session read the store: for a feed that was
// cut and cannot say what it missed.
func (k *Keeper) Flush() { k.memory.hideAll() }

// Len counts the sessions in memory.
func (k *Keeper) Len() int { return k.memory.len() }

// stranger refuses a cookie that never was, or is no longer, any session's. Its cause
// is ErrNotFound, by which guesses are told from sessions that have ended.
func stranger(reason string) error {
	return &refusal.Refusal{Code: refusal.LoginRequired, Reason: reason, Err: ErrNotFound}
}

// busy is the refusal for a store that failed; refusals pass as they are.
func busy(doing string, err error) error {
	if r, ok := errors.AsType[*refusal.Refusal](err); ok {
		return r
	}
	return &refusal.Refusal{Code: refusal.Busy, RetryAfter: time.Second, Err: err,
		Reason: fmt.Sprintf("could not %s (is the database reachable?)", doing)}
}
