package apikey

import (
	"context"
	"crypto/subtle"
	"errors"
	"net/netip"
	"slices"
	"time"

	"github.com/sanmon-gate/sanmon/caller"
	"github.com/sanmon-gate/sanmon/keys/limit"
	"github.com/sanmon-gate/sanmon/refusal"
)

// challenge is the WWW-Authenticate of a refused key (RFC 6750, Section 3.1).
const challenge = `Bearer error="invalid_token"`

// Judge says who presents a key, and fills into with that caller. The client learns
// only that a key is not valid; the operator reads why. A valid key from a network
// that it is not for is refused as network_denied. into is written on success only.
//
// Whoever does not hold the secret part gets the same answer after the same work
// whether or not the id exists, so ids cannot be probed.
func (x *Index) Judge(ctx context.Context, presented string, from netip.Addr, now time.Time, into *caller.Caller) error {
	id, env, err := Parse(presented)
	if err != nil && x.isForeign(presented) {
		return x.judgeForeign(ctx, presented, from, now, into)
	}
	if err != nil {
		return refuse("the presented API key cannot be one: %v", err)
	}
	e, err := x.entry(ctx, id)
	if err != nil {
		return busy("API key "+id.String()+" could not be read from the store (is the database reachable?)", err)
	}
	err = x.verify(e, id, presented)
	if err != nil && e != nil && !x.macs.has(int(e.pepper)) { // it went between the two lines: look again
		if e, err = x.entry(ctx, id); err == nil {
			err = x.verify(e, id, presented)
		}
	}
	if err != nil {
		return err
	}
	return x.admit(ctx, e, env, presented, from, now, into)
}

// admit decides about a key whose whole secret was presented.
func (x *Index) admit(ctx context.Context, e *entry, env Env, presented string, from netip.Addr, now time.Time, into *caller.Caller) error {
	if e.kind == kindCanary {
		return x.spring(e, from, now)
	}
	if err := e.alive(env, x.o.Env, now); err != nil {
		return err
	}
	owner, err := x.owner(ctx, e)
	if err != nil {
		return err
	}
	if err := e.from(from); err != nil {
		return err
	}
	u := e.used()
	x.uses.mark(e, u, from, now)
	x.renew(e, u, presented)
	e.describe(into, owner, u)
	return nil
}

// verify compares the MAC. e is nil for an unknown id, which costs the same.
func (x *Index) verify(e *entry, id ID, presented string) error {
	version, want, t := 0, MAC{}, tie{bound: true}
	if e != nil {
		version, want, t = int(e.pepper), e.mac, e.tie()
	} else if v, ok := x.macs.current(); ok {
		version = v
	}
	sum, ok := x.macs.sum(version, presented, &t)
	same := subtle.ConstantTimeCompare(sum[:], want[:]) == 1
	switch {
	case e == nil:
		return refuse("API key %s is unknown (it was never issued here, or belongs to another installation)", id)
	case !ok:
		return refuse("API key %s was made under pepper %d, which this server does not have (rotate the key, or restore the pepper)", id, version)
	case !same:
		return refuse("API key %s exists, but the presented secret part is wrong, or what is stored about the key was changed by other means (someone may be guessing, or has written to the database)", id)
	}
	return nil
}

// alive checks what time and people decided about the key.
func (e *entry) alive(env, server Env, now time.Time) error {
	switch {
	case env != e.env():
		return refuse("API key %s is stored as a %s key but was presented as a %s key (the store was edited by hand)", e.id, e.env(), env)
	case env != server:
		return refuse("API key %s is a %s key and this is a %s server (use a key of this environment)", e.id, env, server)
	case e.state == stateRevoked:
		return refuse("API key %s is revoked (create a new one)", e.id)
	case e.state == stateHeld:
		return refuse("API key %s is held: the store was put back to an earlier state, and whether the key was revoked since is not known (sanmon key revoke %s, or sanmon key accept-restored %s)", e.id, e.id, e.id)
	case e.until != 0 && (e.expires == 0 || e.expires > e.until):
		return refuse("API key %s is stored with a longer life than it was made with (the store was edited by hand)", e.id)
	case e.expires != 0 && now.UnixMicro() >= e.expires:
		return refuse("API key %s expired at %s (rotate it in time, or create a new one)", e.id, time.UnixMicro(e.expires).UTC().Format(time.RFC3339))
	case e.terms.broken != "":
		return refuse("API key %s has a limit that cannot be read: %s (create a new one)", e.id, e.terms.broken)
	}
	return nil
}

// owner looks up who is behind the key, as of now.
func (x *Index) owner(ctx context.Context, e *entry) (Owner, error) {
	o, err := x.o.Owners.Owner(ctx, e.owner)
	if err != nil {
		if errors.Is(err, ErrNoOwner) {
			return Owner{}, refuse("API key %s belongs to %s, who does not exist (revoke the key)", e.id, e.owner)
		}
		if _, ok := errors.AsType[*refusal.Refusal](err); ok {
			return Owner{}, err
		}
		return Owner{}, busy("the owner "+e.owner+" of API key "+e.id+" could not be looked up", err)
	}
	if o.Disabled {
		return Owner{}, refuse("API key %s belongs to %s, who is disabled (enable the owner, or revoke the key)", e.id, e.owner)
	}
	return o, nil
}

// from checks the networks that the key may be used from.
func (e *entry) from(from netip.Addr) error {
	if len(e.terms.networks) == 0 {
		return nil
	}
	from = from.Unmap().WithZone("") // an IPv4-mapped address is the IPv4 address (RFC 4291, Section 2.5.5.2)
	if slices.ContainsFunc(e.terms.networks, func(p netip.Prefix) bool { return p.Contains(from) }) {
		return nil
	}
	return refusal.New(refusal.NetworkDenied, "API key %s may not be used from %s, only from %v (add the network to a new key)", e.id, from, e.terms.networks)
}

// describe fills the caller.
func (e *entry) describe(into *caller.Caller, o Owner, u *use) {
	*into = caller.Caller{
		Kind:       caller.Key,
		Subject:    e.owner,
		Email:      o.Email,
		Name:       o.Name,
		KeyID:      e.id,
		Credential: e.terms.rights,
		Principal:  o.Rights,
		Networks:   e.terms.networks,
		Limit:      own(e.terms.limit),
		Slot:       &u.slot,
	}
	if e.expires != 0 {
		into.ExpiresAt = time.UnixMicro(e.expires)
	}
}

// entry returns what is known of a key, nil when there is none: from memory, or
// from the store when memory may not be true.
func (x *Index) entry(ctx context.Context, id ID) (*entry, error) {
	if !x.o.Stale() && !x.doubt.of(id) {
		if e := x.lookup(id); e == nil || x.macs.has(int(e.pepper)) {
			return e, nil
		} // its pepper is gone: another node has moved the key, and memory does not know
	}
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	select {
	case x.reads <- struct{}{}:
		defer func() { <-x.reads }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	r, err := x.store.KeyByID(ctx, id.String())
	if errors.Is(err, ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	e := &entry{}
	newInterner().fill(e, &r)
	known := x.lookup(id)
	if !x.macs.has(int(e.pepper)) {
		x.refresh(ctx)
	} else if known != nil && !x.macs.has(int(known.pepper)) {
		x.doubt.add(id) // memory is behind: Run reads the key again
	}
	if known == nil || known.mac != e.mac {
		return e, nil
	}
	if known.same(e) {
		return known, nil // with everything that is cached in its slot
	}
	e.use.Store(known.used())
	return e, nil
}

// same reports whether two entries of one key say the same.
func (e *entry) same(f *entry) bool {
	a, b := e.terms, f.terms
	return e.owner == f.owner && e.expires == f.expires && e.pepper == f.pepper && e.test == f.test && e.state == f.state &&
		e.until == f.until && e.bound == f.bound && e.kind == f.kind &&
		slices.Equal(a.rights.Roles, b.rights.Roles) && slices.Equal(a.rights.Scopes, b.rights.Scopes) &&
		slices.Equal(a.networks, b.networks) && sameLimit(a, b)
}

func refuse(format string, args ...any) error {
	r := refusal.New(refusal.KeyInvalid, format, args...)
	r.Challenge = challenge
	return r
}

func busy(reason string, err error) error {
	return &refusal.Refusal{Code: refusal.Busy, Reason: reason, RetryAfter: time.Second, Err: err}
}

// own is the limit as a caller carries it: nil, and no nil pointer, when there is none.
func own(l *limit.Own) any {
	if l == nil {
		return nil
	}
	return l
}
