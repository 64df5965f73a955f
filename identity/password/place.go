package password

import (
	"context"
	"errors"
	"time"

	"github.com/sanmon-gate/sanmon/identity/room"
)

// Place is a place in the queue of a Hasher, for one password. It is for one goroutine.
type Place struct {
	h    *Hasher
	room *room.Place
	in   bool

	began time.Time // of the work, after the wait for a slot, which is nobody's own; zero: there was none
}

// Reserve takes a place before the work that goes before a hash, which would be wasted on
// who is not let in: it asks nobody and waits for nothing. known is for who has been let in
// before: they have a queue of their own, and go first. refusal.Busy when the queue is full.
// Leave must be called.
func (h *Hasher) Reserve(known bool) (*Place, error) {
	p, err := h.room.Reserve(known)
	if err != nil {
		return nil, h.busy("too many passwords are waiting to be verified", nil)
	}
	return &Place{h: h, room: p}, nil
}

// Leave gives the place back. A second call does nothing.
func (p *Place) Leave() {
	p.room.Leave()
	if p.in && p.h.after != nil {
		go p.h.after()
	}
	p.in = false
}

// enter takes a slot, waiting in the queue for a limited time.
func (p *Place) enter(ctx context.Context) error {
	switch err := p.room.Enter(ctx); {
	case err == nil:
		if !p.in {
			p.in, p.began = true, time.Now()
		}
		return nil
	case errors.Is(err, room.ErrLate):
		return p.h.busy("no password hasher became free in time", nil)
	default:
		return p.h.busy("the request was given up", err)
	}
}
