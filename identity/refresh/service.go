package refresh

import (
	"context"
	"net/netip"
	"sync/atomic"
	"time"

	"github.com/sanmon-gate/sanmon/audit"
	"github.com/sanmon-gate/sanmon/identity/agent"
	"github.com/sanmon-gate/sanmon/secret"
)

// Service begins grants, rotates their tokens and ends them. It is safe for concurrent
// use; Run must run beside it.
type Service struct {
	store   Store
	options atomic.Pointer[Options]
	counts  counts
	arrived arrivals
}

// New returns a Service, or an error that names every wrong option.
func New(store Store, o Options) (*Service, error) {
	o, err := o.complete()
	if err != nil {
		return nil, err
	}
	s := &Service{store: store, arrived: newArrivals()}
	s.options.Store(&o)
	return s, nil
}

// Configure swaps the options of a running Service.
func (s *Service) Configure(o Options) error {
	o, err := o.complete()
	if err == nil {
		s.options.Store(&o)
	}
	return err
}

// Grant is what a person allowed a client.
type Grant struct {
	User     string   // principal id
	Parent   string   // sid of the login session; "" for none
	Client   string   // client id
	Scope    []string // what it may be used for
	Audience string
	Key      [32]byte  // thumbprint of the key that the client proved to hold (RFC 9449); zero binds to none
	AuthTime time.Time // when the person authenticated
	AMR      []string  // as of the parent where nil
	ACR      string
	Device   string       // what the person sees in a list
	Agent    agent.Family // kind of program; zero when unknown

	From      netip.Addr // address of the client
	RequestID string
	Now       time.Time
}

// Issued is a grant that has just begun. The token is nowhere else.
type Issued struct {
	Token  secret.Value
	Family Family // SID, Scope, ExpiresAt, … of the grant; Gen is 0
	Nonce  string // of the authorization request, for an ID token (OpenID Connect Core, Section 3.1.3.7)
}

// Begin makes a grant, writing token.issued. refusal.TokenRevoked with the cause
// ErrParent says that the login is no more, refusal.Busy that the store failed.
func (s *Service) Begin(ctx context.Context, g Grant) (Issued, error) {
	o := s.options.Load()
	f, ev := o.family(g)
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	f, err := s.store.CreateGrant(ctx, f, o.MaxPerUser, ev)
	if err != nil {
		return Issued{}, begun(err)
	}
	return o.issue(f)
}

// family is the row of a new grant.
func (o *Options) family(g Grant) (Family, audit.Event) {
	now := g.Now.Add(o.Offset()).Truncate(time.Microsecond)
	from := network(g.From)
	f := Family{SID: secret.NewID("ses_"), Parent: g.Parent, User: g.User, Client: g.Client, Scope: g.Scope, Audience: g.Audience,
		Key: g.Key, AuthTime: g.AuthTime.Truncate(time.Microsecond), AMR: g.AMR, ACR: g.ACR, Device: or(g.Device, g.Client), Agent: g.Agent.String(),
		CreatedAt: now, ExpiresAt: now.Add(o.Absolute), IdleExpiresAt: now.Add(o.Idle), RotatedAt: now, RotatedFrom: from, Confirmed: true}
	f.ID = newFamilyID()
	if from != "" {
		f.Networks = []string{from}
	}
	return f, audit.Event{At: now, Event: audit.TokenIssued, Subject: g.User, Actor: g.User, SID: f.SID,
		Network: from, RequestID: g.RequestID, Detail: "client=" + g.Client + " parent=" + or(g.Parent, "none")}
}

func (o *Options) issue(f Family) (Issued, error) {
	token, err := mint(o.Ring, claim{f.ID, f.Gen}, f.Client)
	return Issued{Token: token, Family: f}, err
}

// Presented is the circumstances of a refresh request.
type Presented struct {
	Client    string       // client id, authenticated where the client can
	Key       [32]byte     // thumbprint of the key that the request proved to hold (RFC 9449); zero for none
	Scope     []string     // what is asked for; nil: all of the grant
	From      netip.Addr   // address of the client
	Agent     agent.Family // kind of program; zero when unknown
	RequestID string
	Now       time.Time
}

// Outcome is a yes to a refresh request: an access token is due, with Scope, for
// Family.SID and of generation Family.Gen.
type Outcome struct {
	Verdict Verdict      // Rotated, Redelivered or AccessOnly
	Token   secret.Value // next refresh token; empty when AccessOnly: the client has it, or is about to
	Family  Family
	Scope   []string // narrowed as asked; the grant itself stays whole (RFC 6749, Section 6)
}

// Rotate takes a refresh token and answers with the next one. A no is a *refusal.Refusal
// whose cause is one of the errors of this package; refusal.Busy says that the store
// failed and the client keeps what it has, whichever of the two it then presents.
//
// A token whose MAC does not fit costs no statement in the store.
func (s *Service) Rotate(ctx context.Context, token string, p Presented) (Outcome, error) {
	o := s.options.Load()
	c, ok := open(o.Ring, token, p.Client)
	if !ok {
		s.counts.forged.Add(1)
		return Outcome{}, invalid("the refresh token is not one of this server for this client (forged, cut, of another client, or of a key that was dropped)")
	}
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	if err := s.within(ctx, c, p.Scope); err != nil {
		return Outcome{}, err
	}
	a := o.attempt(c, p)
	r, err := s.store.RotateFamily(ctx, a)
	if err != nil {
		return Outcome{}, busy("rotate a refresh token", err)
	}
	s.counts.add(r.Verdict)
	s.follow(o, a, r)
	return s.answer(o, a, r, p)
}

func (o *Options) attempt(c claim, p Presented) Attempt {
	return Attempt{Family: c.family, Gen: c.gen, Client: p.Client, Key: p.Key, Network: network(p.From), Agent: p.Agent.String(), RequestID: p.RequestID,
		At: p.Now.Add(o.Offset()).Truncate(time.Microsecond), Idle: o.Idle, Race: o.Race, Redeliver: o.Redeliver, Cap: o.Cap}
}

// follow tells of what ended and of what somebody should look at.
func (s *Service) follow(o *Options, a Attempt, r Result) {
	if len(r.Ended) > 0 {
		o.Ended(r.Ended)
	}
	ev, any := a.Event(r)
	switch {
	case !any || !r.Noted:
	case r.Verdict == Theft, r.Verdict == Ahead, r.Verdict == Mismatch, r.Often:
		o.Alert(ev)
	}
}

func (s *Service) answer(o *Options, a Attempt, r Result, p Presented) (Outcome, error) {
	out := Outcome{Verdict: r.Verdict, Family: r.Family, Scope: r.Family.Scope}
	if p.Scope != nil {
		out.Scope = p.Scope
	}
	switch r.Verdict {
	case AccessOnly:
		return out, nil
	case Rotated, Redelivered:
		var err error
		out.Token, err = mint(o.Ring, claim{r.Family.ID, r.Family.Gen}, r.Family.Client)
		return out, err
	}
	return Outcome{}, a.refused(r)
}
