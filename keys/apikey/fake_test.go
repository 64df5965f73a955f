package apikey

import (
	"context"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/sanmon-gate/sanmon/audit"
	"github.com/sanmon-gate/sanmon/caller"
	"github.com/sanmon-gate/sanmon/secret"
)

// memory is a Store in memory, with a switch for failure.
type memory struct {
	mu     sync.Mutex
	keys   map[string]Record
	events []audit.Event
	uses   []Use
	reads  int
	err    error
}

func newMemory() *memory { return &memory{keys: map[string]Record{}} }

func (m *memory) CreateKey(_ context.Context, r Record, oldExpires time.Time, ev audit.Event) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.err != nil {
		return m.err
	}
	if r.Replaces != "" {
		old, ok := m.keys[r.Replaces]
		if !ok || !old.RevokedAt.IsZero() {
			return ErrNotFound
		}
		if old.ExpiresAt.IsZero() || oldExpires.Before(old.ExpiresAt) {
			old.ExpiresAt = oldExpires
		}
		m.keys[old.ID] = old
	}
	m.keys[r.ID] = r
	m.events = append(m.events, ev)
	return nil
}

func (m *memory) KeyByID(_ context.Context, id string) (Record, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.reads++
	r, ok := m.keys[id]
	if m.err != nil {
		return Record{}, m.err
	}
	if !ok {
		return Record{}, ErrNotFound
	}
	return r, nil
}

func (m *memory) EachKey(_ context.Context, yield func(Record) error) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, r := range m.keys {
		if m.err != nil {
			return m.err
		}
		if err := yield(r); err != nil {
			return err
		}
	}
	return m.err
}

func (m *memory) RevokeKey(_ context.Context, id string, at time.Time, evs ...audit.Event) (bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	r, ok := m.keys[id]
	if !ok {
		return false, ErrNotFound
	}
	if !r.RevokedAt.IsZero() {
		return false, nil
	}
	r.RevokedAt = at
	m.keys[id] = r
	m.events = append(m.events, evs...)
	return true, nil
}

func (m *memory) TouchKeys(_ context.Context, uses []Use) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.err != nil {
		return m.err
	}
	m.uses = append(m.uses, slices.Clone(uses)...)
	return nil
}

func (m *memory) fail(err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.err = err
}

// people is Owners.
type people map[string]Owner

func (p people) Owner(_ context.Context, id string) (Owner, error) {
	o, ok := p[id]
	if !ok {
		return Owner{}, ErrNoOwner
	}
	return o, nil
}

var (
	t0     = time.Date(2026, 11, 25, 12, 0, 30, 0, time.UTC)
	reader = &caller.Rights{Roles: []string{"reader"}, Whole: true}
)

// house is an index, its service and what stands behind them.
type house struct {
	*Index
	s      *Service
	store  *memory
	people people
	stale  bool
}

func build(t testing.TB) *house {
	t.Helper()
	h := &house{store: newMemory(), people: people{
		"usr_1": {Rights: reader, Name: "a@example.com", Email: "a@example.com"}, "usr_off": {Rights: reader, Disabled: true},
		"svc_1": {Rights: reader, Name: "service:sync"},
	}}
	ring := secret.NewRing(secret.PurposePepper, secret.Key{Version: 1, Value: secret.New(make([]byte, 32))})
	x, err := NewIndex(h.store, Options{Env: Live, Peppers: ring, Owners: h.people, Stale: func() bool { return h.stale }})
	if err != nil {
		t.Fatal(err)
	}
	h.Index, h.s = x, &Service{Store: h.store, Peppers: ring, Index: x}
	if err := x.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	return h
}

// issue makes a key.
func (h *house) issue(t testing.TB, spec Spec) (Record, string) {
	t.Helper()
	if spec.Owner == "" {
		spec.Owner = "usr_1"
	}
	if spec.Env == "" {
		spec.Env = Live
	}
	r, key, err := h.s.Create(t.Context(), spec, "cli", t0)
	if err != nil {
		t.Fatal(err)
	}
	return r, string(key.Expose())
}
