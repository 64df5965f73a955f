package room

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"
)

func reserve(t *testing.T, r *Room, isKnown bool) *Place {
	t.Helper()
	p, err := r.Reserve(isKnown)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func enter(t *testing.T, r *Room, isKnown bool) *Place {
	t.Helper()
	p := reserve(t, r, isKnown)
	if err := p.Enter(t.Context()); err != nil {
		t.Fatal(err)
	}
	return p
}

func TestPlacesAreBounded(t *testing.T) {
	r := New(Options{Slots: 2, Queue: 3, Share: 1})
	inside := []*Place{enter(t, r, false), enter(t, r, true)}
	for _, isKnown := range []bool{false, true} {
		var taken []*Place
		for range 3 {
			taken = append(taken, reserve(t, r, isKnown))
		}
		if _, err := r.Reserve(isKnown); !errors.Is(err, ErrFull) {
			t.Errorf("known %v: the fourth of three places: %v", isKnown, err)
		}
		taken[0].Leave()
		taken[0].Leave() // gives nothing back again
		reserve(t, r, isKnown)
		if _, err := r.Reserve(isKnown); !errors.Is(err, ErrFull) {
			t.Errorf("known %v: after one of three has left, a second: %v", isKnown, err)
		}
	}
	inside[0].Leave()
	inside[0].Leave()
	if r.free != 1 {
		t.Errorf("%d slots are free, want 1", r.free)
	}
}

// Whoever gives up while the slot comes has it, and every slot is free in the end.
func TestNoSlotIsLost(t *testing.T) {
	r := New(Options{Slots: 2, Queue: 1000, Share: 1, Wait: time.Microsecond})
	var all sync.WaitGroup
	for i := range 400 {
		p := reserve(t, r, i%2 == 0)
		all.Go(func() {
			defer p.Leave()
			ctx, cancel := context.WithTimeout(t.Context(), time.Duration(i)*time.Microsecond)
			defer cancel()
			_ = p.Enter(ctx)
		})
	}
	all.Wait()
	if r.free != 2 || r.taken != [2]int{} || len(r.lines[0])+len(r.lines[1]) != 0 {
		t.Errorf("in the end %d slots are free, %v places taken, %v wait", r.free, r.taken, r.lines)
	}
}

func TestWaitingEnds(t *testing.T) {
	r := New(Options{Wait: time.Millisecond, Share: 1})
	holder := enter(t, r, false)
	late := reserve(t, r, false)
	if err := late.Enter(t.Context()); !errors.Is(err, ErrLate) {
		t.Errorf("got %v, want ErrLate", err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if err := late.Enter(ended); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want that the context ended", err)
	}
	holder.Leave()
	if err := late.Enter(t.Context()); err != nil {
		t.Errorf("a slot is free: %v", err)
	}
	if err := late.Enter(t.Context()); err != nil {
		t.Errorf("it has a slot: %v", err)
	}
}

// Of the slots that both wait for, strangers get one of four.
func TestWhoIsKnownGoesFirst(t *testing.T) {
	r := New(Options{Share: 1, Wait: time.Minute})
	holder := enter(t, r, false)
	served := make(chan bool)
	for i := range 16 {
		p := reserve(t, r, i >= 8)
		go func() {
			if err := p.Enter(t.Context()); err != nil {
				t.Error(err)
			}
			served <- i >= 8
			p.Leave()
		}()
	}
	waiting := func() int {
		r.mu.Lock()
		defer r.mu.Unlock()
		return len(r.lines[0]) + len(r.lines[1])
	}
	for waiting() < 16 {
		time.Sleep(time.Millisecond)
	}
	holder.Leave()
	owners := 0
	for i := range 16 {
		if <-served {
			owners++
		}
		if i == 7 && owners != 6 {
			t.Errorf("of the first 8, %d are known, want 6", owners)
		}
	}
}

// Work that was done outside is rested for.
func TestPay(t *testing.T) {
	r := New(Options{Share: 0.5, Wait: time.Millisecond})
	r.Pay(ahead + time.Hour)
	enter(t, r, false).Leave()
	if err := reserve(t, r, false).Enter(t.Context()); !errors.Is(err, ErrLate) {
		t.Errorf("after an hour of work outside, the slot does not rest: %v", err)
	}
}

// On a busy machine, the slots rest longer only for work that was for nothing while others
// wait: whoever is alone or right is no flood.
func TestWhoIsNoFlood(t *testing.T) {
	const took = 100 * time.Millisecond
	for _, c := range []struct {
		name         string
		right, crowd bool
		most         time.Duration // of rest, where ahead is used up
	}{
		{"alone and wrong", false, false, 2 * took}, {"alone and right", true, false, 2 * took},
		{"in a crowd and right", true, true, 2 * took}, {"in a crowd and wrong", false, true, 10 * took},
	} {
		r := New(Options{Wait: time.Minute})
		now := time.Now()
		r.pace.cores = &cores{n: 1, at: now.Add(time.Hour), load: 1} // looks at nothing, knows that it is busy
		r.pace.left, r.pace.at = 0, now
		p := enter(t, r, false)
		p.began = time.Now().Add(-took)
		if c.crowd {
			r.lines[strangers] = append(r.lines[strangers], make(chan struct{}))
			r.taken[strangers]++
		}
		if c.right {
			p.Right()
		}
		p.Leave()
		rest := time.Duration(float64(-r.pace.left) / idle)
		if rest > c.most+took/2 || rest < c.most-took/2 {
			t.Errorf("%s: the slot rests for %v, want %v", c.name, rest, c.most)
		}
	}
}
