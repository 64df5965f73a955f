package throttle

import (
	"bytes"
	"context"
	"errors"
	"maps"
	"slices"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/sanmon-gate/sanmon/identity/room"
	"github.com/sanmon-gate/sanmon/refusal"
)

// shelf is a Store in memory.
type shelf struct {
	mu    sync.Mutex
	kept  map[[16]byte]Kept
	asked int
	err   error
}

func (s *shelf) ChangeCounts(_ context.Context, ids [][16]byte, change func([]Kept) error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked++
	if s.err != nil {
		return s.err
	}
	kept := make([]Kept, len(ids))
	for range 2 { // a transaction that loses is run again
		for i, id := range ids {
			kept[i] = Kept{State: bytes.Clone(s.kept[id].State)}
		}
		if err := change(kept); err != nil {
			return err
		}
	}
	for i, id := range ids {
		if len(kept[i].State) == 0 {
			delete(s.kept, id)
		} else {
			s.kept[id] = kept[i]
		}
	}
	return nil
}

// prune forgets what nobody needs, as a real store does.
func (s *shelf) prune(now time.Time) {
	maps.DeleteFunc(s.kept, func(_ [16]byte, k Kept) bool { return !now.Before(k.Until) })
}

func onShelf(o Options) (*Throttle, *shelf) {
	s := &shelf{kept: map[[16]byte]Kept{}}
	return NewShared(o, s, devices("key").Ring), s
}

// Counts in a store are those in memory, whatever happens and whichever node is asked.
func TestTheStoreCountsAsMemoryDoes(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		o := Options{Account: Limit{3, time.Minute, 4 * time.Minute}, Device: Limit{2, time.Minute, 4 * time.Minute}, Network: Limit{4, 30 * time.Second, 0}}
		alone := New(o)
		first, store := onShelf(o)
		nodes := []*Throttle{first, NewShared(o, store, first.ring)}
		type pair struct {
			a, b  *Ticket
			begun time.Time
		}
		var open []pair
		now := t0
		for range rapid.IntRange(1, 60).Draw(rt, "n") {
			now = now.Add(time.Duration(rapid.IntRange(0, 25).Draw(rt, "gap")) * time.Second)
			open = slices.DeleteFunc(open, func(p pair) bool { return now.Sub(p.begun) >= lost }) // its node died
			store.prune(now)
			alone.Sweep(now)
			if len(open) > 0 && rapid.Bool().Draw(rt, "settle") {
				p := open[0]
				open = open[1:]
				switch rapid.IntRange(0, 3).Draw(rt, "outcome") {
				case 0:
					p.a.Succeeded()
					p.b.Succeeded()
				case 1:
					p.a.Abandon()
					p.b.Abandon()
				default:
					if a, b := p.a.Failed(now), p.b.Failed(now); a != b {
						rt.Fatalf("full %q in memory, %q in the store", a, b)
					}
				}
				continue
			}
			who := Attempt{Account: rapid.SampledFrom([]string{"a", "b"}).Draw(rt, "account"), Network: rapid.SampledFrom([]string{"m", "n"}).Draw(rt, "network"),
				Device: rapid.SampledFrom([]string{"", "", "d"}).Draw(rt, "device")}
			a, err := alone.Begin(ctx, now, who)
			b, err2 := rapid.SampledFrom(nodes).Draw(rt, "node").Begin(ctx, now, who)
			if (err == nil) != (err2 == nil) || err != nil && len(open) == 0 && refusal.From(err).RetryAfter != refusal.From(err2).RetryAfter {
				rt.Fatalf("%v in memory, %v in the store", err, err2)
			}
			if err == nil {
				open = append(open, pair{a, b, now})
			}
		}
	})
}

// Who comes again and again to a count that is full costs no look at the store.
func TestAFullCountIsNotLookedAt(t *testing.T) {
	th, store := onShelf(Options{Max: 3})
	guess := Attempt{Account: alice, Network: net1}
	if in, wait := fails(t, th, t0, 11, guess); in != 10 || wait != 15*time.Minute {
		t.Fatalf("%d in, wait %v", in, wait)
	}
	before := store.asked
	if in, wait := fails(t, th, t0.Add(time.Minute), 100, guess); in != 0 || wait != 14*time.Minute || store.asked != before {
		t.Errorf("%d in, wait %v, %d looks at the store", in, wait, store.asked-before)
	}
	for _, account := range []string{"q1", "q2", "q3", "q4", "q5"} {
		fails(t, th, t0, 11, Attempt{Account: account, Network: account})
	}
	if len(th.full) > 3 {
		t.Errorf("%d full counts are remembered, want at most 3", len(th.full))
	}
	th.Sweep(t0.Add(15 * time.Minute))
	if in, _ := fails(t, th, t0.Add(15*time.Minute), 1, guess); in != 1 || len(th.full) != 0 {
		t.Errorf("after the time %d in, %d remembered", in, len(th.full))
	}
}

// An attempt that was taken for lost succeeds after all: that opens the count, also where it
// was seen full.
func TestALateSuccessOpensTheCount(t *testing.T) {
	th, _ := onShelf(Options{Account: Limit{1, time.Minute, 0}})
	guess := Attempt{Account: alice, Network: net1}
	slow, err := th.Begin(ctx, t0, guess)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := th.Begin(ctx, t0.Add(lost), guess); err == nil {
		t.Fatal("an attempt without an outcome does not count")
	}
	slow.Succeeded()
	if _, err := th.Begin(ctx, t0.Add(lost), guess); err != nil {
		t.Error("after the success:", err)
	}
}

// An attempt whose node died counts as a failure; one whose outcome cannot be kept, too.
func TestAnAttemptWithoutAnOutcomeIsAFailure(t *testing.T) {
	th, store := onShelf(Options{})
	guess := Attempt{Account: alice, Network: net1}
	for range 10 {
		if _, err := th.Begin(ctx, t0, guess); err != nil {
			t.Fatal(err)
		}
	}
	for after, want := range map[time.Duration]time.Duration{time.Second: time.Second, 29 * time.Second: time.Second, 30 * time.Second: 15*time.Minute - 30*time.Second} {
		other := NewShared(Options{}, store, th.ring)
		if _, err := other.Begin(ctx, t0.Add(after), guess); err == nil || refusal.From(err).RetryAfter != want {
			t.Errorf("after %s: %v, want to wait %s", after, err, want)
		}
	}
	th, store = onShelf(Options{Account: Limit{1, time.Minute, 0}})
	k, err := th.Begin(ctx, t0, guess)
	if err != nil {
		t.Fatal(err)
	}
	store.err = errors.New("away")
	k.Succeeded()
	if _, err := th.Begin(ctx, t0, guess); !errors.Is(err, store.err) {
		t.Errorf("a store that is away: %v", err)
	}
	if wait, err := th.Take(ctx, t0, "letters to", alice, Limit{3, time.Hour, 0}); wait != 0 || !errors.Is(err, store.err) {
		t.Errorf("a store that is away: %v, %v", wait, err)
	}
	store.err = nil
	if _, err := th.Begin(ctx, t0.Add(31*time.Second), guess); err == nil {
		t.Error("an outcome that could not be kept let another attempt in")
	}
}

// Nodes whose clocks differ count by the one clock that they share.
func TestTheSharedClockCounts(t *testing.T) {
	_, store := onShelf(Options{})
	behind := NewShared(Options{Offset: func() time.Duration { return time.Hour }}, store, devices("key").Ring)
	right := NewShared(Options{}, store, behind.ring)
	guess := Attempt{Account: alice, Network: net1}
	if in, _ := fails(t, behind, t0.Add(-time.Hour), 5, guess); in != 5 {
		t.Fatal("not let in")
	}
	if in, wait := fails(t, right, t0, 6, guess); in != 5 || wait != 15*time.Minute {
		t.Errorf("%d in, wait %v", in, wait)
	}
}

// The store holds no names, and another installation's hashes are others.
func TestTheStoreHoldsNoNames(t *testing.T) {
	th, store := onShelf(Options{})
	fails(t, th, t0, 1, Attempt{Account: alice, Network: net1})
	other := NewShared(Options{}, store, devices("another key").Ring)
	fails(t, other, t0, 1, Attempt{Account: alice, Network: net1})
	if len(store.kept) != 4 {
		t.Errorf("%d counts, want two of each", len(store.kept))
	}
	for id, k := range store.kept {
		if bytes.Contains(append(id[:], k.State...), []byte("alice")) {
			t.Error("a name is at rest")
		}
	}
}

func FuzzState(f *testing.F) {
	f.Add([]byte{})
	f.Add(encode(&counter{fills: 2, last: t0.UnixMicro(), tries: []try{{t0.UnixMicro(), true}, {t0.UnixMicro() + 1, false}}}))
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := decode(b)
		if err != nil {
			return
		}
		if again := encode(c); !c.empty() && !bytes.Equal(again, b) {
			t.Errorf("%x is read and written as %x", b, again)
		}
		c.wait(t0, Limit{3, time.Minute, time.Hour})
		c.ends()
	})
}

// slow is a Store that answers nobody before it is told to.
type slow struct {
	*shelf
	asked chan struct{}
	open  chan struct{}
}

func (s slow) ChangeCounts(ctx context.Context, ids [][16]byte, change func([]Kept) error) error {
	s.asked <- struct{}{}
	<-s.open
	return s.shelf.ChangeCounts(ctx, ids, change)
}

// What asks the store at once is bounded, and so is what waits for it; whoever is known waits
// in a line of his own, and an outcome is written whatever waits.
func TestAFloodDoesNotTakeTheStore(t *testing.T) {
	s := slow{&shelf{kept: map[[16]byte]Kept{}}, make(chan struct{}), make(chan struct{})}
	th := NewShared(Options{}, s, devices("key").Ring)
	th.room = room.New(room.Options{Slots: 1, Queue: 2, Share: 1, Wait: time.Minute})
	began := make(chan *Ticket)
	begin := func(a Attempt) {
		go func() {
			k, err := th.Begin(t.Context(), t0, a)
			if err != nil {
				t.Error(err)
			}
			began <- k
		}()
	}
	begin(Attempt{Account: "a", Network: "n"})
	<-s.asked
	waiting := []*room.Place{}
	for range 2 {
		p, err := th.room.Reserve(false)
		if err != nil {
			t.Fatal(err)
		}
		waiting = append(waiting, p)
	}
	_, err := th.Begin(t.Context(), t0, Attempt{Account: "b", Network: "n"})
	if r := refusal.From(err); r.Code != refusal.Busy || r.RetryAfter <= 0 {
		t.Errorf("the third of two that wait: %v, want busy with Retry-After", err)
	}
	begin(Attempt{Account: "c", Network: "n", Device: "of the owner"})
	s.open <- struct{}{}
	k := <-began
	<-s.asked // the owner, before the strangers
	done := make(chan struct{})
	go func() { k.Failed(t0); close(done) }()
	<-s.asked // the outcome, though the owner has the slot
	close(s.open)
	<-done
	if <-began == nil {
		t.Error("the owner did not get in")
	}
	for _, p := range waiting {
		p.Leave()
	}
}
