package apikey

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sanmon-gate/sanmon/change"
	"github.com/sanmon-gate/sanmon/refusal"
	"github.com/sanmon-gate/sanmon/secret"
)

// RemacKeys implements Remacer.
func (m *memory) RemacKeys(_ context.Context, moves []Remac) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.err != nil {
		return m.err
	}
	for _, x := range moves {
		if r, ok := m.keys[x.ID]; ok && r.Pepper == x.From.Version && r.MAC == x.From.MAC && x.To.Version > r.Pepper {
			r.Pepper, r.MAC, r.Bound = x.To.Version, x.To.MAC, true
			m.keys[x.ID] = r
		}
	}
	return nil
}

// pepperStore keeps sealed peppers.
type pepperStore struct {
	mu   sync.Mutex
	keys []secret.SealedKey
}

func (p *pepperStore) ServerKeys(context.Context, string) ([]secret.SealedKey, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.keys), nil
}

func (p *pepperStore) AddServerKey(_ context.Context, k secret.SealedKey) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.keys = append(p.keys, k)
	return nil
}

func (p *pepperStore) drop(version int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.keys = slices.DeleteFunc(p.keys, func(k secret.SealedKey) bool { return k.Version == version })
}

// peppered is a house whose peppers rotate, and a second node on the same store.
type peppered struct {
	*house
	peppers *pepperStore
	master  *secret.Master
	ring    *secret.Ring
	now     time.Time
}

func buildPeppered(t *testing.T, store *memory, peppers *pepperStore) *peppered {
	t.Helper()
	master, err := secret.NewMaster(secret.New(bytes.Repeat([]byte{5}, secret.MasterSize)))
	if err != nil {
		t.Fatal(err)
	}
	ring, err := secret.LoadRing(t.Context(), peppers, master, secret.PurposePepper, nil)
	if err != nil {
		t.Fatal(err)
	}
	p := &peppered{peppers: peppers, master: master, ring: ring, now: t0}
	h := &house{store: store, people: people{"usr_1": {Rights: reader}}}
	x, err := NewIndex(store, Options{
		Env: Live, Peppers: ring, Owners: h.people, Remacs: store, Now: func() time.Time { return p.now },
		Refresh: func(ctx context.Context) error { return ring.Load(ctx, peppers, master) },
	})
	if err != nil {
		t.Fatal(err)
	}
	h.Index, h.s = x, &Service{Store: store, Peppers: ring, Index: x}
	if err := x.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	p.house = h
	return p
}

func (p *peppered) rotate(t *testing.T, version int) {
	t.Helper()
	if err := secret.Rotate(t.Context(), p.peppers, p.master, secret.PurposePepper, version, nil); err != nil {
		t.Fatal(err)
	}
	if err := p.ring.Load(t.Context(), p.peppers, p.master); err != nil {
		t.Fatal(err)
	}
}

func (p *peppered) admitted(t *testing.T, what, key string) {
	t.Helper()
	if code, reason, _ := p.judge(t, key, home, t0); code != "" {
		t.Errorf("%s: %s: %s", what, code, reason)
	}
}

func TestKeyMovesToTheNewestPepperOnUse(t *testing.T) {
	a := buildPeppered(t, newMemory(), &pepperStore{})
	used, key := a.issue(t, Spec{})
	unused, _ := a.issue(t, Spec{})
	_, _, c := a.judge(t, key, home, t0)
	slot := c.Slot
	a.rotate(t, 2)
	reads := a.store.reads
	a.admitted(t, "under the old pepper", key)
	if a.store.keys[used.ID].Pepper != 1 || a.store.reads != reads {
		t.Error("the store was touched on the request's clock")
	}
	if err := a.FlushRemacs(t.Context()); err != nil {
		t.Fatal(err)
	}
	if r := a.store.keys[used.ID]; r.Pepper != 2 || r.MAC == used.MAC {
		t.Errorf("the used key hangs on pepper %d", r.Pepper)
	}
	if r := a.store.keys[unused.ID]; r.Pepper != 1 {
		t.Errorf("the unused key hangs on pepper %d", r.Pepper)
	}
	a.peppers.drop(1)
	if err := a.ring.Load(t.Context(), a.peppers, a.master); err != nil {
		t.Fatal(err)
	}
	code, _, c := a.judge(t, key, home, t0)
	if code != "" || c.Slot != slot {
		t.Errorf("after the old pepper went: %s; its counters are others: %v", code, c.Slot != slot)
	}
	if len(a.remacs.take()) != 0 {
		t.Error("a moved key waits to be moved again")
	}
}

// A node that does not know of the move reads the key again when its pepper is gone.
func TestMovedByAnotherNode(t *testing.T) {
	store, peppers := newMemory(), &pepperStore{}
	a := buildPeppered(t, store, peppers)
	_, key := a.issue(t, Spec{})
	b := buildPeppered(t, store, peppers)
	a.rotate(t, 2)
	a.admitted(t, "a", key)
	if err := a.FlushRemacs(t.Context()); err != nil {
		t.Fatal(err)
	}
	b.admitted(t, "b, before it has heard of pepper 2", key)
	if err := b.ring.Load(t.Context(), peppers, b.master); err != nil {
		t.Fatal(err)
	}
	b.admitted(t, "b", key)
	if err := b.FlushRemacs(t.Context()); err != nil { // loses to a
		t.Fatal(err)
	}
	b.admitted(t, "b, after losing", key)
	peppers.drop(1)
	c := buildPeppered(t, store, peppers)
	c.admitted(t, "c, which never saw pepper 1", key)

	// d holds the key under pepper 2 in memory while 3 takes over elsewhere and 2 goes.
	d := buildPeppered(t, store, peppers)
	a.rotate(t, 3)
	a.admitted(t, "a", key)
	if err := a.FlushRemacs(t.Context()); err != nil {
		t.Fatal(err)
	}
	peppers.drop(2)
	if err := d.ring.Load(t.Context(), peppers, d.master); err != nil {
		t.Fatal(err)
	}
	d.admitted(t, "d, whose memory is behind", key)
	d.settle(t.Context())
	reads := store.reads
	d.admitted(t, "d, healed", key)
	if store.reads != reads {
		t.Error("the key is read from the store for ever")
	}
}

// A row from the store may be under a pepper that this node has not heard of.
func TestPepperOfAnotherNode(t *testing.T) {
	store, peppers := newMemory(), &pepperStore{}
	a := buildPeppered(t, store, peppers)
	b := buildPeppered(t, store, peppers)
	a.rotate(t, 2)
	r, key := a.issue(t, Spec{})
	b.Apply(t.Context(), change.Change{Kind: change.Key, ID: r.ID}) // and no change of the keyset
	b.now = b.now.Add(time.Second)
	b.admitted(t, "b", key)
}

func TestRemacsThatFail(t *testing.T) {
	a := buildPeppered(t, newMemory(), &pepperStore{})
	r, key := a.issue(t, Spec{})
	_, wrong := a.issue(t, Spec{})
	bad := reseal(key[:21] + "_" + strings.Repeat("B", 32))
	a.rotate(t, 2)
	if code, _, _ := a.judge(t, bad, home, t0); code != refusal.KeyInvalid {
		t.Errorf("a wrong secret: %s", code)
	}
	a.people["usr_1"] = Owner{Disabled: true}
	a.judge(t, wrong, home, t0)
	a.people["usr_1"] = Owner{Rights: reader}
	if n := len(a.remacs.take()); n != 0 {
		t.Fatalf("%d keys that were refused wait to be moved", n)
	}
	a.admitted(t, "used", key)
	a.store.fail(errors.New("gone"))
	if err := a.FlushRemacs(t.Context()); err == nil {
		t.Fatal("no error from a dead store")
	}
	a.store.fail(nil)
	a.admitted(t, "used again", key)
	if err := a.FlushRemacs(t.Context()); err != nil || a.store.keys[r.ID].Pepper != 2 {
		t.Errorf("%v, pepper %d", err, a.store.keys[r.ID].Pepper)
	}
}

// Rotation under traffic: no request is ever refused.
func TestPepperRotationUnderTraffic(t *testing.T) {
	store, peppers := newMemory(), &pepperStore{}
	a := buildPeppered(t, store, peppers)
	var keys []string
	for range 20 {
		_, key := a.issue(t, Spec{})
		keys = append(keys, key)
	}
	b := buildPeppered(t, store, peppers)
	b.people = a.people
	stop := make(chan struct{})
	var wg sync.WaitGroup
	for _, node := range []*peppered{a, b} {
		wg.Go(func() {
			for i := 0; ; i++ {
				select {
				case <-stop:
					return
				default:
					node.admitted(t, "under traffic", keys[i%len(keys)])
				}
			}
		})
	}
	for version := 2; version <= 5; version++ {
		a.rotate(t, version)
		if err := b.ring.Load(t.Context(), peppers, b.master); err != nil {
			t.Fatal(err)
		}
		for moved := 0; moved < len(keys); { // until every key was used
			if err := errors.Join(a.FlushRemacs(t.Context()), b.FlushRemacs(t.Context())); err != nil {
				t.Fatal(err)
			}
			moved = 0
			store.mu.Lock()
			for _, r := range store.keys {
				if r.Pepper == version {
					moved++
				}
			}
			store.mu.Unlock()
		}
		peppers.drop(version - 1)
		for _, n := range []*peppered{b, a} {
			if err := n.ring.Load(t.Context(), peppers, n.master); err != nil {
				t.Fatal(err)
			}
		}
	}
	close(stop)
	wg.Wait()
}
