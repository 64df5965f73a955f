package waf

import (
	"time"

	"github.com/sanmon-gate/sanmon/refusal"
)

// large is the length of a body from which on its inspection waits for a place, in bytes.
// Rules may take half a second of a processor for a body at the window that somebody has
// made for them; up to this length it is some hundredths.
const large = 8 << 10

// Lane bounds how many large bodies are inspected at once, so that they cannot take the
// processors from everything else. Engines may share one. It is safe for concurrent use.
type Lane struct {
	places chan struct{}
	wait   time.Duration
}

// NewLane makes a lane of n places, at least one, in which nobody waits longer than wait.
func NewLane(n int, wait time.Duration) *Lane {
	return &Lane{places: make(chan struct{}, max(n, 1)), wait: wait}
}

// enter takes a place for a body of n bytes and returns what gives it back.
func (l *Lane) enter(n int) (leave func(), err error) {
	if n < large {
		return func() {}, nil
	}
	select {
	case l.places <- struct{}{}:
		return l.leave, nil
	default:
	}
	patience := time.NewTimer(l.wait)
	defer patience.Stop()
	select {
	case l.places <- struct{}{}:
		return l.leave, nil
	case <-patience.C:
		no := refusal.New(refusal.Busy, "the web application firewall is inspecting %d large bodies and had no place for another in %s (limit the route, or its input.max_body)", cap(l.places), l.wait)
		no.RetryAfter = l.wait
		return nil, no
	}
}

func (l *Lane) leave() { <-l.places }
