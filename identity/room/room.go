// Package room lets costly work in that anybody may ask for, such as the verification of a
// password: so much at once, so many waiting, at a pace that leaves the processors to
// everything else. Who is known goes first, so that a flood of strangers does not keep the
// owners out.
package room

import (
	"context"
	"errors"
	"sync"
	"time"
)

// Options of a Room. Zero values take the default that is named.
type Options struct {
	Slots int // how much work is done at once; 1
	// Share is what the work may take of its slots' time in the long run, after a second at
	// full speed; 0: a half, and down to a tenth, by what else is done, while others wait for
	// work that was for nothing. At 1 a slot never rests.
	Share float64
	Queue int           // how many strangers may have a place without a slot, and how many who are known; 32
	Wait  time.Duration // how long one waits for a slot; 2 s
}

// Why nobody is let in.
var (
	ErrFull = errors.New("too many are waiting")
	ErrLate = errors.New("no slot became free in time")
)

// Room is safe for concurrent use.
type Room struct {
	wait  time.Duration
	queue int
	pace  *pace

	mu    sync.Mutex
	free  int                // slots
	taken [2]int             // places without a slot
	lines [2][]chan struct{} // who waits for a slot, closed when it is theirs
	turn  int
}

// The two lines. Who is known goes first, but of every turns slots one is for strangers when
// both wait: somebody with an account of his own must not keep all others out.
const (
	strangers = iota
	known
	turns = 4
)

// New returns an empty Room.
func New(o Options) *Room {
	o.Slots, o.Share = max(1, o.Slots), min(max(o.Share, 0), 1)
	if o.Queue <= 0 {
		o.Queue = 32
	}
	if o.Wait <= 0 {
		o.Wait = 2 * time.Second
	}
	return &Room{wait: o.Wait, queue: o.Queue, pace: newPace(o.Slots, o.Share), free: o.Slots}
}

// Place is a place in the room: kept until Leave, first without a slot.
type Place struct {
	room  *Room
	line  int
	state state
	began time.Time
	right bool
}

type state int

const (
	reserved state = iota
	inside
	left
)

// Reserve takes a place without a slot, for work that is done before one is needed and would
// be wasted on who is not let in. It waits for nothing: ErrFull. A Place is for one
// goroutine; Leave must be called.
func (r *Room) Reserve(isKnown bool) (*Place, error) {
	line := strangers
	if isKnown {
		line = known
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.taken[line] >= r.queue+r.free {
		return nil, ErrFull
	}
	r.taken[line]++
	return &Place{room: r, line: line}, nil
}

// Enter waits for a slot: ErrLate, or why ctx ended. A place that has one keeps it.
func (p *Place) Enter(ctx context.Context) error {
	if p.state == inside {
		return nil
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	mine := p.room.line(p)
	if mine == nil {
		return nil
	}
	timer := time.NewTimer(p.room.wait)
	defer timer.Stop()
	select {
	case <-mine:
		p.begin()
		return nil
	case <-timer.C:
		return p.room.giveUp(p, mine, ErrLate)
	case <-ctx.Done():
		return p.room.giveUp(p, mine, ctx.Err())
	}
}

// line lets p in when a slot is free, and else returns what is closed when one is.
func (r *Room) line(p *Place) chan struct{} {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.free > 0 {
		r.free--
		r.taken[p.line]--
		p.begin()
		return nil
	}
	mine := make(chan struct{})
	r.lines[p.line] = append(r.lines[p.line], mine)
	return mine
}

func (p *Place) begin() { p.state, p.began = inside, time.Now() }

// giveUp takes p out of its line. Where its slot came at the same moment, it is in.
func (r *Room) giveUp(p *Place, mine chan struct{}, why error) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	for i, c := range r.lines[p.line] {
		if c == mine {
			r.lines[p.line] = append(r.lines[p.line][:i], r.lines[p.line][i+1:]...)
			return why
		}
	}
	p.begin()
	return nil
}

// Right says that the work was for somebody who is let in, as the right password is. A slot
// rests less for it.
func (p *Place) Right() { p.right = true }

// Leave gives the place back. A slot goes to the next at once or when it has rested: whoever
// had it does not wait for that. A second call does nothing.
func (p *Place) Leave() {
	was := p.state
	p.state = left
	switch was {
	case reserved:
		p.room.mu.Lock()
		p.room.taken[p.line]--
		p.room.mu.Unlock()
	case inside:
		now := time.Now()
		if rest := p.room.pace.pay(now.Sub(p.began), now, p.right || !p.room.crowded()); rest > 0 {
			time.AfterFunc(rest, p.room.next)
			return
		}
		p.room.next()
	}
}

// next gives a slot to who is next, or frees it.
func (r *Room) next() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.turn++
	first, second := known, strangers
	if r.turn%turns == 0 {
		first, second = strangers, known
	}
	for _, line := range [...]int{first, second} {
		if waiting := r.lines[line]; len(waiting) > 0 {
			r.lines[line] = waiting[1:]
			r.taken[line]--
			close(waiting[0])
			return
		}
	}
	r.free++
}

// crowded reports whether somebody waits for a slot.
func (r *Room) crowded() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.lines[strangers])+len(r.lines[known]) > 0
}

// Pay counts work of the same kind that was done outside, because it had to be: the slots
// rest for it.
func (r *Room) Pay(took time.Duration) {
	r.pace.pay(took, time.Now(), !r.crowded())
}
