package session

import (
	"bytes"
	"context"
	"errors"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/sanmon-gate/sanmon/audit"
	"github.com/sanmon-gate/sanmon/caller"
	"github.com/sanmon-gate/sanmon/identity/principal"
	"github.com/sanmon-gate/sanmon/refusal"
	"github.com/sanmon-gate/sanmon/secret"
)

// fakeStore is a Store in memory with the contract of the interface.
type fakeStore struct {
	mu       sync.Mutex
	rows     map[string]Record
	events   []audit.Event
	reads    int
	sidReads int
	rotated  int
	touches  int
	err      error              // every method fails
	onRotate func()             // runs inside RotateSession, after the change, without the lock
	onRead   func(stage string) // runs inside SessionBySecret, after the row was read, without the lock
}

func newFakeStore() *fakeStore { return &fakeStore{rows: map[string]Record{}} }

var errDown = errors.New("store is down")

func (s *fakeStore) CreateSession(_ context.Context, r Record, max int, ev audit.Event) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil {
		return s.err
	}
	var live []Record
	for _, x := range s.rows {
		if x.User == r.User && x.RevokedAt.IsZero() {
			live = append(live, x)
		}
	}
	slices.SortFunc(live, func(a, b Record) int { return a.LastSeenAt.Compare(b.LastSeenAt) })
	for max > 0 && len(live) >= max {
		x := live[0]
		x.RevokedAt, x.RevokeReason = r.CreatedAt, "evicted"
		s.rows[x.SID], live = x, live[1:]
	}
	s.rows[r.SID] = r
	s.events = append(s.events, ev)
	return nil
}

func (s *fakeStore) AdmitSession(_ context.Context, r Record, p Places, ev audit.Event) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil {
		return 0, s.err
	}
	live := 0
	for _, x := range s.rows {
		if x.User == r.User && x.SID != p.Former && x.RevokedAt.IsZero() && r.CreatedAt.Before(x.ExpiresAt) && r.CreatedAt.Sub(x.LastSeenAt) < p.Idle {
			live++
		}
	}
	over := ev
	over.Event = audit.SessionLimit
	if p.AtMax == Deny && live >= p.Max {
		s.events = append(s.events, over)
		return live, ErrFull
	}
	if x, ok := s.rows[p.Former]; ok {
		x.RevokedAt, x.RevokeReason = r.CreatedAt, ReasonReplaced
		s.rows[p.Former] = x
	}
	s.rows[r.SID] = r
	s.events = append(s.events, ev)
	if live++; live > p.Max {
		s.events = append(s.events, over)
	}
	return live, nil
}

func (s *fakeStore) SessionBySecret(_ context.Context, hash [32]byte) (Record, error) {
	s.mu.Lock()
	s.reads++
	r, err := Record{}, ErrNotFound
	for _, x := range s.rows {
		if x.SecretHash == hash || x.PrevHash == hash {
			r, err = x, nil
		}
	}
	if s.err != nil {
		err = s.err
	}
	hook := s.onRead
	s.mu.Unlock()
	if hook != nil {
		hook("read")
	}
	return r, err
}

func (s *fakeStore) SessionBySID(_ context.Context, sid string) (Record, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sidReads++
	r, ok := s.rows[sid]
	if s.err != nil {
		return Record{}, s.err
	}
	if !ok {
		return r, ErrNotFound
	}
	return r, nil
}

func (s *fakeStore) RotateSession(_ context.Context, sid string, from, to [32]byte, by Place, authTime, at time.Time, up *Raised) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil {
		return s.err
	}
	r, ok := s.rows[sid]
	if !ok || !r.RevokedAt.IsZero() || r.SecretHash != from {
		return ErrConflict
	}
	r.PrevHash, r.PrevAuthTime, r.SecretHash, r.AuthTime = from, r.AuthTime, to, authTime
	r.RotatedBy = by
	r.RotatedAt, r.LastSeenAt, r.Confirmed = at, at, false
	if up != nil {
		r.Networks, r.AMR, r.ACR, r.Agent, r.SudoUntil = up.Networks, up.AMR, up.ACR, up.Agent, up.SudoUntil
		s.events = append(s.events, up.Event)
	}
	s.rows[sid] = r
	s.rotated++
	if s.onRotate != nil {
		defer s.mu.Lock()
		s.mu.Unlock()
		s.onRotate()
	}
	return nil
}

func (s *fakeStore) TouchSession(_ context.Context, sid string, secret [32]byte, at time.Time, networks []string, confirmed bool) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	r, ok := s.rows[sid]
	if s.err != nil {
		return s.err
	}
	if !ok {
		return ErrNotFound
	}
	if at.After(r.LastSeenAt) {
		r.LastSeenAt = at
	}
	if r.SecretHash == secret {
		r.Networks, r.Confirmed = networks, r.Confirmed || confirmed
	}
	s.rows[sid] = r
	s.touches++
	return nil
}

func (s *fakeStore) ReplaceJar(_ context.Context, sid string, from, to []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	r, ok := s.rows[sid]
	if s.err != nil {
		return s.err
	}
	if !ok || !r.RevokedAt.IsZero() || !bytes.Equal(r.Jar, from) {
		return ErrConflict
	}
	r.Jar = to
	s.rows[sid] = r
	return nil
}

func (s *fakeStore) BindSession(_ context.Context, sid string, kind BindKind, key []byte, at time.Time, ev audit.Event) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	r, ok := s.rows[sid]
	if s.err != nil {
		return s.err
	}
	if !ok || !r.RevokedAt.IsZero() || r.BindKind != "" {
		return ErrConflict
	}
	r.BindKind, r.BindKey, r.BoundAt = kind, key, at
	s.rows[sid] = r
	s.events = append(s.events, ev)
	return nil
}

func (s *fakeStore) RevokeSession(_ context.Context, sid, reason string, at time.Time, ev audit.Event) (bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r, ok := s.rows[sid]
	if s.err != nil || !ok || !r.RevokedAt.IsZero() {
		return false, s.err
	}
	r.RevokedAt, r.RevokeReason, r.Jar = at, reason, nil
	s.rows[sid] = r
	s.events = append(s.events, ev)
	return true, nil
}

func (s *fakeStore) RevokeUserSessions(ctx context.Context, user, except, reason string, at time.Time, ev audit.Event) ([]string, error) {
	var sids []string
	for sid, r := range s.all() {
		if r.User == user && sid != except {
			if ok, _ := s.RevokeSession(ctx, sid, reason, at, ev); ok {
				sids = append(sids, sid)
			}
		}
	}
	return sids, s.err
}

func (s *fakeStore) Sessions(context.Context, string, time.Time, int) ([]Record, error) {
	return nil, s.err
}

func (s *fakeStore) all() map[string]Record {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := map[string]Record{}
	for k, v := range s.rows {
		out[k] = v
	}
	return out
}

func (s *fakeStore) row(sid string) Record { return s.all()[sid] }

func (s *fakeStore) fail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.err = err
}

func (s *fakeStore) count(name audit.Name) (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, e := range s.events {
		if e.Event == name {
			n++
		}
	}
	return n
}

// people is Principals with a table.
type people struct {
	mu  sync.Mutex
	m   map[string]*principal.Principal
	err error
}

func (p *people) Get(_ context.Context, id string) (*principal.Principal, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.err != nil {
		return nil, p.err
	}
	if x := p.m[id]; x != nil {
		return x, nil
	}
	return nil, principal.ErrNotFound
}

func (p *people) set(x principal.Principal) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.m[x.ID] = &x
}

var (
	t0      = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	home    = netip.MustParseAddr("203.0.113.7")
	homeToo = netip.MustParseAddr("203.0.113.200")
	away    = netip.MustParseAddr("198.51.100.1")
	alice   = principal.Record{ID: "usr_alice", Kind: principal.User, Name: "alice@example.com"}
	bob     = principal.Record{ID: "usr_bob", Kind: principal.User, Name: "bob@example.com"}
	bg      = context.Background()
)

type world struct {
	*Keeper
	t      testing.TB
	store  *fakeStore
	people *people
}

// newWorld has Alice and Bob, and the limits of the design unless o says otherwise.
func newWorld(t testing.TB, o Options) world {
	t.Helper()
	if o.Ring == nil {
		o.Ring = secret.NewRing(secret.PurposeSession, secret.Key{Version: 1, Value: secret.New(make([]byte, 32))})
	}
	p := &people{m: map[string]*principal.Principal{}}
	for _, r := range []principal.Record{alice, bob} {
		p.set(principal.Principal{ID: r.ID, Kind: r.Kind, Name: r.Name, Email: r.Name, Rights: &caller.Rights{Roles: []string{"reader"}, Whole: true}})
	}
	store := newFakeStore()
	k, err := New(store, p, o)
	if err != nil {
		t.Fatal(err)
	}
	return world{k, t, store, p}
}

// node is a second Keeper on the same store.
func (w world) node() world {
	k, err := New(w.store, w.people, *w.options.Load())
	if err != nil {
		w.t.Fatal(err)
	}
	return world{k, w.t, w.store, w.people}
}

func (w world) begin(at time.Time) (cookie, sid string) {
	w.t.Helper()
	v, r, err := w.Begin(bg, alice, Meta{From: home, Device: "Firefox on Linux"}, at)
	if err != nil {
		w.t.Fatal(err)
	}
	return string(v.Expose()), r.SID
}

func (w world) judge(cookie string, at time.Time) (c caller.Caller, renew bool, code refusal.Code) {
	return w.judgeFrom(cookie, home, at)
}

func (w world) judgeFrom(cookie string, from netip.Addr, at time.Time) (c caller.Caller, renew bool, code refusal.Code) {
	w.t.Helper()
	renew, err := w.Judge(bg, cookie, Client{Addr: from}, at, &c)
	if err != nil {
		r, ok := errors.AsType[*refusal.Refusal](err)
		if !ok {
			w.t.Fatalf("Judge: %v is no refusal", err)
		}
		if c.Kind != caller.Anonymous {
			w.t.Error("a refused caller was filled in")
		}
		return c, renew, r.Code
	}
	return c, renew, ""
}

func (w world) want(cookie string, at time.Time, code refusal.Code) {
	w.t.Helper()
	if _, _, got := w.judge(cookie, at); got != code {
		w.t.Errorf("%v after the login: got %q, want %q", at.Sub(t0), got, code)
	}
}

func (w world) renew(cookie string, at time.Time) string {
	w.t.Helper()
	v, err := w.Renew(bg, cookie, Client{Addr: home}, at)
	if err != nil {
		w.t.Fatal(err)
	}
	return string(v.Expose())
}
