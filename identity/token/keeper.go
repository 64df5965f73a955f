package token

import (
	"context"
	"errors"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sanmon-gate/sanmon/caller"
	"github.com/sanmon-gate/sanmon/exchange"
	"github.com/sanmon-gate/sanmon/identity/keyset"
	"github.com/sanmon-gate/sanmon/identity/session"
	"github.com/sanmon-gate/sanmon/refusal"
)

// ErrSessionEnded is the cause of a refusal.TokenRevoked: the token itself is good, the
// session that it names is not. It is more than a 401: somebody still holds what was
// taken back.
var ErrSessionEnded = errors.New("the session of the access token has ended")

// Sessions says who stands behind a session now; identity/session's Keeper does.
type Sessions interface {
	// Live fills into with the person behind a session. Refusals with the code
	// login_required or session_expired say that there is no such live session, or, with
	// the cause session.ErrNetwork, that it must not be used from there.
	Live(ctx context.Context, sid string, from netip.Addr, now time.Time, into *caller.Caller) error
}

// Binding verifies that whoever sends a request holds the private key that a token is
// bound to; identity/dpop does for RFC 9449.
type Binding interface {
	// Prove refuses a request whose proof is missing, wrong, too old or not for this
	// token. thumbprint is the token's cnf.jkt.
	Prove(ctx context.Context, r *exchange.Request, token, thumbprint string) error
}

// KeeperOptions are what a Keeper needs beside the rules of tokens.
type KeeperOptions struct {
	Options
	Binding Binding // nil: tokens that are bound to a key are refused
	Max     int     // verified tokens in memory; 0: DefaultMax. Only New reads it
	// Believe, when set, is asked before every verdict whether the keys in memory are
	// those of the store; its error, refusal.Busy, is the verdict where nobody can tell. It
	// must be cheap as long as they are.
	Believe func(ctx context.Context) error
	// Confirm, when set, hears once of each token of a refresh family that was used: its
	// client has received that generation. It must not block.
	Confirm func(sid string, generation uint64)
}

// Keeper judges access tokens. It is safe for concurrent use; Run may run beside it.
type Keeper struct {
	keys     *keyset.Set
	sessions Sessions
	cache    *cache
	config   atomic.Pointer[KeeperOptions]
	rules    atomic.Pointer[rules]
	mu       sync.Mutex // held to make rules
}

// New returns a Keeper. keys are keyset.New(ring, Type).
func New(keys *keyset.Set, sessions Sessions, o KeeperOptions) (*Keeper, error) {
	if o.Max <= 0 {
		o.Max = DefaultMax
	}
	k := &Keeper{keys: keys, sessions: sessions, cache: newCache(o.Max)}
	return k, k.Configure(o)
}

// Configure swaps the options of a running Keeper. Every token is verified anew.
func (k *Keeper) Configure(o KeeperOptions) error {
	complete, err := o.Options.complete()
	if err != nil {
		return err
	}
	o.Options = complete
	k.mu.Lock()
	defer k.mu.Unlock()
	k.config.Store(&o)
	k.rules.Store(nil)
	return nil
}

// Keys are those that tokens are signed with.
func (k *Keeper) Keys() *keyset.Set { return k.keys }

// Len counts the verified tokens in memory.
func (k *Keeper) Len() int { return k.cache.len() }

// Looks reports whether s carries, anywhere, the beginning of a token of a key in use:
// such a text must not reach a backend, whatever scheme or quotes are around it.
func (k *Keeper) Looks(s string, now time.Time) bool {
	for _, key := range k.keys.At(now).Keys {
		if strings.Contains(s, key.Header) {
			return true
		}
	}
	return false
}

// Run drops tokens that have ended from memory until ctx ends, and returns nil.
func (k *Keeper) Run(ctx context.Context) error {
	tick := time.NewTicker(time.Minute)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case now := <-tick.C:
			k.cache.sweep(now)
		}
	}
}

// current returns the rules of this moment.
func (k *Keeper) current(now time.Time) *rules {
	view := k.keys.At(now)
	if r := k.rules.Load(); r != nil && r.keys == view {
		return r
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if r := k.rules.Load(); r != nil && r.keys == view {
		return r
	}
	r := &rules{view, k.config.Load().Options}
	k.rules.Store(r)
	return r
}

// Presented is an access token as a request carries it.
type Presented struct {
	Token   string
	Proof   bool              // the scheme was DPoP, which promises a proof, and not Bearer
	Request *exchange.Request // for the proof
	Again   bool              // the request was judged before: its proof is used up and is not asked again
}

// Judge says who an access token stands for at this moment and fills into: the token
// says what was granted, its session who is behind it and whether that still holds.
//
// A token that is none of ours is refusal.TokenInvalid; one that is over
// refusal.TokenExpired; one whose session has ended, or whose person is disabled or gone,
// refusal.TokenRevoked with the cause ErrSessionEnded; a store that does not answer
// refusal.Busy. into is changed only when err is nil. A warm verdict allocates nothing.
func (k *Keeper) Judge(ctx context.Context, p Presented, from netip.Addr, now time.Time, into *caller.Caller) error {
	if believe := k.config.Load().Believe; believe != nil {
		if err := believe(ctx); err != nil {
			return err
		}
	}
	e, err := k.verified(p.Token, now)
	if err != nil {
		return err
	}
	if !now.Before(e.end) {
		return refuse(refusal.TokenExpired, nil, "access token %s ended at %s (refresh it)", e.claims.ID, e.end.UTC().Format(time.RFC3339))
	}
	if err := k.proven(ctx, e, p); err != nil {
		return err
	}
	former := *into // into itself is filled: a variable of our own would be on the heap
	if err := k.sessions.Live(ctx, e.claims.SID, from, now, into); err != nil {
		return dead(e, err)
	}
	if live := *into; live.Subject != e.claims.Subject || live.ClientID != e.claims.ClientID {
		*into = former
		return refuse(refusal.TokenInvalid, nil, "access token %s of %s and client %q names session %s of %s and client %q (was the database replaced?)",
			e.claims.ID, e.claims.Subject, e.claims.ClientID, e.claims.SID, live.Subject, live.ClientID)
	}
	e.narrow(into)
	if e.claims.Gen > 0 && !e.told.Load() && !e.told.Swap(true) {
		if confirm := k.config.Load().Confirm; confirm != nil {
			confirm(e.claims.SID, e.claims.Gen)
		}
	}
	return nil
}

// verified returns what a token says, from memory where it was verified before under the
// rules of this moment.
func (k *Keeper) verified(token string, now time.Time) (*entry, error) {
	r, dot := k.current(now), len(token)-signatureChars-1
	if dot < 0 || len(token) > MaxSize {
		return nil, invalid("it has %d bytes, and no less than %d and no more than %d are a token", len(token), signatureChars, MaxSize)
	}
	signed, key := token[:dot], signatureSum(token[dot+1:])
	if e := k.cache.get(&key, signed, r); e != nil && token[dot] == '.' {
		return e, nil
	}
	c, err := r.judge(token, now)
	if err != nil {
		return nil, err
	}
	e := &entry{rules: r, signed: strings.Clone(signed), claims: c, rights: &caller.Rights{Scopes: Scopes(c.Scope)}, end: r.end(&c)}
	if !now.Before(e.end) {
		return e, nil // over already: not kept
	}
	return k.cache.put(&key, e, now), nil
}

// proven holds a token to its key, and the request to what its scheme promises
// (RFC 9449, Section 7.1: a bound token is no Bearer token).
func (k *Keeper) proven(ctx context.Context, e *entry, p Presented) error {
	if e.claims.JKT == "" {
		if p.Proof {
			return refuse(refusal.TokenInvalid, nil, "access token %s is bound to no key and came with the scheme DPoP (use Bearer)", e.claims.ID)
		}
		return nil
	}
	binding := k.config.Load().Binding
	switch {
	case !p.Proof:
		return refuse(refusal.TokenInvalid, nil, "access token %s is bound to a key and came with the scheme Bearer (use DPoP and send a proof)", e.claims.ID)
	case binding == nil:
		return refuse(refusal.TokenInvalid, nil, "access token %s is bound to a key, and this server verifies no proofs", e.claims.ID)
	case p.Again:
		return nil
	}
	return binding.Prove(ctx, p.Request, p.Token, e.claims.JKT)
}

// narrow makes the caller of a token from the one of its session.
func (e *entry) narrow(c *caller.Caller) {
	c.Kind, c.Credential, c.Slot, c.Bindings = caller.Token, e.rights, &e.slot, nil
	if e.end.Before(c.ExpiresAt) {
		c.ExpiresAt = e.end
	}
	// The authentication that counts is the one that the token was made after, and not
	// one that its session knows better of: in a strange network there has been none.
	switch at := e.claims.AuthTime; {
	case at == 0:
		c.AuthTime = time.Time{}
	case at < c.AuthTime.Unix():
		c.AuthTime = time.Unix(at, 0)
	}
	c.AMR, c.ACR = e.claims.AMR, e.claims.ACR
}

// dead turns what is said of a session into what is said of its token.
func dead(e *entry, err error) error {
	no := refusal.From(err)
	switch {
	case errors.Is(err, session.ErrNetwork):
		return refuse(refusal.TokenInvalid, session.ErrNetwork, "access token %s: %s", e.claims.ID, no.Reason)
	case no.Code == refusal.LoginRequired || no.Code == refusal.SessionExpired:
		return refuse(refusal.TokenRevoked, ErrSessionEnded, "access token %s is good, but not its session: %s", e.claims.ID, no.Reason)
	}
	return err
}
